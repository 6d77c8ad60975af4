"""What a worker will not see: the gap between the user's checkout and a worktree."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from kimi_swarm.workspace.git import GitError, attempt, readable
from kimi_swarm.workspace.status import parse_status
from kimi_swarm.workspace.tree import Repository

SHOWN_IGNORED = 20


@dataclass(frozen=True, slots=True)
class Survey:
    """What stays behind in the user's checkout.

    `uncommitted` counts changed and untracked entries (an untracked folder is one),
    `ignored` names the first ignored files and folders that exist there, shallow ones
    first, `ignored_total` counts all; `submodules` are the declared paths; `uses_lfs`
    tells that files are kept by LFS, so a worktree holds pointers.
    """

    uncommitted: int
    submodules: tuple[str, ...]
    uses_lfs: bool
    ignored: tuple[str, ...]
    ignored_total: int

    @property
    def is_complete(self) -> bool:
        """Whether a worktree holds all that the user's checkout holds."""
        return not (
            self.uncommitted or self.submodules or self.uses_lfs or self.ignored_total
        )


async def survey(repo: Repository, base: str) -> Survey:
    """Tell what a worktree of commit `base` lacks. Raises GitError."""
    found = _Found()
    async with anyio.create_task_group() as asked:
        asked.start_soon(found.ask_status, repo)
        asked.start_soon(found.ask_submodules, repo, base)
        asked.start_soon(found.ask_lfs, repo, base)
    ignored = sorted(
        (readable(path) for path in found.ignored), key=lambda p: (p.count("/"), p)
    )
    return Survey(
        uncommitted=found.uncommitted,
        submodules=found.submodules,
        uses_lfs=found.uses_lfs,
        ignored=tuple(ignored[:SHOWN_IGNORED]),
        ignored_total=len(ignored),
    )


class _Found:
    """The answers as they come in, in any order."""

    uncommitted = 0
    submodules: tuple[str, ...] = ()
    uses_lfs = False
    ignored: tuple[bytes, ...] = ()

    async def ask_status(self, repo: Repository) -> None:
        args = ("--branch", "--untracked-files=normal", "--ignored=matching")
        done = await attempt(repo.root, "status", "--porcelain=v2", "-z", *args)
        if done.exit_code != 0:
            raise GitError(("status",), done.exit_code, done.stderr)
        seen = parse_status(done.stdout)
        # Untracked folders end in a slash, as repositories inside do: `nested`.
        self.uncommitted = sum(
            map(len, (seen.changed, seen.unmerged, seen.untracked, seen.nested))
        )
        self.ignored = seen.ignored

    async def ask_submodules(self, repo: Repository, base: str) -> None:
        declared = await attempt(
            repo.root,
            *("config", "-z", f"--blob={base}:.gitmodules"),
            *("--get-regexp", r"^submodule\..*\.path$"),
        )  # fails when there is no such file, and then there are none
        self.submodules = tuple(
            readable(entry.partition(b"\n")[2])
            for entry in declared.stdout.split(b"\0")
            if entry
        )

    async def ask_lfs(self, repo: Repository, base: str) -> None:
        done = await attempt(
            repo.root,
            *("grep", "-q", "-E", "-e", "^[^#]*filter=lfs", base),
            *("--", ":(top,glob)**/.gitattributes"),
        )
        self.uses_lfs = done.exit_code == 0
