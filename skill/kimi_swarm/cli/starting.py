"""The verbs that begin a run: spawn, run, and plan, which only shows it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import anyio

from kimi_swarm.actions.expect import expect
from kimi_swarm.actions.notify import Notice, notice_for
from kimi_swarm.actions.plan import Prepared, prepare
from kimi_swarm.actions.values import Read
from kimi_swarm.actions.wanted import Wanted
from kimi_swarm.calls import light
from kimi_swarm.calls.asked import WaitCall
from kimi_swarm.cli.exits import OK
from kimi_swarm.cli.printing import print_object, say
from kimi_swarm.core.askers import asker_name
from kimi_swarm.core.strategy import ParameterError, Strategy
from kimi_swarm.core.task import Permission
from kimi_swarm.errors import UsageError
from kimi_swarm.location import state_home
from kimi_swarm.strategies import Found, strategies_at
from kimi_swarm.strict_yaml import dump_yaml, read_text
from kimi_swarm.telling import preview, speech

HELP = ("--help", "-h")


def wanted_of(args: argparse.Namespace) -> Wanted:
    """Read what to run from the command line.

    A name that can be no plan file is a strategy's.
    """
    plan, strategy = args.plan, args.strategy
    if plan is not None and strategy is None and _is_strategy(plan):
        plan, strategy = None, plan
    values: dict[str, str] = {}
    for pair in args.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ParameterError(
                args.strategy or "", f"--set takes KEY=VALUE, not {pair!r}", ()
            )
        values[name] = value
    if values and strategy is None:
        raise UsageError(
            "--set gives parameters of a strategy, but none is named.",
            remedy="Add --strategy NAME; `plan --list` shows them.",
        )
    if args.concurrency == 0:
        raise UsageError("--concurrency must be at least 1.")
    if args.workspace is not None and not (args.task or args.task_file):
        raise UsageError(
            "--workspace is for --task; a plan says where each task works."
        )
    tasks = [*args.task, *(read_text(Path(name)) for name in args.task_file)]
    return Wanted(
        cwd=Path.cwd(),
        plan_file=None if plan is None else Path(plan),
        strategy=strategy,
        values=values,
        tasks=tasks,
        profile=args.profile,
        concurrency=args.concurrency,
        priority=args.priority,
        permission=None if args.permission is None else Permission(args.permission),
        workspace=args.workspace,
        into=getattr(args, "into", None),
        only_new=getattr(args, "only_new", False),
        proposed=getattr(args, "proposed", False),
        read_piped=_piped(),
    )


def _piped() -> Read | None:
    """Return how to read standard input, None where a person would have to type it."""
    if sys.stdin is None or sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read


def _prepared(args: argparse.Namespace) -> Prepared:
    return anyio.run(prepare, state_home(), wanted_of(args))


def spawn(args: argparse.Namespace) -> int:
    """Start a plan's workers and return, with `--wait` once they have ended."""
    from kimi_swarm.actions.spawn import spawn  # noqa: PLC0415 one verb

    if args.asker is not None and args.into is not None:
        raise UsageError(
            "--as says whose a new run is; --into names one that is there."
        )
    notice = notice_of(args.notify)
    owner = args.notify or "" if args.asker is None else asker_name(args.asker)
    prepared = _prepared(args)
    begin = partial(spawn, state_home(), prepared, owner=owner, notice=notice)
    spawned = anyio.run(begin)
    if args.wait:
        # One line and no more: a host shows its agent little of a background call.
        answer = light.wait(state_home(), WaitCall(run=spawned.run, asker=owner))
        return say(answer, is_json=args.json)
    if args.json:
        print_object({**asdict(spawned), "state": "running"})
    else:
        print(speech.spawned(spawned, prepared))
    return OK


def notice_of(session_key: str | None) -> Notice | None:
    """Return how the host of a session is told, None where none is named."""
    if session_key is None:
        return None
    return notice_for(session_key, cwd=Path.cwd())


def run(args: argparse.Namespace) -> int:
    """Spawn, watch live, aggregate."""
    from kimi_swarm.cli.live import run_live  # noqa: PLC0415 it brings rich
    from kimi_swarm.cli.proposal import go_on_with_proposal  # noqa: PLC0415 as above

    wanted = wanted_of(args)
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
    if args.list:
        return _list_strategies(is_json=args.json)
    prepared = _prepared(args)
    expected = expect(state_home(), prepared)
    written = prepared.plan.model_dump(mode="json", by_alias=True, exclude_none=True)
    if args.json:
        told = {"expected": expected._asdict(), "models": prepared.models}
        print_object({"plan": written, "notes": prepared.notes, **told})
    elif args.yaml:
        print(dump_yaml(written), end="")
    else:
        print(preview.preview(prepared, expected, words=args.words))
    return OK


def _list_strategies(*, is_json: bool) -> int:
    shelf = strategies_at(Path.cwd())
    found, problems = shelf.sound()
    notes = [*shelf.notes, *problems]
    if is_json:
        told = [_strategy_record(*each) for each in found]
        print_object({"strategies": told, "notes": notes})
    else:
        print(preview.strategies(found, notes))
    return OK


def _strategy_record(found: Found, header: Strategy) -> dict[str, object]:
    told = header.model_dump(mode="json")
    return {**told, "origin": str(found.origin), "path": str(found.path)}


def strategy_help(parser: argparse.ArgumentParser, words: Sequence[str]) -> int | None:
    """Tell of the strategy that is named beside `--help`; None where none is.

    Raises UnknownStrategyError, StrategyError.
    """
    rest = [word for word in words if word not in HELP]
    if len(rest) == len(words):
        return None
    args, _ = parser.parse_known_args(rest)
    name = args.strategy
    if name is None and args.plan is not None:
        name = args.plan if _is_strategy(args.plan) else None
    if name is None:
        return None
    found = strategies_at(Path.cwd()).take(name)
    if args.json:
        print_object({"strategy": _strategy_record(found, found.header())})
    else:
        print(preview.strategy(found, found.header()))
    return OK


def _is_strategy(name: str) -> bool:
    return not (Path(name).exists() or name.endswith((".yaml", ".yml")) or "/" in name)
