"""The other verbs: those that read plans, speak to git, or watch a run live."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from kimi_swarm import __version__
from kimi_swarm.actions.plan import Prepared, Wanted, prepare
from kimi_swarm.actions.state import program_name
from kimi_swarm.cli import speech
from kimi_swarm.cli.arguments import COLD, HOT, Parser, parser_for
from kimi_swarm.cli.as_json import print_object
from kimi_swarm.cli.exits import NOT_ALL, OK, guarded
from kimi_swarm.core.strategy import ParameterError
from kimi_swarm.core.task import Permission
from kimi_swarm.errors import UsageError
from kimi_swarm.location import state_home
from kimi_swarm.strict_yaml import dump_yaml, read_text

if TYPE_CHECKING:
    from kimi_swarm.actions.pause import Paused


def main(argv: Sequence[str]) -> int:
    """Run one verb; returns its exit code."""
    return guarded(_main, argv)


def _main(argv: Sequence[str]) -> int:
    verb = next((word for word in argv if not word.startswith("-")), None)
    if verb is None:
        return _no_verb(argv)
    if verb not in COLD:
        known = ", ".join([*COLD, *HOT])
        raise UsageError(
            f"There is no verb {verb!r}.", remedy=f"The verbs are: {known}."
        )
    rest = list(argv)
    rest.remove(verb)
    add, summary = COLD[verb]
    parser = parser_for(verb, add, prog=program_name(), summary=summary)
    return _VERBS[verb](parser.parse_args(rest))


def _no_verb(argv: Sequence[str]) -> int:
    if "--version" in argv:
        print(f"kimi-swarm {__version__}")
        return OK
    if argv and not {"--help", "-h"} & set(argv):
        raise UsageError(
            f"{argv[0]} alone is no call.", remedy=f"See `{program_name()} --help`."
        )
    print(speech.overview(program_name()))
    return OK


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


def _spawn(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.spawn import spawn  # noqa: PLC0415 one verb

    spawned = anyio.run(spawn, state_home(), _prepared(args))
    if args.json:
        print_object({**asdict(spawned), "state": "running"})
    else:
        print(speech.spawned(spawned))
    return OK


def _run(args: argparse.Namespace) -> int:
    from kimi_swarm.cli.live import run_live  # noqa: PLC0415 it brings rich

    prepared = _prepared(args)
    return run_live(
        state_home(), prepared, is_merging=not args.no_merge, is_json=args.json
    )


def _plan(args: argparse.Namespace) -> int:
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


def _aggregate(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.aggregate import aggregate  # noqa: PLC0415 one verb

    report = anyio.run(
        partial(aggregate, state_home(), args.run, is_merging=args.merge)
    )
    if args.json:
        print_object({**asdict(report), "counts": report.counts})
    else:
        print(speech.report(report))
    return OK if report.is_success else NOT_ALL


def _diff(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.diff import diff  # noqa: PLC0415 one verb

    found = anyio.run(
        partial(diff, state_home(), args.session, limit_bytes=args.limit_bytes)
    )
    if args.json:
        told = {"diff": found.text, "redacted": found.redacted}
        print_object({"session": args.session, **told})
    else:
        print(speech.diff(found), end="")
    return OK


def _clear(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.clear import clear  # noqa: PLC0415 one verb

    if len(args.run) != 1 or args.older_than is not None:
        return _clear_many(args)
    asked = partial(
        clear, state_home(), args.run[0], is_forced=args.force, is_dry=args.dry_run
    )
    cleared = anyio.run(asked)
    if args.json:
        print_object({**asdict(cleared), "dry_run": args.dry_run})
    else:
        print(speech.cleared(cleared, is_dry=args.dry_run))
    return OK


def _clear_many(args: argparse.Namespace) -> int:
    from kimi_swarm.actions import clear_old  # noqa: PLC0415 one verb

    if bool(args.run) is (args.older_than is not None):
        raise UsageError(
            "clear takes either runs or --older-than.",
            remedy="For example: clear --older-than 7d --dry-run",
        )
    home, runs = state_home(), args.run
    if args.older_than is not None:
        older_than_s = clear_old.age_s(args.older_than)
        runs = clear_old.ended_before(home, older_than_s=older_than_s)
    asked = partial(
        clear_old.clear_all, home, runs, is_forced=args.force, is_dry=args.dry_run
    )
    tidied = anyio.run(asked)
    if args.json:
        print_object({**asdict(tidied), "freed_bytes": tidied.freed_bytes})
    else:
        print(speech.tidied(tidied))
    is_named = args.older_than is None
    return OK if clear_old.is_as_asked(tidied, is_named=is_named) else NOT_ALL


def _send(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.send import send  # noqa: PLC0415 one verb

    if (args.message is None) is (args.file is None):
        raise UsageError("send takes either a message or --file.")
    text = args.message if args.file is None else read_text(Path(args.file))
    sent = send(state_home(), args.session, text)
    if args.json:
        print_object(sent._asdict())
    else:
        print(speech.sent(sent))
    return OK


def _retry(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.retry import retry  # noqa: PLC0415 one verb

    retried = retry(state_home(), args.id)
    if args.json:
        print_object(retried._asdict())
    else:
        print(speech.retried(retried))
    return OK


def _pause(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.pause import pause  # noqa: PLC0415 one verb

    return _say_paused(pause(state_home(), args.run), is_json=args.json)


def _resume(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.pause import resume  # noqa: PLC0415 one verb

    return _say_paused(resume(state_home(), args.run), is_json=args.json)


def _say_paused(paused: Paused, *, is_json: bool) -> int:
    if is_json:
        print_object(paused._asdict())
    else:
        print(speech.paused(paused))
    return OK


def _attach(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.attach import attach  # noqa: PLC0415 one verb
    from kimi_swarm.process.takeover import become  # noqa: PLC0415 one verb

    found = attach(state_home(), args.session)
    if args.json:
        print_object({**found._asdict(), "line": found.line})
    elif args.print or not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(found.line)
    else:
        become(found.argv, cwd=found.workspace, env=found.env)
    return OK


def _trust(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.trust import trust_project  # noqa: PLC0415 one verb

    trusted = trust_project(Path.cwd())
    if args.json:
        print_object(asdict(trusted))
    else:
        print(f"Trusted as it is now: {trusted.folder}")
        print("\n".join(f"  {name}" for name in trusted.files))
    return OK


def _doctor(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.doctor import doctor  # noqa: PLC0415 one verb

    if args.fix:
        return _fix(args)
    health = anyio.run(doctor, state_home())
    if args.json:
        print_object(asdict(health))
    else:
        print(speech.health(health, program_name()))
    return NOT_ALL if health.problems else OK


def _fix(args: argparse.Namespace) -> int:
    from kimi_swarm.actions.leftovers import fix_leftovers  # noqa: PLC0415 one verb

    fixes = anyio.run(fix_leftovers, state_home())
    if args.json:
        print_object(asdict(fixes))
    else:
        print(speech.fixes(fixes))
    return NOT_ALL if fixes.failed else OK


def _completion(args: argparse.Namespace) -> int:
    import shtab  # noqa: PLC0415 one verb

    print(shtab.complete(whole_parser(), shell=args.shell), end="")
    return OK


def whole_parser() -> Parser:
    """Build one parser of all verbs, for completion."""
    parser = Parser(prog="kimi-swarm", description="Many coding agents at once.")
    verbs = parser.add_subparsers(dest="verb")
    for verb, (add, summary) in {**COLD, **HOT}.items():
        one = verbs.add_parser(verb, help=summary)
        add(one)
        one.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


_VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "spawn": _spawn,
    "plan": _plan,
    "aggregate": _aggregate,
    "diff": _diff,
    "clear": _clear,
    "send": _send,
    "retry": _retry,
    "pause": _pause,
    "resume": _resume,
    "attach": _attach,
    "trust": _trust,
    "doctor": _doctor,
    "completion": _completion,
}
