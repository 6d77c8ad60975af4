"""What a branch brought: commits, files, lines, the text of the difference."""

from __future__ import annotations

from dataclasses import dataclass

from kimi_swarm.workspace.git import GitError, attempt, one_line, readable
from kimi_swarm.workspace.status import look
from kimi_swarm.workspace.tree import (
    Repository,
    Worktree,
    in_repository,
    repository_env,
)

SHOWN_FILES = 200


@dataclass(frozen=True, slots=True)
class FileChange:
    """One changed file: git's letter (A, M, D, T) and lines; None for binary files."""

    path: str
    status: str
    added: int | None
    deleted: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What lies between a base and a head.

    `files` holds at most the asked number, `total`, `added` and `deleted` count
    all of them.
    """

    head: str
    commits: int
    files: tuple[FileChange, ...]
    total: int
    added: int
    deleted: int


async def changes(tree: Worktree, *, limit: int = SHOWN_FILES) -> Changes:
    """Tell what is committed on a workspace's branch since its base.

    The folder itself need not exist any more. Raises GitError, RepositoryGoneError.
    """
    return await changes_between(tree.repo, tree.base, tree.ref, limit=limit)


async def changes_between(
    repo: Repository, base: str, head: str, *, limit: int = SHOWN_FILES
) -> Changes:
    """Tell what is in `head` and not in `base`.

    Raises GitError, RepositoryGoneError.
    """
    listed = await in_repository(repo, "rev-list", head, f"^{base}", "--")
    commits = listed.decode().split()
    if not commits:
        commit = one_line(await in_repository(repo, "rev-parse", "--verify", head))
        if commit == base:
            return Changes(commit, 0, (), 0, 0, 0)
    else:
        commit = commits[0]
    args = ("diff-tree", "-r", "-z", "--raw", "--numstat", "--no-renames")
    files = parse_diff(await in_repository(repo, *args, base, commit, "--"))
    return Changes(
        head=commit,
        commits=len(commits),
        files=tuple(files[:limit]),
        total=len(files),
        added=sum(file.added or 0 for file in files),
        deleted=sum(file.deleted or 0 for file in files),
    )


def parse_diff(output: bytes) -> list[FileChange]:
    """Read `git diff-tree -z --raw --numstat --no-renames`."""
    letters: dict[bytes, str] = {}
    files: list[FileChange] = []
    fields = iter(output.split(b"\0"))
    for field in fields:
        if field.startswith(b":"):
            letters[next(fields)] = field.rsplit(b" ", 1)[1].decode()
        elif field:
            added, deleted, path = field.split(b"\t", 2)
            files.append(
                FileChange(
                    path=readable(path),
                    status=letters.get(path, "M"),
                    added=None if added == b"-" else int(added),
                    deleted=None if deleted == b"-" else int(deleted),
                )
            )
    return files


async def has_work(tree: Worktree) -> bool:
    """Tell whether a workspace holds anything beyond its base, committed or not.

    Raises GitError, RepositoryGoneError.
    """
    seen = await look(tree)
    if not seen.is_clean or seen.head != tree.base:
        return True
    if seen.branch == tree.branch:
        return False
    tip = await attempt(
        tree.repo.common_dir,
        *("rev-parse", "--verify", "--quiet", tree.ref),
        env=repository_env(tree.repo),
    )
    return tip.exit_code == 0 and one_line(tip.stdout) != tree.base


async def diff_text(
    repo: Repository, base: str, head: str, *, limit_bytes: int = 100_000
) -> str:
    """Return the difference as a patch with a summary before it, bounded.

    A last line tells what was cut. Raises GitError, RepositoryGoneError.
    """
    plain = ("--no-ext-diff", "--no-textconv", "--no-color")
    args = ("diff", *plain, "--stat=100", "--patch", base, head, "--")
    done = await attempt(
        repo.common_dir, *args, env=repository_env(repo), keep_bytes=limit_bytes
    )
    if done.exit_code != 0:
        raise GitError(args, done.exit_code, done.stderr)
    if not done.cut_bytes:
        return done.stdout.decode("utf-8", "replace")
    whole_lines = done.stdout[: done.stdout.rfind(b"\n") + 1]
    cut = done.cut_bytes + len(done.stdout) - len(whole_lines)
    return f"{whole_lines.decode('utf-8', 'replace')}[{cut} more bytes were cut]\n"
