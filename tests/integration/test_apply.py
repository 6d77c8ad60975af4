"""Bringing a merge to the user's branch: whole, or not at all, and over no work."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.repos import commit_files, portrait, run_git, write_files
from fakes.swarm import Swarm, until

FILES = {"a.txt": "1\n2\n3\n4\n5\n", "old.txt": "old\n", "keep.txt": "keep\n"}
WORK = "echo new > new/file.txt; sed -i 's/^1$/ONE/' a.txt; git rm -q old.txt"


@pytest.fixture
def run(swarm: Swarm) -> str:
    """A merged run that adds, changes and deletes a file."""
    swarm.repository({**FILES, ".gitignore": "secret\n*.ign\n"})
    run = swarm.spawn({"t": {"argv": ["sh", "-c", f"mkdir new; {WORK}"]}})
    swarm.ended(run)
    swarm.call("aggregate", run, "--merge")
    return run


def face(repo: Path, *, is_mended: bool = False) -> dict[str, str]:
    """Return all that a user sees of a checkout, files and their content included.

    In one that was mended the index has new times, and git has noted where it was.
    """
    files = {
        str(path.relative_to(repo)): path.read_text()
        for path in sorted(repo.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }
    inner = {f".git {key}": text for key, text in portrait(repo).items()}
    if is_mended:
        inner |= {".git index": run_git(repo, "ls-files", "--stage"), ".git files": ""}
    return {**files, **inner}


def test_a_merge_is_brought_to_the_branch_as_a_fast_forward(swarm: Swarm, run: str):
    repo = swarm.repository()
    write_files(repo, {"keep.txt": "mine\n", "notes": "untracked\n"})
    hook = repo / ".git/hooks/post-merge"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho hook > {swarm.folder}/hooked\n")
    hook.chmod(0o755)

    told = swarm.call("aggregate", run, "--apply")
    again = swarm.call("aggregate", run, "--apply")

    head = run_git(repo, "rev-parse", "HEAD")
    assert head == run_git(repo, "rev-parse", f"swarm/{run}/merged")
    assert any(line.startswith("Applied to your branch `main`") for line in told.lines)
    assert "Your branch `main` has it all already" in again.lines
    assert run_git(repo, "status", "--porcelain") == "M keep.txt\n?? notes"
    assert (repo / "keep.txt").read_text() == "mine\n"
    assert (repo / "new/file.txt").read_text() == "new\n"
    assert not (repo / "old.txt").exists()
    assert (swarm.folder / "hooked").exists()
    assert swarm.call("clear", run).code == 0


def test_a_branch_that_went_on_gets_a_merge_commit_that_passes(swarm: Swarm, run: str):
    repo = swarm.repository()
    mine = commit_files(repo, {"mine.txt": "mine\n", "a.txt": "1\n2\n3\n4\nFIVE\n"})
    swarm.call(
        "aggregate", run, "--merge", "--apply", "--check", "test -e new/file.txt"
    )
    assert run_git(repo, "rev-parse", "HEAD^1") == mine
    assert (repo / "a.txt").read_text() == "ONE\n2\n3\n4\nFIVE\n"
    assert run_git(repo, "status", "--porcelain") == ""
    assert run_git(repo, "worktree", "list").count("\n") == 1  # the task's own


def commits_a_collision(repo: Path) -> None:
    commit_files(repo, {"a.txt": "uno\n2\n3\n4\n5\n"})


def changes_a_touched_file(repo: Path) -> None:
    write_files(repo, {"a.txt": "mine\n"})


def stages_a_touched_file(repo: Path) -> None:
    write_files(repo, {"a.txt": "mine\n"})
    run_git(repo, "add", "a.txt")


def hides_a_change(repo: Path) -> None:
    run_git(repo, "update-index", "--assume-unchanged", "a.txt")
    write_files(repo, {"a.txt": "mine\n"})


def has_an_untracked_file_there(repo: Path) -> None:
    write_files(repo, {"new/file.txt": "mine\n"})


def has_an_ignored_file_there(repo: Path) -> None:
    write_files(repo, {".git/info/exclude": "new\n", "new/file.txt": "mine\n"})


def has_a_file_where_a_folder_comes(repo: Path) -> None:
    write_files(repo, {".git/info/exclude": "new\n", "new": "mine\n"})


def is_on_no_branch(repo: Path) -> None:
    run_git(repo, "checkout", "-q", "--detach")


def is_merging(repo: Path) -> None:
    run_git(repo, "checkout", "-q", "-b", "side")
    commit_files(repo, {"keep.txt": "side\n"})
    run_git(repo, "checkout", "-q", "main")
    run_git(repo, "merge", "--no-ff", "--no-commit", "-q", "side")


def is_rebasing(repo: Path) -> None:
    run_git(repo, "checkout", "-q", "-b", "side")
    commit_files(repo, {"keep.txt": "side\n"})
    run_git(repo, "checkout", "-q", "main")
    commit_files(repo, {"keep.txt": "main\n"})
    run_git(repo, "rebase", "side", ok=False)
    run_git(repo, "symbolic-ref", "HEAD", "refs/heads/main")


def is_bisecting(repo: Path) -> None:
    run_git(repo, "bisect", "start")


def has_a_hook_that_refuses(repo: Path) -> None:
    commit_files(repo, {"mine.txt": "mine\n"})
    hook = repo / ".git/hooks/pre-merge-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho litter > litter; echo no, never >&2; exit 1\n")
    hook.chmod(0o755)


@pytest.mark.parametrize(
    ("trouble", "kind", "words"),
    [
        (commits_a_collision, "apply_conflict", "in a.txt"),
        (changes_a_touched_file, "uncommitted_work", "a.txt"),
        (stages_a_touched_file, "uncommitted_work", "a.txt"),
        (hides_a_change, "uncommitted_work", "a.txt"),
        (has_an_untracked_file_there, "uncommitted_work", "new/file.txt"),
        (has_an_ignored_file_there, "uncommitted_work", "new/file.txt"),
        (has_a_file_where_a_folder_comes, "uncommitted_work", "new/file.txt"),
        (is_on_no_branch, "detached_head", "on no branch"),
        (is_merging, "checkout_busy", "A merge"),
        (is_rebasing, "checkout_busy", "A rebase"),
        (is_bisecting, "checkout_busy", "A bisect"),
        (has_a_hook_that_refuses, "apply_refused", "no, never"),
    ],
)
def test_what_stands_in_the_way_is_told_and_nothing_changes(
    swarm: Swarm, run: str, trouble: Callable[[Path], None], kind: str, words: str
):
    repo = swarm.repository()
    trouble(repo)
    before = face(repo)
    error = swarm.ask("aggregate", run, "--apply", code=1)["error"]
    assert (error["code"], words in error["message"]) == (kind, True), error
    assert error["message"].count(". ") == 0
    assert face(repo) == before
    assert run_git(repo, "branch", "--list", "swarm-salvage/*") == ""


def test_what_was_never_merged_is_not_applied(swarm: Swarm):
    swarm.repository()
    run = swarm.spawn({"t": {"argv": ["sh", "-c", "echo 1 > t"]}})
    swarm.ended(run)
    assert swarm.ask("aggregate", run, "--apply", code=2)["error"]["code"] == (
        "nothing_merged"
    )


def test_an_apply_of_which_nothing_could_be_merged_did_something(swarm: Swarm):
    swarm.repository()
    run = swarm.spawn({"t": {"argv": ["false"]}})
    swarm.ended(run)
    done = swarm.call("aggregate", run, "--merge", "--apply", code=1)
    assert "Nothing of run" in done.err


def test_what_fails_its_check_is_not_applied(swarm: Swarm, run: str):
    repo = swarm.repository()
    before = face(repo)
    words = ("--merge", "--apply", "--check", "false")
    error = swarm.ask("aggregate", run, *words, code=1)["error"]
    assert error["code"] == "apply_check"
    commit_files(repo, {"mine.txt": "mine\n"})
    mine = face(repo)
    words = ("--merge", "--apply", "--check", "test ! -e mine.txt || test -e old.txt")
    error = swarm.ask("aggregate", run, *words, code=1)["error"]
    assert (error["code"], before != mine) == ("apply_check", True)
    assert face(repo) == mine


def slow_to_write(repo: Path, deed: str) -> None:
    """Let git do a deed while it writes a.txt, through a filter of the user's."""
    write_files(repo, {".git/info/attributes": "a.txt filter=slow\n"})
    run_git(repo, "config", "filter.slow.clean", "cat")
    run_git(repo, "config", "filter.slow.smudge", deed)
    run_git(repo, "config", "filter.slow.required", "true")


def test_a_git_that_is_killed_in_the_middle_leaves_everything_as_it_was(
    swarm: Swarm, run: str
):
    repo = swarm.repository()
    mark = swarm.folder / "once"
    slow_to_write(repo, f"if mkdir {mark}; then kill -9 0; fi; cat")
    before = face(repo, is_mended=True)
    error = swarm.ask("aggregate", run, "--apply", code=1)["error"]
    assert mark.exists()
    assert error["code"] == "apply_refused"
    assert face(repo, is_mended=True) == before
    assert not (repo / ".git/index.lock").exists()
    swarm.call("aggregate", run, "--apply")
    assert run_git(repo, "status", "--porcelain") == ""


def start_and_stop(swarm: Swarm, run: str, repo: Path) -> subprocess.Popen[str]:
    """Start an apply and stop at the moment when its git is writing files."""
    mark, gate = swarm.folder / "writing", swarm.folder / "gate"
    gate.write_text("")
    wait = f"touch {mark}; while test -e {gate}; do sleep 0.05; done; cat"
    slow_to_write(repo, wait)
    applying = swarm.start("aggregate", run, "--apply")
    until(mark.exists)
    return applying


def gits_in(repo: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
                cwd = (entry / "cwd").readlink()
            except OSError:
                continue
            if cwd == repo and (b"--ff-only" in line or b"while test" in line):
                found.append(int(entry.name))
    return found


def test_an_apply_whose_git_lives_on_is_done_after_all(swarm: Swarm, run: str):
    repo = swarm.repository()
    with start_and_stop(swarm, run, repo) as applying:
        applying.send_signal(signal.SIGKILL)
    (swarm.folder / "gate").unlink()
    told = swarm.call("aggregate", run, "--apply")
    assert "Your branch `main` has it all already" in told.lines
    assert run_git(repo, "status", "--porcelain") == ""


def cut_off(swarm: Swarm, run: str, repo: Path) -> None:
    """Kill an apply and its git while that writes files, as a power cut would."""
    with start_and_stop(swarm, run, repo) as applying:
        applying.send_signal(signal.SIGKILL)
        for pid in gits_in(repo):
            os.kill(pid, signal.SIGKILL)
    (swarm.folder / "gate").unlink()
    until(lambda: not gits_in(repo), limit_s=10)
    (repo / ".git/index.lock").unlink()  # git leaves it, and says what to do about it


def test_an_apply_that_was_cut_off_with_its_git_is_undone_first(swarm: Swarm, run: str):
    repo = swarm.repository()
    cut_off(swarm, run, repo)
    assert run_git(repo, "status", "--porcelain") != ""
    run_git(repo, "checkout", "-q", "--detach")
    error = swarm.ask("aggregate", run, "--apply", code=1)["error"]
    assert error["code"] == "detached_head"
    assert run_git(repo, "status", "--porcelain") == ""
    run_git(repo, "checkout", "-q", "main")
    swarm.call("aggregate", run, "--apply")
    assert run_git(repo, "status", "--porcelain") == ""
    assert run_git(repo, "rev-parse", "HEAD") == run_git(
        repo, "rev-parse", f"swarm/{run}/merged"
    )


def test_what_somebody_wrote_after_the_cut_is_kept_and_told(swarm: Swarm, run: str):
    repo = swarm.repository()
    cut_off(swarm, run, repo)
    write_files(repo, {"new/file.txt": "written by hand\n"})
    error = swarm.ask("aggregate", run, "--apply", code=1)["error"]
    assert error["code"] == "apply_unfinished"
    assert "new/file.txt" in error["message"]
    assert (repo / "new/file.txt").read_text() == "written by hand\n"
    assert (repo / "a.txt").read_text() == FILES["a.txt"]
