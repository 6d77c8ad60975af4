"""Each action as a tool: what a client lists, searches and asks its user about.

Clients with many tools show only a search over names and descriptions, so that the
description carries the words by which somebody would look for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mcp import types

from kimi_swarm.calls.catalogue import summary_of
from kimi_swarm.calls.schema import answer_schema, input_schema

LONGEST_S = 50.0
"""How long a call may take: clients give up after 60 s."""
_LONGEST = f"At most {LONGEST_S:.0f}; then it says so, and is called again."


class Manner(NamedTuple):
    """What a tool does: words to find it by, and hints for a client's safeguards.

    `destroys` is said of all that lets agents work, since a worktree is no sandbox. A
    hint is for every call of a tool: the worst that any argument asks for counts.
    """

    words: str
    reads: bool = False
    destroys: bool = False
    repeats: bool = False
    reaches_out: bool = False


MANNERS = {
    "plan": Manner(
        "Preview a run of parallel coding agents before anything starts: workers,"
        " models, permissions, limits, likely cost. With list: the strategies.",
        reads=True,
        repeats=True,
    ),
    "spawn": Manner(
        "Start many background coding agents in parallel (Kimi Code, Kilo, Claude,"
        " Codex or any command), each task in its own git worktree; gives a run id"
        " at once.",
        destroys=True,
        reaches_out=True,
    ),
    "list": Manner(
        "List runs of background workers, or one run's sessions with their states.",
        reads=True,
        repeats=True,
    ),
    "poll": Manner(
        "Progress: only what is new since you last asked, of a run or of one worker's"
        f" output; with timeout_s (to {LONGEST_S:.0f}) it waits for news.",
        reads=True,
    ),
    "wait": Manner(
        "Wait until a run of background workers has ended, at most"
        f" {LONGEST_S:.0f} s a call; says what came of it and what to call next.",
        reads=True,
    ),
    "log": Manner(
        "Read what one worker wrote (its output log), by lines.",
        reads=True,
        repeats=True,
    ),
    "diff": Manner(
        "Show what one worker's session changed, as a git patch.",
        reads=True,
        repeats=True,
    ),
    "stats": Manner(
        "Usage statistics: tokens, requests, cost and outcomes of workers, by run,"
        " profile, model or day.",
        reads=True,
        repeats=True,
    ),
    "aggregate": Manner(
        "Collect a run's results: report, merge its branches, judge, vote, table or"
        " synthesise; apply brings the merge to the branch that is checked out.",
        destroys=True,
        reaches_out=True,
    ),
    "send": Manner(
        "Send a worker another message: it goes on in its conversation and workspace.",
        destroys=True,
        reaches_out=True,
    ),
    "retry": Manner(
        "Do again the tasks of a run that failed; what succeeded is kept.",
        destroys=True,
        reaches_out=True,
    ),
    "pause": Manner(
        "Start no more workers of a run; those at work go on.", repeats=True
    ),
    "resume": Manner(
        "Let a paused run start its workers again.",
        destroys=True,
        repeats=True,
        reaches_out=True,
    ),
    "kill": Manner(
        "Stop a worker, a run or everything, with all processes they started.",
        destroys=True,
        repeats=True,
    ),
    "clear": Manner(
        "Forget finished runs and remove their workspaces; unmerged work needs force.",
        destroys=True,
        repeats=True,
    ),
    "doctor": Manner(
        "Check which workers this machine can run and what is missing; with fix, mend"
        " what crashes left.",
        destroys=True,
        repeats=True,
        reaches_out=True,
    ),
}


def tool_of(name: str, *, is_structured: bool) -> types.Tool:
    """Return an action as a tool, with a schema of its answers if those are objects."""
    # An action that nobody described yet is a tool all the same, and taken for the
    # worst.
    manner = MANNERS.get(name) or Manner(summary_of(name), destroys=True)
    return types.Tool(
        name=name,
        description=manner.words,
        input_schema=_schema_of(name),
        output_schema=answer_schema(name) if is_structured else None,
        annotations=types.ToolAnnotations(
            read_only_hint=manner.reads,
            destructive_hint=manner.destroys,
            idempotent_hint=manner.repeats,
            open_world_hint=manner.reaches_out,
        ),
    )


def _schema_of(name: str) -> dict[str, Any]:
    """Return what an action takes, with the bounds that hold here."""
    schema = input_schema(name)
    fields = schema["properties"]
    if name in {"wait", "poll"}:
        fields["timeout_s"] = {**fields["timeout_s"], "description": _LONGEST}
    if "cwd" in fields:
        fields["cwd"] = {
            **fields["cwd"],
            "description": "Absolute folder you work in: the repository, and where"
            " paths begin.",
        }
    return schema
