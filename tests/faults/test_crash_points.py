"""A crash at every named point: nothing is lost, runs twice, or is left behind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fakes.aftermath import Aftermath, left_worktrees
from fakes.swarm import Swarm, until, worker
from kimi_swarm.process.crash_point import POINTS

LOSING = (
    "shim.after_identity",
    "shim.after_start",
    "shim.before_sweep",
    "shim.before_rename",
)
APART = ("asker.", "herald.")
ON_THE_WAY = [point for point in POINTS if not point.startswith(APART)]
"""Those that every run comes to; askers and the herald have tests of their own."""
WHOLE = {
    "first": ("succeeded", "exit_ok", 0),
    "second": ("succeeded", "exit_ok", 0),
    "fails": ("failed", "exit_code", 7),
    "never": ("cancelled", "need_failed", None),
}


@pytest.fixture
def ledger(swarm: Swarm) -> Path:
    """A user with a repository and a ledger for workers to sign."""
    swarm.repository()
    # It ends by itself soon, so that what is left then is left for good.
    swarm.env["KIMI_SWARM_IDLE_S"] = "0.3"
    return swarm.folder / "ledger"


def plan(swarm: Swarm, ledger: Path) -> Path:
    """Write a plan of signers, in worktrees, of which some need others."""

    def task(code: int = 0, **fields: Any) -> dict[str, Any]:
        argv = worker("signs_ledger.sh", ledger, swarm.folder / "gate", code)
        return {"argv": argv, **fields}

    check = 'test -s "$KIMI_SWARM_TASK.txt"'
    tasks = {
        "first": task(check=check),
        "second": task(needs=["first"], check=check),
        "fails": task(7, workspace="none"),
        "never": task(needs=["fails"]),
    }
    return swarm.plan(tasks, defaults={"retries": 0})


def crash(swarm: Swarm, ledger: Path, point: str) -> str:
    """Run into a crash point; return the run, which may not be over."""
    gate, struck = swarm.folder / "gate", swarm.home / f"crash_point.{point}"
    swarm.env["KIMI_SWARM_CRASH_AT"] = point
    made = plan(swarm, ledger)
    if point == "supervisor.in_takeover":
        swarm.call("spawn", made)
        until(lambda: ledger.exists() and len(ledger.read_text().split()) == 2)
        swarm.kill_supervisor()
    gate.touch()
    if point != "supervisor.in_takeover":
        swarm.call("spawn", made, code=None)
    if point == "spawn.before_written":
        assert swarm.ask("list")["runs"] == []
        swarm.call("spawn", made)
    swarm.call("list", code=None)  # the next action, whatever it is, goes on
    until(struck.exists)
    (row,) = until(lambda: swarm.ask("list")["runs"])
    return str(row["run"])


@pytest.mark.parametrize("point", ON_THE_WAY)
def test_after_a_crash_every_session_ends_once_and_nothing_is_left(
    swarm: Swarm, ledger: Path, point: str
):
    run = crash(swarm, ledger, point)
    ended = swarm.ended(run)
    until(lambda: not swarm.processes())

    aftermath = Aftermath(swarm.home, [run])
    assert (aftermath.bad_ends, aftermath.bad_replays) == ([], [])
    assert aftermath.bad_exit_codes == []
    assert aftermath.left_files() == []
    assert left_worktrees(swarm.folder / "repo") == []
    assert swarm.log_of_supervisor() == ""
    signed = Counter(ledger.read_text().split())
    told = {
        name: (one["outcome"], one["reason"], one["exit_code"])
        for name, one in ended.items()
    }
    if point in LOSING:
        assert max(signed.values(), default=0) <= 1
        lost = [name for name in told if told[name][0] == "lost"]
        assert len(lost) == 1
        assert {name: told[name] for name in WHOLE} == after_the_loss_of(lost[0])
    else:
        assert told == WHOLE
        assert signed == {f"{run}/{name}": 1 for name in ("first", "second", "fails")}


def after_the_loss_of(task: str) -> dict[str, tuple[str, str, int | None]]:
    """Return how the plan ends when nobody knows how one of its first tasks ended."""
    ends = {**WHOLE, task: ("lost", "no_exit_record", None)}
    if task == "first":
        ends["second"] = ("cancelled", "need_failed", None)
    return ends
