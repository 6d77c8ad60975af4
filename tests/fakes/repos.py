"""Repositories for tests, made with plain git and an identity of their own."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada Tester",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada Tester",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def run_git(
    path: Path, *args: str, env: Mapping[str, str] | None = None, ok: bool = True
) -> str:
    """Run git as a person or a worker would, and return what it printed, stripped."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_")
    }
    done = subprocess.run(
        ["git", *args],
        cwd=path,
        env={**clean, **IDENTITY, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    if ok and done.returncode != 0:
        message = f"git {args} failed: {done.stderr.decode('utf-8', 'replace')}"
        raise AssertionError(message)
    return os.fsdecode(done.stdout).strip()


def make_repository(path: Path, files: Mapping[str, str]) -> Path:
    """Make a repository on `main` with one commit that holds the files."""
    path.mkdir(parents=True, exist_ok=True)
    run_git(path, "init", "-q", "--template=", "--initial-branch=main")
    write_files(path, files)
    run_git(path, "add", "-A", "--force")
    run_git(path, "commit", "-q", "--allow-empty", "-m", "First")
    return path


def write_files(path: Path, files: Mapping[str, str]) -> None:
    """Write text files below a folder."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")


def commit_files(path: Path, files: Mapping[str, str], message: str = "More") -> str:
    """Commit files on whatever is checked out, and return the commit."""
    write_files(path, files)
    run_git(path, "add", "-A")
    run_git(path, "commit", "-q", "-m", message)
    return run_git(path, "rev-parse", "HEAD")


def make_branch(path: Path, branch: str, files: Mapping[str, str]) -> str:
    """Make a branch from `main` with one commit, without a lasting checkout of it."""
    run_git(path, "checkout", "-q", "-b", branch, "main")
    commit = commit_files(path, files, f"Work of {branch}")
    run_git(path, "checkout", "-q", "main")
    return commit


def portrait(path: Path) -> dict[str, str]:
    """Return everything of a user's repository that we promise not to touch."""
    refs = run_git(path, "for-each-ref", "--format=%(refname) %(objectname)")
    index = path / ".git" / "index"
    return {
        "status": run_git(path, "--no-optional-locks", "status", "--porcelain=v2"),
        "stash": run_git(path, "stash", "list"),
        "config": (path / ".git" / "config").read_text("utf-8"),
        "head": (path / ".git" / "HEAD").read_text("utf-8"),
        "refs": "\n".join(
            line
            for line in refs.splitlines()
            if not line.startswith(("refs/heads/swarm/", "refs/heads/swarm-salvage/"))
        ),
        "index": hashlib.sha256(index.read_bytes()).hexdigest(),
        "files": " ".join(
            sorted(
                entry.name
                for entry in (path / ".git").iterdir()
                if entry.name not in {"worktrees", "objects"}
            )
        ),
    }
