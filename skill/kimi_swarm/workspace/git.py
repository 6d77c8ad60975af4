"""The one door to git: a clean environment, no hooks, no signing, no questions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kimi_swarm.errors import SwarmError
from kimi_swarm.process.command import Completed, ProgramMissingError, run_command

MESSAGE_LIMIT_CHARS = 300
LIMIT_S = 300.0

_PASSED = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "SSH_AUTH_SOCK",  # a partial clone fetches missing files when they are needed
        # Where the user keeps configuration, and who they are.
        "EMAIL",
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
    }
)

_FIXED = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": "true",
}

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.safecrlf=false",
    "commit.gpgsign=false",
    "tag.gpgsign=false",
    "merge.verifySignatures=false",
    "rerere.enabled=false",  # an old resolution must not decide a new conflict
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.addEmbeddedRepo=false",
    "advice.detachedHead=false",
    "advice.mergeConflict=false",
    "advice.statusHints=false",
)
_PREFIX = ("git", *(word for setting in _SETTINGS for word in ("-c", setting)))


class GitError(SwarmError):
    """Raised when git refuses; the sentence carries git's own first words."""

    code = "git"
    exit_code = 1

    def __init__(self, args: tuple[str, ...], exit_code: int, stderr: bytes) -> None:
        verb = next((word for word in args if not word.startswith("-")), "")
        words = first_words(stderr) or f"it ended with exit code {exit_code}"
        super().__init__(
            f"git {verb} failed: {words}",
            remedy="Look at the repository with `git status`, mend it, and try again.",
        )
        self.git_exit_code = exit_code
        self.stderr = stderr


def git_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment git runs in; inherited GIT_DIR and its kind are gone."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED or name.startswith("XDG_")
    }
    return {**env, **_FIXED, **(extra or {})}


async def attempt(
    cwd: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    keep_bytes: int | None = None,
    discover: bool = False,
) -> Completed:
    """Run git in `cwd` and return how it ended, whatever that is.

    Only `cwd` itself is looked at for a repository, unless `discover`: a workspace that
    lost its `.git` must not be taken for a part of the repository around it.
    Raises ProgramMissingError, FolderMissingError, CommandTimeoutError.
    """
    extra = dict(env or {})
    if not discover:
        extra["GIT_CEILING_DIRECTORIES"] = f"{cwd.parent}:{cwd.parent.resolve()}"
    try:
        return await run_command(
            (*_PREFIX, *args),
            cwd=cwd,
            env=git_environment(extra),
            stdin=stdin,
            keep_bytes=keep_bytes,
            limit_s=LIMIT_S,
        )
    except ProgramMissingError as error:
        raise ProgramMissingError(
            "git",
            remedy="Install git (2.31 or newer) or choose `workspace: none`.",
        ) from error


async def git(
    cwd: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> bytes:
    """Run git in `cwd` and return what it printed.

    Raises GitError, and whatever `attempt` raises.
    """
    done = await attempt(cwd, *args, env=env, stdin=stdin)
    if done.exit_code != 0:
        raise GitError(args, done.exit_code, done.stderr)
    return done.stdout


def first_words(stderr: bytes) -> str:
    """Return the line of git's complaint that matters, bounded and printable."""
    lines = [
        "".join(c if c.isprintable() else " " for c in line).strip()
        for line in stderr.decode("utf-8", "replace").splitlines()
    ]
    told = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    line = next(iter(told or [line for line in lines if line]), "")
    return line.removeprefix("fatal: ").removeprefix("error: ")[:MESSAGE_LIMIT_CHARS]


def one_line(output: bytes) -> str:
    """Return output that is a single line, without its line end."""
    return os.fsdecode(output.removesuffix(b"\n"))


def readable(path: bytes) -> str:
    """Return a path for people and records: bytes that are no UTF-8 are escaped."""
    return path.decode("utf-8", "backslashreplace")
