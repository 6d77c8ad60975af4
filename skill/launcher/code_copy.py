"""The code a call runs from: a compiled copy in the cache, named for its content."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import py_compile
import shutil
import tempfile
import time
from typing import NamedTuple

from launcher.problem import Problem, skill_unreadable
from swarm import LOCKS, index_path, signature, survey

NEEDED = ("manifest.yaml", *LOCKS.values(), "skill/kimi_swarm/__init__.py")
TRIES = 50
PAUSE_S = 0.1
START = b'''"""Run kimi-swarm from the folder this file is in."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kimi_swarm.__main__ import main

sys.exit(main())
'''


class Snapshot(NamedTuple):
    """The skill's files at one moment: its stat signature, and bytes by path."""

    signature: bytes
    files: dict[str, bytes]


class CodeCopy(NamedTuple):
    """A laid copy: its folder, its key, what it was made from, and the locks' bytes.

    `locks` has the keys of LOCKS; each is whole.
    """

    folder: str
    key: str
    signature: bytes
    locks: dict[str, bytes]


def lay_code(cache: str, root: str) -> CodeCopy:
    """Return the copy of the skill at `root`, laid and compiled if it is not there.

    Raises Problem for an incomplete skill, OSError when the cache takes no files.
    """
    snapshot = read_skill(root)
    files = {place(name): data for name, data in snapshot.files.items()}
    locks = {extra: files.pop(name) for extra, name in LOCKS.items()}
    # An extra's file names only what it adds.
    locks |= {extra: locks[""] + more for extra, more in locks.items() if extra}
    files["start.py"] = START
    key = content_key(files)
    folder = os.path.join(cache, "code", key)
    if not os.path.isdir(folder):
        _lay_aside(folder, files)
    compile_missing(folder, files)
    return CodeCopy(folder, key, snapshot.signature, locks)


def read_skill(root: str) -> Snapshot:
    """Return all files of one moment, waiting while an update replaces them."""
    for _ in range(TRIES):
        try:
            before = signature(root)
            files = {name: _content(root, name) for name in survey(root)}
            is_settled = signature(root) == before
        except FileNotFoundError:
            is_settled, before, files = False, b"", {}
        except OSError as error:
            raise skill_unreadable(root, error) from None
        if is_settled:
            return Snapshot(before, complete(root, files))
        time.sleep(PAUSE_S)
    raise Problem(
        "skill_changing",
        f"The skill folder {root} keeps changing.",
        "Call again when its update has ended.",
    )


def complete(root: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return `files` if none we cannot do without is missing; raises Problem."""
    for name in NEEDED:
        if name not in files:
            raise Problem(
                "skill_incomplete",
                f"The skill folder {root} has no {name}.",
                "Install the skill again.",
            )
    return files


def place(name: str) -> str:
    """Return where a file of the skill lies in the copy, as in an installed wheel."""
    if name in LOCKS.values():
        return name
    inside = name.removeprefix("skill/")
    return inside if inside != name else f"kimi_swarm/_bundle/{name}"


def content_key(files: dict[str, bytes]) -> str:
    """Return the name of a copy: the same for the same names and bytes."""
    digest = hashlib.sha256()
    for name in sorted(files):
        encoded = os.fsencode(name)
        digest.update(b"%d %d\n" % (len(encoded), len(files[name])))
        digest.update(encoded + files[name])
    return digest.hexdigest()[:20]


def compile_missing(folder: str, files: dict[str, bytes]) -> None:
    """Compile, for the running interpreter, every module not yet compiled for it.

    The compiled files are never checked against their source: the name of the folder
    vouches for both, and a check would cost each call a stat for every module.
    """
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for name in files:
        source = os.path.join(folder, name)
        if not name.startswith("kimi_swarm/") or not name.endswith(".py"):
            continue
        if not os.path.exists(importlib.util.cache_from_source(source)):
            py_compile.compile(source, quiet=2, invalidation_mode=mode)


def remember(
    cache: str, root: str, tag: str, copy: CodeCopy, env_names: dict[str, str]
) -> None:
    """Record the copy and the environments under the skill's stat signature.

    `env_names` has the keys of LOCKS.
    """
    index = index_path(cache, root, tag)
    os.makedirs(os.path.dirname(index), exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=os.path.dirname(index))
    with os.fdopen(handle, "wb") as file:
        head = " ".join([copy.key, *(env_names[extra] for extra in LOCKS)])
        file.write(f"{head}\n".encode() + copy.signature)
    os.replace(aside, index)


def _content(root: str, name: str) -> bytes:
    with open(os.path.join(root, name), "rb") as file:
        return file.read()


def _lay_aside(folder: str, files: dict[str, bytes]) -> None:
    parent = os.path.dirname(folder)
    os.makedirs(parent, exist_ok=True)
    aside = tempfile.mkdtemp(prefix=".new-", dir=parent)
    try:
        for name, data in files.items():
            target = os.path.join(aside, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(data)
        os.chmod(aside, 0o755)  # noqa: S103 - as makedirs would; mkdtemp is stricter
        os.rename(aside, folder)
    except OSError:
        # A call that raced with us may have laid the same copy first.
        if not os.path.isdir(folder):
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
