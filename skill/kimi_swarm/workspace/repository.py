"""Finding, making and asking repositories."""

from __future__ import annotations

import os
from pathlib import Path

from kimi_swarm.workspace.errors import (
    BareRepositoryError,
    FolderTakenError,
    NoCommitError,
    NotARepositoryError,
    UnknownCommitError,
    UntrustedRepositoryError,
)
from kimi_swarm.workspace.git import GitError, attempt, git, one_line
from kimi_swarm.workspace.identity import identity_env
from kimi_swarm.workspace.tree import Repository, absolute, repository_env

FIRST_BRANCH = "main"
FIRST_MESSAGE = "Start"
FIRST_OBJECTS = 2


async def open_repository(path: Path) -> Repository:
    """Find the repository a folder is in.

    Raises NotARepositoryError, BareRepositoryError, NoCommitError,
    UntrustedRepositoryError, FolderMissingError, ProgramMissingError.
    """
    path = absolute(path)
    asked = ("--show-toplevel", "--git-common-dir", "--verify", "HEAD^{commit}")
    done = await attempt(path, "rev-parse", *asked, discover=True)
    lines = os.fsdecode(done.stdout).split("\n")
    if done.exit_code != 0 or len(lines) != len(asked):
        return await _open_step_by_step(path)
    return Repository(root=Path(lines[0]), common_dir=_joined(path, lines[1]))


async def _open_step_by_step(path: Path) -> Repository:
    """Find what is missing, or open a repository with a line end in its path."""
    found = await attempt(path, "rev-parse", "--git-common-dir", discover=True)
    if found.exit_code != 0:
        if b"dubious ownership" in found.stderr:
            raise UntrustedRepositoryError(path)
        if b"not a git repository" in found.stderr:
            raise NotARepositoryError(path)
        raise GitError(("rev-parse",), found.exit_code, found.stderr)
    top = await attempt(path, "rev-parse", "--show-toplevel", discover=True)
    if top.exit_code != 0:
        raise BareRepositoryError(path)
    root = Path(one_line(top.stdout))
    common_dir = _joined(path, one_line(found.stdout))
    head = await attempt(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head.exit_code != 0:
        raise NoCommitError(root)
    return Repository(root=root, common_dir=common_dir)


def _joined(path: Path, told: str) -> Path:
    return (path / told).resolve()


async def resolve_commit(repo: Repository, ref: str) -> str:
    """Return the full id of the commit a name leads to. Raises UnknownCommitError."""
    done = await attempt(
        repo.root,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{ref}^{{commit}}",
    )
    if done.exit_code != 0:
        raise UnknownCommitError(ref, repo.root)
    return one_line(done.stdout)


async def create_repository(path: Path) -> Repository:
    """Make a repository with one empty commit on `main`, or open the one made before.

    Raises FolderTakenError when the folder holds anything else, GitError.
    """
    path = absolute(path)
    repo = Repository(root=path, common_dir=path / ".git")
    await begin_history(repo, branch=FIRST_BRANCH)
    return repo


async def begin_history(repo: Repository, *, branch: str) -> str:
    """Make `repo.root` a repository with one empty commit, and return that commit.

    Done twice it finds what it made. Raises FolderTakenError, GitError.
    """
    root = repo.root
    root.mkdir(parents=True, exist_ok=True)
    if {entry.name for entry in root.iterdir()} - {".git"}:
        raise FolderTakenError(root, "it is not empty")
    # No template: a user's template may bring hooks.
    await git(root, "init", "-q", "--template=", f"--initial-branch={branch}")
    env = repository_env(repo)
    head = await attempt(root, "rev-parse", "--verify", "--quiet", "HEAD", env=env)
    if head.exit_code != 0:
        env = {**env, **await identity_env(root)}
        await git(
            root,
            *("commit", "-q", "--allow-empty", "--no-verify"),
            *("-m", FIRST_MESSAGE),
            env=env,
        )
        head = await attempt(root, "rev-parse", "HEAD", env=env)
    return one_line(head.stdout)


def is_blank(root: Path) -> bool:
    """Whether a folder is a repository of ours in which nothing was ever done.

    It has no file and no other branch, and its objects are a first commit's: an empty
    tree and the commit. No git is asked, since making it may have been cut short.
    """
    git_dir = root / ".git"
    if not git_dir.is_dir() or {each.name for each in root.iterdir()} != {".git"}:
        return False
    kept = [each for each in (git_dir / "refs").rglob("*") if each.is_file()]
    objects = [each for each in git_dir.glob("objects/*/*") if each.is_file()]
    return (
        {each.name for each in kept} <= {FIRST_BRANCH}
        and len(objects) <= FIRST_OBJECTS
        and not any((git_dir / name).exists() for name in ("packed-refs", "worktrees"))
    )
