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
_FOR_SHELLS = frozenset("#!~")
"""What may be in an asker's name and means something to a shell."""


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
    verb = aggregate_verb(run, rows)
    return woken(*_ends(head, rows, used), caller=caller, verb=verb)


def aggregate_verb(run: str, rows: Sequence[Standing]) -> str:
    """Name the call that tells what a run came to."""
    # What can be merged is: that makes a branch, and touches none that there is.
    merge = " --merge" if any(row.has_work for row in rows) else ""
    return f"aggregate {run}{merge}"


def held_line(
    head: str, run: str, held: str, rows: Sequence[Standing], *, caller: str
) -> str:
    """Say which budget holds a run and what is undone, and what lets it go on."""
    verb, first = raising(run, held), first_raise(held)
    stand = f"{head} held: {held}"
    told = (f"{stand}; {counted(rows)}.", f"{stand}.", f"{head} is held.")
    ways = [f"{each} {first}".rstrip() for each in told]
    if len(ways[-1]) + 1 + len(_next(caller, verb)) > LINE_CHARS:
        caller = ""  # what helps first is more than where this program is
    return woken(*ways, caller=caller, verb=verb)


def raising(run: str, held: str) -> str:
    """Return the command that lets a held run go on, with a place for the figure."""
    words = held.partition(" spent")[0].split(" ")
    if words[0] == "pool":  # it is asked again as soon as somebody wants it
        return f"resume {run}"
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


def wait_verb(run: str, asker: str | None) -> str:
    """Name the call by which an asker hears of a run's end; "" has no name."""
    if not asker:
        return f"wait {run}"
    # No name of an asker holds a quote.
    name = f"'{asker}'" if set(asker) & _FOR_SHELLS else asker
    return f"wait {run} --as {name}"


def woken(*texts: str, caller: str, verb: str) -> str:
    """Join what happened and the next command, in at most 170 characters.

    Of the `texts`, which say the same in ever fewer words, the first that fits is told.
    """
    whole = f" {_next(caller, verb)}" if verb else ""
    room = LINE_CHARS - len(whole)
    text = next((each for each in texts if len(each) <= room), None)
    return f"{_cut(texts[-1], room) if text is None else text}{whole}"


def _next(caller: str, verb: str) -> str:
    """Name the next command as it can be run, or its verb where no room is for that.

    What happened gives way to it: half a command is none. Only an asker's name that
    takes the whole line is left out.
    """
    most = LINE_CHARS - FEWEST_CHARS - 1
    whole, short = "Next: " + f"{caller} {verb}".lstrip(), f"Next: {verb}"
    ways = (whole, short, short.partition(" --as ")[0])
    return next((each for each in ways if len(each) <= most), ways[-1])


def _ends(head: str, rows: Sequence[Standing], used: str) -> Iterator[str]:
    """Say the same in ever fewer words: fewer of the failed, no cost, fewer counts."""
    cost = f"; {used}" if used else ""
    stand = f"{head}: {counted(rows)}"
    for shown in range(SHOWN_TROUBLE, 0, -1):
        yield f"{stand}{_trouble(rows, shown)}{cost}."
    yield f"{stand}{_trouble(rows, 1)}."
    yield f"{stand}{cost}."
    yield f"{stand}."
    counts = counted(rows).split(", ")
    for most in range(len(counts) - 1, 0, -1):
        yield f"{head}: {', '.join(counts[:most])}, …"
    yield f"{head}: ended."


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
    """Return whole words of a text that fit, with a sign where more were."""
    if len(text) <= limit:
        return text
    words = text[:limit].rpartition(" ")[0] or text[: limit - 1]
    return f"{words.rstrip(' ,;:')}…"
