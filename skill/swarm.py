#!/usr/bin/env python3
"""Start kimi-swarm from its skill folder: `python3 skill/swarm.py VERB ...`.

Only the standard library. Hot verbs run in this process, from a compiled copy of the
code in the cache; every other verb is handed to a private environment made on first
use. Nothing is ever written into the skill folder. This file and what it imports
before the version check parse on Python 3.6, so that an old interpreter meets a
sentence and not a syntax error.
"""

import os
import sys

HOT_VERBS = ("list", "poll", "log", "wait", "kill")
OLDEST = (3, 11)
# What the private environments are made from: for all verbs, and what it takes besides
# for the verb that needs more than the rest.
LOCKS = {"": "requirements.lock", "mcp": "requirements-mcp.lock"}


def cache_root() -> str:
    """Return the absolute cache folder, or "" when there is no home to put it in."""
    chosen = os.environ.get("KIMI_SWARM_CACHE")
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(xdg):
        return os.path.join(xdg, "kimi-swarm")
    home = os.environ.get("HOME") or account_home()
    if not home:
        return ""
    inner = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return os.path.join(os.path.abspath(home), inner, "kimi-swarm")


def account_home() -> str:
    """Return the home folder the system's accounts name for this user, or ""."""
    import pwd  # noqa: PLC0415 - rarely needed, and this is the hot path

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def survey(root: str) -> "dict[str, str]":
    """Return the facts (size, mtime and ctime in ns) of every file the copy is made of.

    Keys are paths relative to `root`. Hidden and compiled files do not count.
    """
    facts = {}
    for name in ("manifest.yaml", *LOCKS.values()):
        try:
            facts[name] = file_facts(os.stat(os.path.join(root, name)))
        except FileNotFoundError:
            continue
    folders = ["skill/kimi_swarm", "prompts"]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(root, folder)))
        except FileNotFoundError:
            continue
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name == "__pycache__" or name.endswith(".pyc"):
                continue
            if entry.is_dir():
                folders.append(folder + "/" + name)
            elif entry.is_file():
                facts[folder + "/" + name] = file_facts(entry.stat())
    return facts


def file_facts(stat: os.stat_result) -> str:
    """Return what changes when a file does, without reading the file."""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def signature(root: str) -> bytes:
    """Return the stat signature of the skill at `root`: equal means unchanged."""
    lines = sorted(f"{name}\0{facts}" for name, facts in survey(root).items())
    return "\n".join([root, *lines]).encode("utf-8", "surrogateescape")


def interpreter_tag() -> str:
    """Return what compiled code and an environment depend on, fit for a file name."""
    major, minor = sys.version_info[:2]
    abi = f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}"
    return f"{major}.{minor}-{abi}-{sys.platform}-{os.uname().machine}"


def index_path(cache: str, root: str, tag: str) -> str:
    """Return the file that remembers the copy made of the skill at `root`."""
    # A remainder stands in for a hash: importing hashlib costs more than this verb.
    path_key = int.from_bytes(os.fsencode(root), "big") % (2**89 - 1)
    return os.path.join(cache, "index", f"{path_key:x}-{tag}")


def remembered(cache: str, root: str, tag: str, extra: str) -> "tuple[str, str] | None":
    """Return the code copy and the environment's interpreter recorded for this skill.

    `extra` is a key of LOCKS. None when the skill has changed since, or the copy is
    gone. The interpreter need not exist yet.
    """
    try:
        with open(index_path(cache, root, tag), "rb") as file:
            head, _, recorded = file.read().partition(b"\n")
        is_unchanged = recorded == signature(root)
    except OSError:
        return None
    if not is_unchanged:
        return None
    code_key, *env_names = head.decode("ascii", "replace").split(" ")
    code = os.path.join(cache, "code", code_key)
    if not os.path.isdir(code) or len(env_names) != len(LOCKS):
        return None
    env_name = env_names[list(LOCKS).index(extra)]
    return code, os.path.join(cache, "env", env_name, "bin", "python")


def first_word(argv: "list[str]") -> str:
    """Return the verb: the first argument that is not a global option."""
    for word in argv:
        if not word.startswith("-"):
            return word
    return ""


def quoted(word: str) -> str:
    """Return `word` so that a shell reads it as one."""
    if word and all(c.isalnum() or c in "/._-+=:,@%" for c in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def run_hot(code: str, skill: str, argv: "list[str]") -> int:
    """Run a hot verb in this process, from the copy and never from the skill folder."""
    sys.path[:] = [code, *(path for path in sys.path if path != skill)]
    from kimi_swarm.cli.hot import main as hot_main  # noqa: PLC0415 - path set above

    return hot_main(argv)


def hand_over(python: str, code: str, argv: "list[str]") -> int:
    """Replace this process by the private environment's interpreter."""
    # Isolated: the user's PYTHON* variables reach their workers but not our imports.
    words = [python, "-I", os.path.join(code, "start.py"), *argv]
    try:
        os.execve(python, words, os.environ)  # noqa: S606 - no shell is wanted
    except OSError as error:
        from launcher.problem import not_runnable, tell  # noqa: PLC0415 - rare

        return tell(not_runnable(python, error), argv)


def main(argv: "list[str]") -> int:
    """Run one command line and return its exit code; 2 when we cannot start."""
    sys.dont_write_bytecode = True
    sys.pycache_prefix = None  # the compiled files to read lie in the copy
    skill = os.path.dirname(os.path.realpath(__file__))
    if skill not in sys.path:
        sys.path.insert(0, skill)
    script = os.path.abspath(__file__)
    cache = cache_root()
    if os.name != "posix" or not cache or sys.version_info < OLDEST:
        from launcher.elsewhere import go_on  # noqa: PLC0415 - rare

        return go_on(cache, script, argv)
    root, tag = os.path.dirname(skill), interpreter_tag()
    verb = first_word(argv)
    is_hot, extra = verb in HOT_VERBS, verb if verb in LOCKS else ""
    found = remembered(cache, root, tag, extra)
    if not found or not (is_hot or os.path.exists(found[1])):
        from launcher.first_use import prepare  # noqa: PLC0415 - once

        found = prepare(cache, root, tag, argv, is_hot=is_hot, extra=extra)
    code, python = found
    # Whatever Python was typed: python3 is short, and any version finds its way here.
    os.environ["KIMI_SWARM_PROG"] = "python3 " + quoted(script)
    os.environ["KIMI_SWARM_CODE"] = code
    os.environ.pop("KIMI_SWARM_PYTHON", None)
    if os.path.exists(python):
        os.environ["KIMI_SWARM_PYTHON"] = python
    return run_hot(code, skill, argv) if is_hot else hand_over(python, code, argv)


def leave(code: int) -> None:
    """End at once: taking an interpreter apart costs a third of starting one."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    try:
        CODE = main(sys.argv[1:])
    except KeyboardInterrupt:
        CODE = 130
    leave(CODE)
