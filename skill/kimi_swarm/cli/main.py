"""The other verbs: those that read plans, speak to git, or watch a run live."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kimi_swarm import __version__
from kimi_swarm.actions.example import example_call
from kimi_swarm.actions.state import program_name
from kimi_swarm.cli import runs, starting
from kimi_swarm.cli.arguments import HOT, Parser, parser_for
from kimi_swarm.cli.calling import call
from kimi_swarm.cli.cold_arguments import COLD
from kimi_swarm.cli.exits import OK, guarded
from kimi_swarm.cli.printing import print_object
from kimi_swarm.errors import UsageError

if TYPE_CHECKING:
    pass


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
    if verb in {"plan", "spawn", "run"}:
        told = starting.strategy_help(parser, rest)
        if told is not None:
            return told
    args = parser.parse_args(rest)
    args.words = rest
    return _VERBS[verb](args)


def _no_verb(argv: Sequence[str]) -> int:
    if "--version" in argv:
        print(f"kimi-swarm {__version__}")
        return OK
    if argv and not {"--help", "-h"} & set(argv):
        raise UsageError(
            f"{argv[0]} alone is no call.", remedy=f"See `{program_name()} --help`."
        )
    print(overview(program_name()))
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


def _mcp(args: argparse.Namespace) -> int:
    from kimi_swarm.cli.serving import serve_mcp  # noqa: PLC0415 one verb

    return serve_mcp(args)


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


def overview(program: str) -> str:
    """Return what `--help` alone prints."""
    verbs = {**COLD, **HOT}
    width = max(map(len, verbs))
    lines = [f"  {verb:<{width}}  {summary}" for verb, (_, summary) in verbs.items()]
    return "\n".join(
        [
            "kimi-swarm: many coding agents at once, isolated, checked, merged.",
            "",
            f"usage: {program} VERB [--json] …",
            "",
            *lines,
            "",
            f"Try: {program} {example_call()}",
            f"Each verb explains itself: {program} spawn --help",
        ]
    )


_VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": starting.run,
    "spawn": starting.spawn,
    "plan": starting.plan,
    "aggregate": runs.aggregate,
    "diff": runs.diff,
    "clear": partial(call, "clear"),
    "send": partial(call, "send"),
    "retry": partial(call, "retry"),
    "pause": partial(call, "pause"),
    "resume": partial(call, "resume"),
    "attach": runs.attach,
    "stats": partial(call, "stats"),
    "trust": _trust,
    "doctor": partial(call, "doctor"),
    "mcp": _mcp,
    "completion": _completion,
}
