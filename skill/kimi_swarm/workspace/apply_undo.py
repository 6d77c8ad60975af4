"""Putting the user's checkout back where a fast-forward died in the middle of it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio

from kimi_swarm.workspace.apply_errors import (
    ApplyRefusedError,
    ApplyUnfinishedError,
    CheckoutBusyError,
)
from kimi_swarm.workspace.checkout import as_user, git_dir_of_root, touched
from kimi_swarm.workspace.git import attempt, first_words, git, one_line, readable

PATIENCE_S = 10.0
STEP_S = 0.05


@dataclass(frozen=True, slots=True)
class Journal:
    """A fast-forward that was begun: the checkout, and its commits before and after."""

    root: str
    before: str
    after: str


async def finish(path: Path) -> None:
    """Bring an apply that died to an end: undone, unless it was done.

    Its git may live: that is waited for. Raises ApplyUnfinishedError where somebody has
    written files since then, CheckoutBusyError.
    """
    note = _read(path)
    if note is None:
        return
    lock = await git_dir_of_root(Path(note.root)) / "index.lock"
    with anyio.move_on_after(PATIENCE_S):
        while lock.exists():  # noqa: ASYNC110 a local look; nothing announces it
            await anyio.sleep(STEP_S)
    if lock.exists():
        raise CheckoutBusyError(Path(note.root), "Another git command")
    await undo(note, has_died=False)
    forget(path)


def _read(path: Path) -> Journal | None:
    """Return what was begun, None where nothing was or its checkout is gone."""
    try:
        note = Journal(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return note if Path(note.root).is_dir() else None


def forget(path: Path) -> None:
    """Remove the journal of what has come to an end."""
    path.unlink(missing_ok=True)


async def undo(note: Journal, *, has_died: bool) -> bool:
    """Put everything back as before unless the fast-forward is done; whether it is.

    `has_died` says that its git was just killed, whose lock then goes. What somebody
    else wrote meanwhile is kept, and told by ApplyUnfinishedError. Raises
    ApplyRefusedError, GitError too.
    """
    root = Path(note.root)
    head = one_line(await git(root, "rev-parse", "--verify", "HEAD"))
    if head != note.before:
        return head == note.after
    if has_died:
        # Before that git there was none, and no other can have begun beside it.
        (await git_dir_of_root(root) / "index.lock").unlink(missing_ok=True)
    changed = await touched(root, note.before, note.after)
    dirty = await _differing(root, list(changed), note.before)
    if not dirty:
        return False
    ours = [path for path in dirty if await _is_ours(root, path, note.after)]
    await _restore(root, {path: changed[path] for path in ours}, note.before)
    if foreign := [readable(path) for path in dirty if path not in ours]:
        raise ApplyUnfinishedError(root, note.before, foreign)
    return False


async def _differing(root: Path, paths: list[bytes], commit: str) -> list[bytes]:
    """Return those of the paths that are not as in a commit, in index or folder."""
    await as_user(root, ("update-index", "-q", "--refresh"))
    found: set[bytes] = set()
    for more in ((), ("--cached",)):
        listed = await git(root, "diff", "--name-only", "-z", *more, commit, "--")
        found |= set(listed.split(b"\0"))
    untracked = await git(root, "ls-files", "--others", "-z")
    found |= set(untracked.split(b"\0"))
    return [path for path in paths if path in found]


async def _is_ours(root: Path, path: bytes, after: str) -> bool:
    """Whether a file is gone, or holds what the fast-forward would write, or a part."""
    place = root / os.fsdecode(path)
    try:
        is_link = place.is_symlink()
        held = os.fsencode(place.readlink()) if is_link else place.read_bytes()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    name = f"{after}:{os.fsdecode(path)}"
    wanted = await attempt(root, "cat-file", "--filters", name)
    return wanted.exit_code == 0 and wanted.stdout.startswith(held)


async def _restore(root: Path, changed: dict[bytes, str], before: str) -> None:
    """Put paths back as they were in a commit, in the index and in the folder."""
    added = [path for path, letter in changed.items() if letter == "A"]
    others = [path for path, letter in changed.items() if letter != "A"]
    await as_user(
        root,
        ("update-index", "--force-remove", "-z", "--stdin"),
        stdin=b"".join(path + b"\0" for path in added),
    )
    for path in added:
        _remove(root, path)
    if others:
        source = ("--source", before, "--staged", "--worktree")
        named = ("--pathspec-from-file=-", "--pathspec-file-nul")
        words = ("--literal-pathspecs", "restore", *source, *named)
        listed = b"".join(path + b"\0" for path in others)
        done = await as_user(root, words, stdin=listed)
        if done.exit_code != 0:
            raise ApplyRefusedError(root, first_words(done.stderr))


def _remove(root: Path, path: bytes) -> None:
    """Remove a file, and the folders above it that are empty then."""
    place = root / os.fsdecode(path)
    with suppress(OSError):
        place.unlink(missing_ok=True)
        for folder in place.parents:
            if folder == root:
                break
            folder.rmdir()
