"""synthesise: one more task of a run, whose worker folds what the others answered."""

from __future__ import annotations

import json
from pathlib import Path

from kimi_swarm.actions.fold import fold
from kimi_swarm.actions.plan import Prepared, prepare
from kimi_swarm.actions.wanted import Wanted
from kimi_swarm.errors import UsageError

NAME = "synthesis"


async def synthesis(
    home: str, run: str, question: str, profile: str | None
) -> Prepared:
    """Prepare a task that folds all answers of a run; `question` may be empty.

    Each time it is a task of its own. Raises UnknownRunError, and UsageError where
    nothing succeeded.
    """
    folded = fold(home, run)
    parts = [each.task for each in folded.answers if each.outcome == "succeeded"]
    known = {each.task for each in folded.reports}
    parts = [task for task in parts if not task.startswith(NAME)]
    if not parts:
        raise UsageError(f"No task of {run} has answered yet.")
    free = (NAME if n == 1 else f"{NAME}-{n}" for n in range(1, len(known) + 2))
    values = {
        "parts": json.dumps(parts),
        "name": next(name for name in free if name not in known),
    }
    if question:
        values["question"] = question
    wanted = Wanted(Path.cwd(), strategy=NAME, values=values, profile=profile, into=run)
    return await prepare(home, wanted)
