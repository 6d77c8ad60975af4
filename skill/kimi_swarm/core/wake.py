"""The one line that wakes an agent: how a run stands, and what to do next. Light.

A host shows its agent about the first 180 characters of what a finished call printed.
Nothing that a worker wrote is ever in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kimi_swarm.core.row import Row

LINE_CHARS = 170
SHOWN_TROUBLE = 3
FEWEST_CHARS = 24


class Standing(Row):
    """How one task stands: its outcome or state, why, and whether that is fine.

    `has_work` is whether it left a branch that can be merged.
    """

    task: str
    word: str
    reason: str
    is_fine: bool
    has_work: bool = False


def end_line(
    head: str, run: str, rows: Sequence[Standing], *, caller: str, used: str = ""
) -> str:
    """Say how a run ended and what to do next, in at most 170 characters.

    `head` names the run or its end, `caller` is how this program is called, `used`
    says tokens and cost.
    """
    # What can be merged is: that makes a branch, and touches none that there is.
    merge = " --merge" if any(row.has_work for row in rows) else ""
    verb = f"aggregate {run}{merge}"
    room = LINE_CHARS - len(_next(caller, verb)) - 1
    text = next(
        (
            each
            for each in _ends(f"{head}: {counted(rows)}", rows, used)
            if len(each) <= room
        ),
        f"{head}: {counted(rows)}.",
    )
    return woken(text, caller=caller, verb=verb)


def held_line(
    head: str, run: str, held: str, rows: Sequence[Standing], *, caller: str
) -> str:
    """Say which budget holds a run and what is undone, and what lets it go on."""
    verb, first = raising(run, held), first_raise(held)
    ways = [
        f"{told} {first}".rstrip()
        for told in (
            f"{head} held: {held}; {counted(rows)}.",
            f"{head} held: {held}.",
            f"{head} is held.",
        )
    ]
    if len(ways[-1]) + 1 + len(_next(caller, verb)) > LINE_CHARS:
        caller = ""  # what helps first is more than where this program is
    room = LINE_CHARS - len(_next(caller, verb)) - 1
    text = next((each for each in ways if len(each) <= room), ways[-1])
    return woken(text, caller=caller, verb=verb)


def raising(run: str, held: str) -> str:
    """Return the command that lets a held run go on, with a place for the figure."""
    words = held.partition(" spent")[0].split(" ")
    if words[:3] == ["budget", "of", "task"]:
        return f"resume {run}/{words[3]} --{words[4]} N"
    # One of all runs is raised in the configuration, which this reads again.
    return f"resume {run}" if words[1:2] == ["of"] else f"resume {run} --{words[1]} N"


def first_raise(held: str) -> str:
    """Say what a person does before that, "" where the command is all."""
    words = held.split(" ")
    if words[1:2] != ["of"] or words[2:3] == ["task"]:
        return ""
    field = "pools" if words[2] == "pool" else words[3]
    return f"Raise budgets.{field} in config.yaml first."


def woken(text: str, *, caller: str, verb: str) -> str:
    """Join what happened and the next command, in at most 170 characters."""
    if not verb:
        return _cut(text, LINE_CHARS)
    whole = _next(caller, verb)
    return f"{_cut(text, LINE_CHARS - len(whole) - 1)} {whole}"


def _next(caller: str, verb: str) -> str:
    """Name the next command as it can be run, or its verb where no room is for that.

    What happened gives way to it: half a command is none.
    """
    whole = "Next: " + f"{caller} {verb}".lstrip()
    is_short = len(whole) + 1 + FEWEST_CHARS <= LINE_CHARS
    return whole if is_short else f"Next: {verb}"


def _ends(stand: str, rows: Sequence[Standing], used: str) -> Iterator[str]:
    """Say the same in ever fewer words: fewer of the failed, then no cost."""
    cost = f"; {used}" if used else ""
    for shown in range(SHOWN_TROUBLE, 0, -1):
        yield f"{stand}{_trouble(rows, shown)}{cost}."
    yield f"{stand}{_trouble(rows, 1)}."
    yield f"{stand}{cost}."


def counted(rows: Sequence[Standing]) -> str:
    """Count tasks by outcome: `4 succeeded, 1 failed`."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.word] = counts.get(row.word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _trouble(rows: Sequence[Standing], most: int) -> str:
    troubled = [row for row in rows if not row.is_fine]
    # What failed by itself tells more than what was cancelled because of it.
    troubled.sort(key=lambda row: row.word == "cancelled")
    if not troubled:
        return ""
    shown = ", ".join(f"{row.task}: {row.reason}" for row in troubled[:most])
    return f" ({shown}{', …' if len(troubled) > most else ''})"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
