"""clear: what is over goes, and no work goes with it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from fakes.repos import portrait, run_git
from fakes.swarm import Swarm

BRANCHES = ("for-each-ref", "--format=%(refname:short) %(subject)", "refs/heads")


def writes(name: str) -> dict[str, object]:
    return {"argv": ["sh", "-c", f"echo precious > {name}"]}


def test_unmerged_work_is_refused_and_then_salvaged_by_force(swarm: Swarm):
    repo = swarm.repository()
    before = portrait(repo)
    run = swarm.spawn({"a": writes("a.txt"), "b": {"argv": ["true"]}})
    swarm.ended(run)

    refused = swarm.ask("clear", run, code=2)["error"]
    kept = swarm.ask("clear", run, "--force")

    assert refused["code"] == "unmerged_work"
    assert f"swarm/{run}/a" in refused["message"]
    assert f"swarm/{run}/b" not in refused["message"]
    assert kept["kept"] == [f"branch swarm-salvage/{run}/a"]
    assert run_git(repo, "show", f"swarm-salvage/{run}/a:a.txt") == "precious"
    assert f"swarm/{run}" not in run_git(repo, *BRANCHES)
    assert swarm.ask("list")["runs"] == []
    assert portrait(repo) == before


def test_merged_work_goes_without_force_and_the_merged_branch_stays(swarm: Swarm):
    repo = swarm.repository()
    run = swarm.spawn({"a": writes("a.txt")})
    swarm.ended(run)
    swarm.call("aggregate", run, "--merge")

    cleared = swarm.ask("clear", run)

    assert cleared["kept"] == [f"branch swarm/{run}/merged"]
    assert run_git(repo, "show", f"swarm/{run}/merged:a.txt") == "precious"
    assert run_git(repo, "worktree", "list").count("\n") == 0


def test_commits_made_by_hand_or_by_a_failing_setup_are_work_too(swarm: Swarm):
    repo = swarm.repository()
    commits = "echo x > {0}; git add {0}; git commit -qm {0}"
    setup = f"{commits.format('by-setup')}; exit 3"
    run = swarm.spawn(
        {
            "hand": {"argv": ["true"]},
            "setup": {"argv": ["true"], "workspace": {"setup": setup}},
        }
    )
    workspace = Path(swarm.ended(run)["hand"]["workspace"])
    subprocess.run(["sh", "-c", "echo x > y; git add y"], cwd=workspace, check=True)
    run_git(workspace, "commit", "-qm", "by-hand")

    refused = swarm.ask("clear", run, code=2)["error"]
    swarm.call("clear", run, "--force")

    assert f"swarm/{run}/hand, swarm/{run}/setup" in refused["message"]
    branches = run_git(repo, *BRANCHES)
    assert f"swarm-salvage/{run}/hand by-hand" in branches
    assert f"swarm-salvage/{run}/setup by-setup" in branches


def test_what_no_branch_can_hold_is_kept_in_the_salvage_folder(swarm: Swarm):
    run = swarm.spawn(
        {
            "fresh": {**writes("a.txt"), "workspace": "fresh"},
            "none": {**writes("b.txt"), "workspace": "none"},
        }
    )
    swarm.ended(run)

    assert swarm.ask("clear", run, code=2)["error"]["code"] == "unmerged_work"
    cleared = swarm.ask("clear", run, "--force")

    salvage = swarm.home / "salvage" / run
    bundle = salvage / "fresh.bundle"
    assert cleared["kept"] == [f"git bundle {bundle}", f"folder {salvage / 'none'}"]
    assert (salvage / "none" / "b.txt").read_text() == "precious\n"
    clone = swarm.folder / "clone"
    branch = f"swarm/{run}/fresh"
    run_git(swarm.folder, "clone", "-q", "-b", branch, str(bundle), str(clone))
    assert (clone / "a.txt").read_text() == "precious\n"


def test_files_are_kept_when_their_repository_is_gone(swarm: Swarm):
    repo = swarm.repository()
    run = swarm.spawn({"a": writes("a.txt")})
    swarm.ended(run)
    shutil.rmtree(repo)

    assert swarm.ask("clear", run, code=2)["error"]["code"] == "unmerged_work"
    swarm.call("clear", run, "--force")

    kept = swarm.home / "salvage" / run / "a" / "a.txt"
    assert kept.read_text() == "precious\n"


def test_a_run_that_is_not_over_is_not_cleared(swarm: Swarm):
    run = swarm.spawn({"a": {"argv": ["sleep", "60"], "workspace": "none"}})

    assert swarm.ask("clear", run, "--force", code=2)["error"]["code"] == "run_live"

    assert [one["run"] for one in swarm.ask("list")["runs"]] == [run]


def test_a_new_repository_in_which_nothing_was_done_goes_and_a_used_one_stays(
    swarm: Swarm,
):
    idle = swarm.spawn({"a": {"argv": ["true"]}}, repo="new")
    used = swarm.spawn({"a": {"argv": ["touch", "a.txt"]}}, repo="new")
    for run in (idle, used):
        swarm.ended(run)
    swarm.call("aggregate", used, "--merge")

    assert swarm.ask("clear", idle)["kept"] == []
    told = swarm.ask("clear", used)["kept"]

    assert [path.name for path in (swarm.home / "repos").iterdir()] == [used]
    assert f"repository {swarm.home / 'repos' / used}" in told
    assert "Left over" not in swarm.call("doctor").out
