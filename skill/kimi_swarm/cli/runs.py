"""The verbs about runs whose command line says more than the call does."""

from __future__ import annotations

import argparse
import sys

from kimi_swarm.cli.calling import call
from kimi_swarm.cli.exits import OK
from kimi_swarm.cli.printing import print_object
from kimi_swarm.core.answers import TableFormat
from kimi_swarm.errors import UsageError
from kimi_swarm.location import state_home


def aggregate(args: argparse.Namespace) -> int:
    """Report on a run, fold its answers, or merge it."""
    if args.table is None:
        return call("aggregate", args)
    if args.json and args.table != TableFormat.JSONL:
        raise UsageError("--json is for --table jsonl: the others are text.")
    args.json = False  # each of its lines is an object
    return call("aggregate", args, end="")


def diff(args: argparse.Namespace) -> int:
    """Show what a session changed: a patch ends its own last line."""
    return call("diff", args, end="")


def attach(args: argparse.Namespace) -> int:
    """Join a conversation."""
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
