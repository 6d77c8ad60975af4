"""What each verb takes: one function a verb, so that a light verb builds one parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from kimi_swarm.errors import UsageError

Add = Callable[[argparse.ArgumentParser], None]


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of printing and leaving."""

    def error(self, message: str) -> NoReturn:
        """Refuse a command line in one sentence."""
        option, _, what = message.removeprefix("argument ").partition(": ")
        if what == "expected one argument":
            message = (
                f"{option} takes a value; one that begins with a dash is written"
                f" {option}=VALUE"
            )
        raise UsageError(
            f"{self.prog.rpartition(' ')[2]}: {message}.",
            remedy=f"See `{self.prog} --help`.",
        )


def parser_for(verb: str, add: Add, *, prog: str, summary: str) -> Parser:
    """Build the parser of one verb."""
    parser = Parser(prog=f"{prog} {verb}", description=summary, allow_abbrev=False)
    add(parser)
    _common(parser)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object, version 1"
    )


def seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # Not a number is neither below nor above anything.
    if not 0 <= value <= 10_000_000:  # noqa: PLR2004 four months
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def count(text: str) -> int:
    """Read a whole number from 0 up."""
    if not (text.isascii() and text.isdigit() and len(text) < 12):  # noqa: PLR2004 fits
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 up")
    return int(text)


def add_list(parser: argparse.ArgumentParser) -> None:
    """List [RUN]."""
    parser.add_argument("run", nargs="?", help="show this run's sessions")
    parser.add_argument("--limit", type=count, default=20, help="runs to show (20)")
    parser.add_argument(
        "--size", action="store_true", help="with the room each takes on the disk"
    )
    parser.add_argument(
        "--as", dest="asker", metavar="NAME", help="only the runs of this asker"
    )


def add_poll(parser: argparse.ArgumentParser) -> None:
    """Poll [ID]."""
    parser.add_argument(
        "id", nargs="?", help="a run, a session; none: all runs that ended"
    )
    parser.add_argument(
        "--timeout-s", type=seconds, default=0.0, help="wait so long for something new"
    )
    parser.add_argument(
        "--as",
        dest="asker",
        metavar="NAME",
        help="who asks: each asker has a place of its own",
    )


def add_log(parser: argparse.ArgumentParser) -> None:
    """Log SESSION."""
    parser.add_argument("session", help="a session, e.g. calm-river/header")
    parser.add_argument("--offset", type=count, help="first line, from 0")
    parser.add_argument("--limit", type=count, help="how many lines (the last 200)")
    parser.add_argument("--raw", action="store_true", help="as the worker wrote it")
    parser.add_argument("--follow", "-f", action="store_true", help="keep printing")


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Wait RUN."""
    parser.add_argument("run", help="a run, e.g. calm-river")
    parser.add_argument(
        "--any", action="store_true", help="until any session has ended"
    )
    parser.add_argument("--timeout-s", type=seconds, help="give up then, exit code 124")
    parser.add_argument(
        "--as",
        dest="asker",
        metavar="NAME",
        help="who asks: each asker is told of every end",
    )


def add_kill(parser: argparse.ArgumentParser) -> None:
    """Kill ID | --all."""
    parser.add_argument("id", nargs="?", help="a run or a session")
    parser.add_argument("--all", action="store_true", help="everything that runs")
    parser.add_argument(
        "--as", dest="asker", metavar="NAME", help="with --all: only runs of this asker"
    )


HOT: dict[str, tuple[Add, str]] = {
    "list": (add_list, "What there is: runs, or one run's sessions."),
    "poll": (
        add_poll,
        "Only what is new to you: of a run, a session, or which runs ended.",
    ),
    "log": (add_log, "What a session's worker wrote, by lines."),
    "wait": (add_wait, "Wait until a run has ended; print one line."),
    "kill": (add_kill, "End a session, a run or everything, children included."),
}
