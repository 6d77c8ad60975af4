"""run: what a planner of the run proposes, shown before any of it starts."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
from rich.console import Console

from kimi_swarm.actions.expect import expect
from kimi_swarm.actions.plan import Prepared, prepare
from kimi_swarm.actions.wanted import Wanted
from kimi_swarm.core.plan_parts import Role
from kimi_swarm.core.proposal import NoProposalError
from kimi_swarm.location import state_home
from kimi_swarm.telling.preview import preview
from kimi_swarm.telling.words import next_line


def go_on_with_proposal(
    begun: Prepared, cwd: Path, run: str, console: Console, *, says_yes: bool
) -> Prepared | None:
    """Show what a planner of this run proposes; return it if it is to be done.

    Without `says_yes` a person is asked; where nobody can be, nothing starts. The work
    is for the kind of worker that planned it.
    """
    if all(task.role is not Role.PLANNER for task in begun.plan.tasks.values()):
        return None
    profile = begun.plan.defaults.profile
    own = Wanted(cwd, profile=profile, into=run, proposed=True)
    try:
        proposal = anyio.run(prepare, state_home(), own)
    except NoProposalError:
        return None  # the planner failed, and the report says how
    shown = preview(proposal, expect(state_home(), proposal), is_proposed=True)
    console.print(shown, markup=False, soft_wrap=True)
    if says_yes or _is_agreed(console):
        return proposal
    worker = f" --profile {profile}" if profile else ""
    hint = next_line(f"spawn --into {run} --proposed{worker}")
    console.print(f"Nothing of it was started. {hint}", markup=False, soft_wrap=True)
    return None


def _is_agreed(console: Console) -> bool:
    if not (sys.stdin and sys.stdin.isatty() and console.is_terminal):
        return False
    answer = console.input("Start these tasks? [y/N] ")
    return answer.strip().lower().startswith("y")
