"""The verbs about runs that there are, but for the light ones."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from kimi_swarm.cli.exits import NOT_ALL, OK
from kimi_swarm.cli.printing import print_object
from kimi_swarm.cli.starting import notice_of
from kimi_swarm.errors import UsageError
from kimi_swarm.location import state_home
from kimi_swarm.strict_yaml import read_text
from kimi_swarm.telling import speech

if TYPE_CHECKING:
    from kimi_swarm.actions.merging import MergeWish
    from kimi_swarm.actions.pause import Paused


def aggregate(args: argparse.Namespace) -> int:
    """Report on a run, fold its answers, or merge it."""
    from kimi_swarm.actions.aggregate import aggregate  # noqa: PLC0415 one verb

    if args.judge or args.vote or args.table or args.synthesise is not None:
        from kimi_swarm.cli.folding import folded  # noqa: PLC0415 one way of it

        return folded(args)
    wish = _merge_wish(args)
    asked = partial(aggregate, state_home(), args.run, is_merging=args.merge, wish=wish)
    report = anyio.run(asked)
    if args.json:
        print_object({**asdict(report), "counts": report.counts})
    else:
        print(speech.report(report))
    return OK if report.is_success else NOT_ALL


def _merge_wish(args: argparse.Namespace) -> MergeWish:
    """Read how to merge from the command line. Raises UsageError."""
    from kimi_swarm.actions.merging import MergeWish  # noqa: PLC0415 one verb

    wish = MergeWish(
        args.check,
        args.check_timeout_s,
        args.check_every,
        args.again,
        args.apply,
        args.resolve,
        args.profile,
    )
    if wish != MergeWish(apply=args.apply) and not args.merge:
        raise UsageError(
            "--check, --check-timeout-s, --check-every, --again, --resolve and "
            "--profile are for --merge.",
            remedy=f"Say: aggregate {args.run} --merge …",
        )
    if args.profile is not None and not args.resolve:
        raise UsageError("--profile is for --resolve: it names who resolves conflicts.")
    if args.check_every == 0 or args.check_timeout_s == 0:
        raise UsageError("--check-every and --check-timeout-s must be more than 0.")
    if args.check is not None and not args.check.strip():
        raise UsageError("--check is empty.")
    return wish


def diff(args: argparse.Namespace) -> int:
    """Show what a session changed."""
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


def send(args: argparse.Namespace) -> int:
    """Go on with a conversation."""
    from kimi_swarm.actions.send import send  # noqa: PLC0415 one verb

    if (args.message is None) is (args.file is None):
        raise UsageError(
            "send takes either a message or --file.",
            remedy='Say `send RUN/TASK "your message"` or `send RUN/TASK --file FILE`.',
        )
    text = args.message if args.file is None else read_text(Path(args.file))
    sent = send(state_home(), args.session, text)
    if args.json:
        print_object(sent._asdict())
    else:
        print(speech.sent(sent))
    return OK


def retry(args: argparse.Namespace) -> int:
    """Do again what failed."""
    from kimi_swarm.actions.retry import retry  # noqa: PLC0415 one verb

    retried = retry(state_home(), args.id, notice=notice_of(args.notify))
    if args.json:
        print_object(retried._asdict())
    else:
        print(speech.retried(retried))
    return OK


def pause(args: argparse.Namespace) -> int:
    """Start nothing more of a run."""
    from kimi_swarm.actions.pause import pause  # noqa: PLC0415 one verb

    return _say_paused(pause(state_home(), args.run), is_json=args.json)


def resume(args: argparse.Namespace) -> int:
    """Let a paused run start again."""
    from kimi_swarm.actions.pause import resume  # noqa: PLC0415 one verb

    return _say_paused(resume(state_home(), args.run), is_json=args.json)


def _say_paused(paused: Paused, *, is_json: bool) -> int:
    if is_json:
        print_object(paused._asdict())
    else:
        print(speech.paused(paused))
    return OK


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


def clear(args: argparse.Namespace) -> int:
    """Forget runs that are over."""
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
