"""Whose environment reaches whom: each run's workers get their own spawner's values."""

from __future__ import annotations

import json
from typing import Any

from fakes.swarm import Swarm, until, worker

SECRET = "plum-tart-4711"  # noqa: S105 a made-up value to look for
TELLS = {"tell": {"argv": worker("tells_itself.py", "a b"), "workspace": "none"}}


def told(swarm: Swarm, session: str) -> dict[str, Any]:
    text = "".join(swarm.ask("log", session, "--raw")["lines"])
    return dict(json.loads(text))


def test_a_worker_gets_exactly_the_allowed_values_and_ours(swarm: Swarm):
    swarm.env |= {"PRIVATE": SECRET, "TZ": "UTC", "PYTHONPROFILEIMPORTTIME": ""}

    run = swarm.spawn(TELLS)
    swarm.ended(run)

    seen = told(swarm, f"{run}/tell")
    workspace = str(swarm.home / "workspaces" / run / "tell")
    assert seen["env"] == {
        "PATH": swarm.env["PATH"],
        "HOME": swarm.env["HOME"],
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PWD": workspace,
        "KIMI_SWARM_SESSION": f"{run}/tell",
        "KIMI_SWARM_TASK": "tell",
        "KIMI_SWARM_FOLDER": str(swarm.home / "runs" / run / "tell"),
    }
    assert (seen["argv"], seen["stdin"], seen["cwd"]) == (["a b"], "", workspace)


def test_runs_spawned_by_several_at_once_keep_their_own_values(swarm: Swarm):
    plan = swarm.plan(TELLS)
    zones = [f"zone-{number}" for number in range(5)]

    callers = [swarm.start("spawn", plan, "--json", env={"TZ": z}) for z in zones]
    runs = [json.loads(each.communicate()[0])["run"] for each in callers]

    for run, zone in zip(runs, zones, strict=True):
        swarm.ended(run)
        assert told(swarm, f"{run}/tell")["env"]["TZ"] == zone


def test_a_second_spawner_gives_its_values_only_to_its_own_run(swarm: Swarm):
    gate = swarm.folder / "gate"
    waits = ["sh", "-c", f"until [ -e {gate} ]; do sleep 0.02; done"]
    late = {"first": {"argv": waits, "workspace": "none"}}
    late["tell"] = {**TELLS["tell"], "needs": ["first"]}
    plan = swarm.plan(late)

    first = swarm.ask("spawn", plan, env={"TZ": "one"})["run"]
    swarm.until_state(f"{first}/first", "running")
    second = swarm.ask("spawn", swarm.plan(TELLS))["run"]
    swarm.ended(second)
    gate.touch()
    swarm.ended(first)

    assert "TZ" not in told(swarm, f"{second}/tell")["env"]
    assert told(swarm, f"{first}/tell")["env"]["TZ"] == "one"


def test_passed_values_are_written_down_nowhere(swarm: Swarm):
    gate = swarm.folder / "gate"
    waits = f'test -n "$HTTPS_PROXY" && until [ -e {gate} ]; do sleep 0.02; done'
    tasks = {"a": {"argv": ["sh", "-c", waits], "workspace": "none"}}
    plan = swarm.plan(tasks)
    runs = [
        swarm.ask("spawn", plan, env={"HTTPS_PROXY": SECRET})["run"] for _ in range(2)
    ]
    for run in runs:
        swarm.until_state(f"{run}/a", "running")

    found = files_with(swarm, SECRET.encode())
    gate.touch()

    assert found == []
    assert {swarm.ended(run)["a"]["outcome"] for run in runs} == {"succeeded"}
    assert files_with(swarm, SECRET.encode()) == []


def files_with(swarm: Swarm, what: bytes) -> list[str]:
    files = [path for path in swarm.home.rglob("*") if path.is_file()]
    assert swarm.home / "state.db" in files
    return [str(path) for path in files if what in path.read_bytes()]


def test_workers_get_no_descriptors_signals_or_terminal_of_ours(swarm: Swarm):
    run = swarm.spawn(TELLS)
    swarm.ended(run)

    seen = told(swarm, f"{run}/tell")

    assert seen["fds"] == [0, 1, 2]
    assert seen["ignored"] == []
    assert seen["blocked"] == 0
    assert seen["leads_session"]


def test_ports_are_told_to_the_worker_and_no_two_sessions_share_one(swarm: Swarm):
    gate = swarm.folder / "gate"
    script = f"echo $PORT $PORT_1 $PORT_2; until [ -e {gate} ]; do sleep 0.02; done"
    workspace = {"mode": "none", "ports": 2}
    task = {"argv": ["sh", "-c", script], "workspace": workspace}
    run = swarm.spawn(dict.fromkeys(("a", "b", "c"), task))

    def lines() -> list[list[str]] | None:
        logs = [swarm.ask("log", f"{run}/{name}")["lines"] for name in "abc"]
        return [log[0].split() for log in logs] if all(logs) else None

    seen = until(lines) or []
    gate.touch()
    swarm.ended(run)

    assert all(first == alone for alone, first, _ in seen)
    given = [port for _, *ports in seen for port in ports]
    assert len(set(given)) == len(given) == 6
