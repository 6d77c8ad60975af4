"""The real Kilo, Kimi Code and kimi-cli on one plan, apart and together."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from e2e.real_workers import (
    KILO,
    PROFILES,
    cost_usd,
    served,
    write_plan,
)
from e2e.swarm_cli import Swarm, git
from fakes.scripted_model import ScriptedModel, content_for, instructions

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WIDGETS = {
    "stats": "Create `src/widgets/Stats.tsx` with four cards, a figure on each.",
    "chart": "Create `src/widgets/Chart.tsx` with a line chart of twelve months.",
    "table": "Create `src/widgets/Table.tsx` with ten rows of orders, sortable.",
    "activity": "Create `src/widgets/Activity.tsx` with the newest events first.",
}


@pytest.fixture
def dashboard(repository: Path) -> Path:
    """A repository whose folder for widgets is there: kimi-cli makes no folders."""
    folder = repository / "src" / "widgets"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("Widgets go here.\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "Make room for widgets")
    return repository


def run_widgets(
    workers: Swarm, repository: Path, profiles: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Run the four-widget plan to its merged branch; gives its sessions."""
    tasks = {
        name: {"prompt": f"You build one widget of four.\n\n{asked}", "profile": who}
        for (name, asked), who in zip(WIDGETS.items(), profiles.values(), strict=True)
    }
    run = workers.spawn(write_plan(repository, tasks))
    sessions = workers.ended(run)
    assert {one["outcome"] for one in sessions.values()} == {"succeeded"}, sessions
    workers.ask("aggregate", run, "--merge", cwd=repository)
    branch = f"swarm/{run}/merged"
    for asked in WIDGETS.values():
        (one,) = instructions(asked)
        merged = git(repository, "show", f"{branch}:{one.path}")
        assert merged == content_for(one.path, one.line)
    changed = git(repository, "diff", "--name-only", f"main...{branch}").split()
    assert len(changed) == len(WIDGETS)
    return sessions


def assert_told_truly(session: dict[str, Any], model: ScriptedModel) -> None:
    """Hold what a session tells of tokens, money and itself to what the model saw."""
    usage = session["usage"]
    wanted = served(model, session["conversation"])
    assert wanted["output_tokens"] > 0, model.requests
    assert {name: usage[name] for name in wanted} == wanted
    if session["profile"] == KILO:
        assert usage["cost_usd"] == pytest.approx(cost_usd(wanted))
    else:
        assert usage["cost_usd"] is None
    assert session["tool_calls"] == 1
    assert session["retries"] == 0
    assert session["summary"].startswith("DONE")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_real_worker_builds_four_widgets_and_tells_what_it_spent(
    workers: Swarm, model: ScriptedModel, dashboard: Path, profile: str
) -> None:
    sessions = run_widgets(workers, dashboard, dict.fromkeys(WIDGETS, profile))
    assert len({one["conversation"] for one in sessions.values()}) == len(WIDGETS)
    for session in sessions.values():
        assert_told_truly(session, model)


@pytest.mark.usefixtures("kimi_cli")
def test_the_three_real_workers_build_one_dashboard_together(
    workers: Swarm, model: ScriptedModel, dashboard: Path
) -> None:
    mixed = dict(zip(WIDGETS, cycle(PROFILES), strict=False))
    sessions = run_widgets(workers, dashboard, mixed)
    assert {one["profile"] for one in sessions.values()} == set(PROFILES)
    for session in sessions.values():
        assert_told_truly(session, model)
