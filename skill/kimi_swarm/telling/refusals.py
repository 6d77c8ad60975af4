"""What is told of an error in words. Light."""

from __future__ import annotations

from kimi_swarm.errors import SwarmError

SENTENCE_CHARS = 2_000
DEFECT = 3


def sentence_of(error: SwarmError) -> str:
    """Say on one line what is wrong and what to do, whatever somebody typed."""
    from kimi_swarm.workers.plain import clip  # noqa: PLC0415 only for an error

    sentence = clip(str(error), SENTENCE_CHARS)
    if not sentence.endswith((".", "?", "!")):
        sentence += "."
    remedy = f" {error.remedy}" if error.remedy else ""
    return f"{sentence}{remedy} [{error.code}]"


def defect_of(error: Exception) -> SwarmError:
    """Write a defect of ours down, and return what a user is told of it."""
    import traceback  # noqa: PLC0415 only for a defect

    from kimi_swarm.location import state_home  # noqa: PLC0415 only for a defect

    path = state_home() + "/defects.log"
    try:
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 light
            file.write("".join(traceback.format_exception(error)) + "\n")
    except OSError:
        path = "nowhere, since the state folder cannot be written"
    defect = SwarmError(
        f"A defect in kimi-swarm: {type(error).__name__}: {error}.",
        remedy=f"Please report it; the details are in {path}.",
    )
    defect.code = "defect"
    defect.exit_code = DEFECT
    return defect
