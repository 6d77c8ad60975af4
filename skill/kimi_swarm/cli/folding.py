"""aggregate --judge, --vote, --table: a run's answers side by side."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import anyio

from kimi_swarm.actions.fold import as_table, judge, vote
from kimi_swarm.cli.exits import NOT_ALL, OK
from kimi_swarm.cli.printing import print_object
from kimi_swarm.core.answers import TableFormat, Vote
from kimi_swarm.core.judging import Ruling
from kimi_swarm.errors import UsageError
from kimi_swarm.location import state_home
from kimi_swarm.telling import speech
from kimi_swarm.telling.words import next_line
from kimi_swarm.workers.plain import clip

WHY_CHARS = 400
ANSWER_CHARS = 300


def folded(args: argparse.Namespace) -> int:
    """Fold a run in the one way that was asked for; 1 if nothing comes of it."""
    asked = [args.judge, args.vote, bool(args.table), args.merge]
    if sum([*asked, args.synthesise is not None]) > 1:
        ways = "--judge, --vote, --table, --synthesise and --merge"
        raise UsageError(f"{ways}: give one of them.")
    if args.synthesise is not None:
        return _synthesise(args)
    if args.table:
        return _table(args)
    if args.vote:
        counted = vote(state_home(), args.run)
        if args.json:
            told = {"winner": counted.winner, "is_majority": counted.is_majority}
            print_object({"run": args.run, **asdict(counted), **told})
        else:
            print(vote_words(args.run, counted))
        return NOT_ALL if counted.winner is None else OK
    ruling = judge(state_home(), args.run)
    if args.json:
        print_object({"run": args.run, **asdict(ruling)})
    else:
        print(ruling_words(args.run, ruling))
    return NOT_ALL if ruling.winner is None else OK


def _table(args: argparse.Namespace) -> int:
    form = TableFormat(args.table)
    if args.json and form is not TableFormat.JSONL:
        raise UsageError("--json is for --table jsonl: the others are text.")
    print(as_table(state_home(), args.run, form), end="")
    return OK


def _synthesise(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.spawn import spawn  # noqa: PLC0415 one way of folding
    from kimi_swarm.actions.synthesis import synthesis  # noqa: PLC0415 as above

    prepared = anyio.run(
        synthesis, state_home(), args.run, args.synthesise, args.profile
    )
    spawned = anyio.run(spawn, state_home(), prepared)
    if args.json:
        print_object({**asdict(spawned), "state": "running"})
    else:
        print(speech.spawned(spawned))
    return OK


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
    lines += [f"- out: {task}: {why}" for task, why in ruling.out.items()]
    for each in ruling.opinions:
        chose = each.chosen or "tie"
        lines.append(f"- {each.judge} saw {each.first} first and chose {chose}:")
        lines.append(f"> {clip(each.why, WHY_CHARS)}")
    verb = f"diff {run}/{ruling.winner}" if ruling.winner else f"list {run}"
    return "\n".join([*lines, next_line(verb)])
