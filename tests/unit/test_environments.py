"""What a supervisor remembers of runs does not grow with every run."""

from __future__ import annotations

from kimi_swarm.supervisor.environments import KEPT_RUNS, Environments

OWN = {"TZ": "own"}
RUNS = 5 * KEPT_RUNS


def test_values_of_runs_long_over_are_forgotten_and_live_ones_kept():
    environments = Environments(OWN)
    environments.keep("lives", {"TZ": "lives"}, list)

    forgotten = [
        name
        for number in range(RUNS)
        for name in environments.keep(f"r-{number}", {"TZ": str(number)}, live)
    ]

    assert environments.of("lives") == {"TZ": "lives"}
    assert environments.of("r-0") == OWN
    assert environments.of(f"r-{RUNS - 1}") == {"TZ": str(RUNS - 1)}
    kept = [number for number in range(RUNS) if f"r-{number}" in environments]
    assert KEPT_RUNS <= len(kept) <= 2 * KEPT_RUNS
    assert kept == list(range(RUNS - len(kept), RUNS))
    assert len(forgotten) == len(set(forgotten)) == RUNS - len(kept)


def live() -> list[str]:
    return ["lives"]


def test_all_live_runs_keep_their_values_however_many():
    environments = Environments(OWN)
    runs = [f"r-{number}" for number in range(RUNS)]
    for run in runs:
        assert environments.keep(run, {"TZ": run}, lambda: runs) == []
    assert all(environments.of(run) == {"TZ": run} for run in runs)
