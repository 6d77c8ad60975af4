"""The verbs that begin a run: spawn, run, and plan, which only shows it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from kimi_swarm.actions.plan import Prepared, Wanted, prepare
from kimi_swarm.cli import speech
from kimi_swarm.cli.as_json import print_object
from kimi_swarm.cli.exits import OK
from kimi_swarm.core.strategy import ParameterError
from kimi_swarm.core.task import Permission
from kimi_swarm.errors import UsageError
from kimi_swarm.location import state_home
from kimi_swarm.strict_yaml import dump_yaml, read_text

if TYPE_CHECKING:
    pass


def wanted_of(args: argparse.Namespace) -> Wanted:
    """Read what to run from the command line."""
    values: dict[str, str] = {}
    for pair in args.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ParameterError(
                args.strategy or "", f"--set takes KEY=VALUE, not {pair!r}", ()
            )
        values[name] = value
    if values and args.strategy is None:
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
        plan_file=None if args.plan is None else Path(args.plan),
        strategy=args.strategy,
        values=values,
        tasks=tasks,
        profile=args.profile,
        concurrency=args.concurrency,
        permission=None if args.permission is None else Permission(args.permission),
        workspace=args.workspace,
        into=getattr(args, "into", None),
    )


def _prepared(args: argparse.Namespace) -> Prepared:
    return anyio.run(prepare, state_home(), wanted_of(args))


def spawn(args: argparse.Namespace) -> int:
    """Start a plan's workers and return."""
    from kimi_swarm.actions.spawn import spawn  # noqa: PLC0415 one verb

    spawned = anyio.run(spawn, state_home(), _prepared(args))
    if args.json:
        print_object({**asdict(spawned), "state": "running"})
    else:
        print(speech.spawned(spawned))
    return OK


def run(args: argparse.Namespace) -> int:
    """Spawn, watch live, aggregate."""
    from kimi_swarm.cli.live import run_live  # noqa: PLC0415 it brings rich

    prepared = _prepared(args)
    return run_live(
        state_home(), prepared, is_merging=not args.no_merge, is_json=args.json
    )


def plan(args: argparse.Namespace) -> int:
    """Show what would run."""
    from kimi_swarm.prompts import list_strategies  # noqa: PLC0415 one verb

    if args.list:
        strategies = list_strategies()
        if args.json:
            print_object(
                {"strategies": [s.model_dump(mode="json") for s in strategies]}
            )
        else:
            print(speech.strategies(strategies))
        return OK
    if args.plan is not None and args.strategy is None and _is_strategy(args.plan):
        args.strategy, args.plan = args.plan, None
    prepared = _prepared(args)
    written = prepared.plan.model_dump(mode="json", by_alias=True, exclude_none=True)
    if args.json:
        print_object({"plan": written, "notes": prepared.notes})
    elif args.yaml:
        print(dump_yaml(written), end="")
    else:
        print(speech.preview(prepared))
    return OK


def _is_strategy(name: str) -> bool:
    return not (Path(name).exists() or name.endswith((".yaml", ".yml")) or "/" in name)
