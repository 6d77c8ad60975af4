"""What aggregate says when it folds a run's answers: votes, and a ruling."""

from __future__ import annotations

from kimi_swarm.core.answers import Vote
from kimi_swarm.core.judging import Ruling
from kimi_swarm.core.quoting import theirs
from kimi_swarm.telling.words import next_line
from kimi_swarm.workers.plain import clip

WHY_CHARS = 400
ANSWER_CHARS = 300


def vote_words(run: str, counted: Vote) -> str:
    """Say which answer was given most, and by whom each."""
    asked = len(counted.silent) + sum(len(each.tasks) for each in counted.choices)
    if counted.winner is None:
        lines = [f"{run}: no answer was given more often than every other."]
    else:
        most = len(counted.choices[0].tasks)
        what = "a majority" if counted.is_majority else "the most, but no majority"
        lines = [f"{run}: {most} of {asked} agree, {what}."]
    lines += [
        f"- {len(each.tasks)} ({', '.join(each.tasks)}):\n"
        f"> {clip(each.text, ANSWER_CHARS)}"
        for each in counted.choices
    ]
    if counted.silent:
        lines.append(f"No answer: {', '.join(counted.silent)}")
    return "\n".join(lines)


def ruling_words(run: str, ruling: Ruling) -> str:
    """Say who won and how, what was out before, and what the judges said."""
    lines = [f"{run}: {ruling.sentence}"]
    lines += [f"- out: {task}: {theirs(why)}" for task, why in ruling.out.items()]
    for each in ruling.opinions:
        chose = each.chosen or "tie"
        lines.append(f"- {each.judge} saw {each.first} first and chose {chose}:")
        lines.append(f"> {clip(each.why, WHY_CHARS)}")
    verb = f"diff {run}/{ruling.winner}" if ruling.winner else f"list {run}"
    return "\n".join([*lines, next_line(verb)])
