"""Repositories and the workspaces made from them, and how to speak to each."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kimi_swarm.workspace.errors import RepositoryGoneError, WorkspaceGoneError
from kimi_swarm.workspace.git import git


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository: the checkout the user named, and the folder all checkouts share."""

    root: Path
    common_dir: Path


@dataclass(frozen=True, slots=True)
class Worktree:
    """One workspace under git: where it is, its branch and the commit it began at.

    `copied` names what was copied in from the user's checkout, relative to the root:
    such files are not the worker's and are not committed while git ignores them or
    does not know them.
    """

    repo: Repository
    path: Path
    branch: str
    base: str
    copied: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """The full name of its branch."""
        return f"refs/heads/{self.branch}"

    @property
    def is_fresh(self) -> bool:
        """Whether the repository lies in the workspace and goes with it."""
        return _is_same(self.repo.common_dir, self.path / ".git")


def _is_same(one: Path, other: Path) -> bool:
    return one == other or (one.name == other.name and one.resolve() == other.resolve())


async def in_repository(repo: Repository, *args: str) -> bytes:
    """Run git on what all checkouts share. Raises GitError, RepositoryGoneError."""
    if not repo.common_dir.is_dir():
        raise RepositoryGoneError(repo.common_dir, repo.root)
    return await git(repo.common_dir, *args, env=repository_env(repo))


def repository_env(repo: Repository) -> dict[str, str]:
    """Return the variables that name the shared folder, whatever the cwd."""
    return {"GIT_DIR": str(repo.common_dir)}


def tree_env(tree: Worktree, *, index: Path | None = None) -> dict[str, str]:
    """Return the variables that name a workspace, whatever became of its `.git` file.

    Raises RepositoryGoneError when it is not registered any more (see `reattach`).
    """
    git_dir = git_dir_of(tree)
    if git_dir is None:
        raise RepositoryGoneError(tree.repo.common_dir, tree.path)
    env = {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(tree.path)}
    if index is not None:
        env["GIT_INDEX_FILE"] = str(index)
    return env


async def in_tree(tree: Worktree, *args: str, index: Path | None = None) -> bytes:
    """Run git on a workspace. Raises GitError, RepositoryGoneError."""
    return await git(tree.path, *args, env=tree_env(tree, index=index))


def git_dir_of(tree: Worktree) -> Path | None:
    """Return the folder where git keeps what belongs to this workspace alone.

    It is found from git's side, because a worker may change the `.git` file.
    """
    if tree.is_fresh:
        own = tree.repo.common_dir
        return own if (own / "HEAD").is_file() else None
    wanted = _own_pointer(tree)
    registered = tree.repo.common_dir / "worktrees"
    with suppress(OSError):
        guess = registered / tree.path.name
        if _leads_to(guess) == wanted:
            return guess
    try:
        entries = sorted(registered.iterdir())
    except OSError:
        return None
    return next((entry for entry in entries if _leads_to(entry) == wanted), None)


def registered(repo: Repository) -> list[Path]:
    """Return the folder of every worktree that git has on record, there or not."""
    try:
        entries = sorted((repo.common_dir / "worktrees").iterdir())
    except OSError:
        return []
    pointers = [_leads_to(entry) for entry in entries]
    return [pointer.parent for pointer in pointers if pointer is not None]


def absolute(path: Path) -> Path:
    """Return a path that does not depend on the current folder; links stay."""
    return path.absolute()


def _own_pointer(tree: Worktree) -> Path:
    return tree.path.parent.resolve() / tree.path.name / ".git"


def _leads_to(entry: Path) -> Path | None:
    try:
        text = (entry / "gitdir").read_text("utf-8", "surrogateescape")
    except (OSError, UnicodeError):
        return None
    pointer = entry / text.removesuffix("\n")
    return pointer.parent.parent.resolve() / pointer.parent.name / ".git"


async def reattach(tree: Worktree) -> Path:
    """Make sure git knows the workspace, and return its folder on git's side.

    A worker may delete the `.git` file, and then a prune forgets the workspace; both
    are mended without touching any other file. Raises WorkspaceGoneError,
    RepositoryGoneError, GitError.
    """
    if not tree.path.is_dir():
        raise WorkspaceGoneError(tree.path)
    git_dir = git_dir_of(tree)
    if git_dir is None:
        if tree.is_fresh or not tree.repo.common_dir.is_dir():
            raise RepositoryGoneError(tree.repo.common_dir, tree.path)
        git_dir = _register_again(tree)
    pointer = tree.path / ".git"
    if not pointer.exists() and not pointer.is_symlink():
        pointer.write_text(f"gitdir: {git_dir}\n", "utf-8", "surrogateescape")
    if not (git_dir / "index").exists():
        await in_tree(tree, "read-tree", "HEAD")
    return git_dir


def _register_again(tree: Worktree) -> Path:
    registered = tree.repo.common_dir / "worktrees"
    registered.mkdir(exist_ok=True)
    number = 0
    while True:
        number += 1
        git_dir = registered / f"{tree.path.name}-{number}"
        with suppress(FileExistsError):
            git_dir.mkdir()
            break
    (git_dir / "commondir").write_text("../..\n", "utf-8")
    (git_dir / "HEAD").write_text(f"ref: {tree.ref}\n", "utf-8")
    (git_dir / "gitdir").write_text(
        f"{_own_pointer(tree)}\n", "utf-8", "surrogateescape"
    )
    return git_dir
