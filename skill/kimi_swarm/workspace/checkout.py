"""The user's own checkout: what is under way in it, and what must not be lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kimi_swarm.process.command import Completed, run_command
from kimi_swarm.workspace.apply_errors import CheckoutBusyError, DetachedHeadError
from kimi_swarm.workspace.git import git, one_line, readable
from kimi_swarm.workspace.identity import identity_env
from kimi_swarm.workspace.status import parse_status

LIMIT_S = 900.0
"""How long the user's hooks and filters may take."""
_UNDER_WAY = {
    "MERGE_HEAD": "A merge",
    "rebase-merge": "A rebase",
    "rebase-apply": "A rebase",
    "CHERRY_PICK_HEAD": "A cherry-pick",
    "REVERT_HEAD": "A revert",
    "BISECT_LOG": "A bisect",
    "sequencer": "A cherry-pick or revert",
    "index.lock": "Another git command",
}
# Variables that would lead git elsewhere than to the folder it is run in.
_ELSEWHERE = frozenset(
    {
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"),
        *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
        *("GIT_NAMESPACE", "GIT_PREFIX", "GIT_OPTIONAL_LOCKS"),
    }
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """The user's checkout: its folder, git's folder for it, its branch and commit."""

    root: Path
    git_dir: Path
    branch: str
    head: str


async def look_at_checkout(root: Path) -> Checkout:
    """Look at a checkout that is on a branch, with nothing under way.

    Raises DetachedHeadError, CheckoutBusyError, GitError.
    """
    git_dir = await git_dir_of_root(root)
    what, head = _state_of(git_dir)
    if what is not None:
        raise CheckoutBusyError(root, what)
    if not head.startswith("ref: refs/heads/"):
        raise DetachedHeadError(root)
    commit = one_line(await git(root, "rev-parse", "--verify", "HEAD^{commit}"))
    return Checkout(root, git_dir, head.removeprefix("ref: refs/heads/"), commit)


def _state_of(git_dir: Path) -> tuple[str | None, str]:
    """Return what is under way, if anything, and where HEAD leads."""
    found = (what for name, what in _UNDER_WAY.items() if (git_dir / name).exists())
    return next(found, None), (git_dir / "HEAD").read_text("utf-8").strip()


async def git_dir_of_root(root: Path) -> Path:
    """Return the folder where git keeps what belongs to a checkout alone."""
    return Path(one_line(await git(root, "rev-parse", "--absolute-git-dir")))


async def touched(root: Path, before: str, after: str) -> dict[bytes, str]:
    """Return the paths that differ between two commits, and git's letter for each."""
    args = ("diff-tree", "-r", "-z", "--name-status", "--no-renames", before, after)
    fields = (await git(root, *args)).split(b"\0")
    letters = (letter.decode() for letter in fields[0::2])
    return dict(zip(fields[1::2], letters, strict=False))


async def in_the_way(root: Path, paths: Iterable[bytes]) -> list[str]:
    """Return what of the paths holds work that no commit has, or stands in their way.

    Ignored files count: git would overwrite them without a word. So do files that git
    was told to take for unchanged.
    """
    args = ("--porcelain=v2", "-z", "--untracked-files=all", "--ignored=matching")
    seen = parse_status(await git(root, "status", *args))
    listed = await git(root, "ls-files", "-v", "-z")
    unseen = [each[2:] for each in listed.split(b"\0") if each[:1].islower()]
    files = {*seen.changed, *seen.unmerged, *seen.untracked, *unseen}
    folders = {each for each in (*seen.ignored, *seen.nested) if each.endswith(b"/")}
    files |= {each for each in (*seen.ignored, *seen.nested) if each not in folders}
    parents = {parent for each in files for parent in _parents(each)}
    found = []
    for path in paths:
        above = [path, *_parents(path)]
        is_taken = path in parents or any(each in files for each in above)
        is_inside = any(each + b"/" in folders for each in above)
        if is_taken or (is_inside and _exists(root, path)):
            found.append(readable(path))
    return sorted(found)


def _parents(path: bytes) -> list[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:end]) for end in range(1, len(parts))]


def _exists(root: Path, path: bytes) -> bool:
    """Whether something is at a path, or a file or link where a folder must be."""
    for parent in _parents(path):
        above = root / os.fsdecode(parent)
        if above.is_symlink() or above.is_file():
            return True
    return os.path.lexists(root / os.fsdecode(path))


async def as_user(
    cwd: Path, words: Sequence[str], *, stdin: bytes = b"", more: Sequence[str] = ()
) -> Completed:
    """Run git as the user would: with their hooks, filters, signing and identity.

    It asks nothing. `more` are settings for git. Raises ProgramMissingError,
    FolderMissingError, CommandTimeoutError.
    """
    env = {name: text for name, text in os.environ.items() if name not in _ELSEWHERE}
    env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "LC_ALL": "C"}
    env |= await identity_env(cwd)
    settings = [word for each in more for word in ("-c", each)]
    argv = ("git", *settings, *words)
    return await run_command(argv, cwd=cwd, env=env, stdin=stdin, limit_s=LIMIT_S)
