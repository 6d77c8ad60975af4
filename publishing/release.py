"""A release: what a commit holds, laid in a folder, and how to publish that."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from publishing import parcel
from publishing.changes import changes_of
from publishing.finding import Finding, missing
from publishing.identity import Identity

CATEGORIES = ("development", "agents")
TOPICS = ("coding-agents", "parallel", "worktree", "orchestration", "kimi")
GITHUB = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+")
"""The only kind of source that the marketplace takes down beside a release."""
SUMMARY = "See CHANGELOG.md."
CHANGES_LIMIT_CHARS = 4_000
"""Longer changes are left to the file: this is an argument of a command."""


class NoCommitError(Exception):
    """Raised when the folder's git cannot say what its commit holds."""


def commit_of(root: Path) -> str:
    """Return the id of the commit that is checked out; raises NoCommitError."""
    return _git(root, "rev-parse", "HEAD").decode().strip()


def look_at(root: Path) -> list[Finding]:
    """Find whether the folder holds anything that its commit does not."""
    try:
        changed = _git(root, "status", "--porcelain", "--", ".").decode()
    except NoCommitError as error:
        return [missing("git", str(error))]
    if changed:
        names = ", ".join(line[3:] for line in changed.splitlines()[:3])
        return [missing("git", f"not committed: {names}. Publish what is committed.")]
    return []


def lay(root: Path, dist: Path) -> Path:
    """Lay what the commit publishes in `dist`, anew, in a folder of the skill's name.

    The validator and the marketplace go by that name. Raises NoCommitError.
    """
    target = dist / "kimi-swarm"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as aside:
        archive = Path(aside) / "commit.tar"
        archive.write_bytes(_git(root, "archive", "--format=tar", "HEAD"))
        whole = Path(aside) / "whole"
        with tarfile.open(archive) as packed:
            packed.extractall(whole, filter="data")
        return parcel.copy(whole, target)


def command(folder: Path, said: Identity, *, commit: str, changes: str) -> list[str]:
    """Return the words that publish a laid folder with the marketplace's program."""
    if not 0 < len(changes) <= CHANGES_LIMIT_CHARS:
        changes = SUMMARY
    source = ["--source-repo", said.source, "--source-commit", commit]
    return [
        *("clawhub", "skill", "publish", str(folder)),
        *("--slug", said.name, "--name", said.name, "--version", said.version),
        *("--categories", ",".join(CATEGORIES), "--topics", ",".join(TOPICS)),
        *("--changelog", changes),
        *(source if GITHUB.fullmatch(said.source) else []),
    ]


def shown(words: list[str]) -> str:
    """Return a command as a shell reads it, one option a line."""
    lines = [shlex.join(words[:4])]
    pairs = zip(words[4::2], words[5::2], strict=True)
    lines += [f"    {name} {shlex.quote(value)}" for name, value in pairs]
    return " \\\n".join(lines)


def prepared(root: Path, dist: Path, said: Identity) -> list[str]:
    """Lay the release and return the words that publish it; raises NoCommitError."""
    folder = lay(root, dist)
    changes = changes_of(root, said.version)
    return command(folder, said, commit=commit_of(root), changes=changes)


def _git(root: Path, *words: str) -> bytes:
    done = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise NoCommitError(f"git {words[0]} failed: {(said or ['silently'])[0]}")
    return done.stdout
