"""The verbs that begin a run: spawn, run, and plan, which only shows it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio

from kimi_swarm.actions.plan import prepare
from kimi_swarm.actions.values import Read
from kimi_swarm.calls import light, start
from kimi_swarm.calls.asked import WaitCall
from kimi_swarm.calls.asked_start import PlanCall, Source, SpawnCall
from kimi_swarm.calls.start import is_strategy, strategy_record
from kimi_swarm.cli.calling import asked_of
from kimi_swarm.cli.exits import OK
from kimi_swarm.cli.printing import print_object, say
from kimi_swarm.core.strategy import ParameterError
from kimi_swarm.errors import SwarmError, UsageError
from kimi_swarm.location import state_home
from kimi_swarm.strategies import strategies_at
from kimi_swarm.telling import preview

HELP = ("--help", "-h")


def _source_of(verb: str, args: argparse.Namespace, *own: str) -> Source:
    """Read what to run from the command line.

    Raises ParameterError, UsageError, CallError.
    """
    values: dict[str, str] = {}
    for pair in args.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise _no_value(args, pair)
        values[name] = value
    args.set = values
    source = asked_of(verb, args, own=own)
    assert isinstance(source, Source)  # noqa: S101 these verbs ask for one
    return source


def _no_value(args: argparse.Namespace, pair: str) -> SwarmError:
    """Say what is wrong with a `--set`, and whose parameter it was to be."""
    fact, strategy = f"--set takes KEY=VALUE, not {pair!r}", _strategy_of(args)
    if strategy is None:
        return UsageError(f"{fact}.")
    return ParameterError(strategy, fact, ())


def _strategy_of(args: argparse.Namespace) -> str | None:
    """Return the strategy that a command line names, None where it names none."""
    if args.strategy is None and args.plan and is_strategy(args.plan, Path.cwd()):
        return str(args.plan)
    return args.strategy  # type: ignore[no-any-return]


def _piped() -> Read | None:
    """Return how to read standard input, None where a person would have to type it."""
    if sys.stdin is None or sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read


def spawn(args: argparse.Namespace) -> int:
    """Start a plan's workers and return, with `--wait` once they have ended."""
    asked = _source_of("spawn", args, "wait")
    assert isinstance(asked, SpawnCall)  # noqa: S101 as asked
    doing = partial(start.spawn, state_home(), asked, read_piped=_piped())
    answer = anyio.run(doing)
    if args.wait:
        # One line and no more: a host shows its agent little of a background call.
        told = answer.as_object()
        asker = asked.asker or asked.notify or told["owner"]
        answer = light.wait(state_home(), WaitCall(run=told["run"], asker=asker))
    return say(answer, is_json=args.json)


def run(args: argparse.Namespace) -> int:
    """Spawn, watch live, aggregate."""
    from kimi_swarm.cli.live import run_live  # noqa: PLC0415 it brings rich
    from kimi_swarm.cli.proposal import go_on_with_proposal  # noqa: PLC0415 as above

    asked = _source_of("spawn", args, "no_merge", "yes")
    wanted = start.wanted_of(asked, read_piped=_piped())
    prepared = anyio.run(prepare, state_home(), wanted)
    return run_live(
        state_home(),
        prepared,
        is_merging=not args.no_merge,
        is_json=args.json,
        go_on=partial(go_on_with_proposal, prepared, wanted.cwd, says_yes=args.yes),
    )


def plan(args: argparse.Namespace) -> int:
    """Show what would run, or which strategies there are."""
    asked = _source_of("plan", args, "wait")
    assert isinstance(asked, PlanCall)  # noqa: S101 as asked
    doing = partial(
        start.plan, state_home(), asked, read_piped=_piped(), words=args.words
    )
    end = "" if asked.yaml and not asked.list else "\n"
    return say(anyio.run(doing), is_json=args.json, end=end)


def strategy_help(parser: argparse.ArgumentParser, words: Sequence[str]) -> int | None:
    """Tell of the strategy that is named beside `--help`; None where none is.

    Raises UnknownStrategyError, StrategyError.
    """
    rest = [word for word in words if word not in HELP]
    if len(rest) == len(words):
        return None
    args, _ = parser.parse_known_args(rest)
    name = _strategy_of(args)
    if name is None:
        return None
    found = strategies_at(Path.cwd()).take(name)
    if args.json:
        print_object({"strategy": strategy_record(found, found.header())})
    else:
        print(preview.strategy(found, found.header()))
    return OK
