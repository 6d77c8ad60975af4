"""What the verbs take that are not light: one function a verb."""

from __future__ import annotations

import argparse

from kimi_swarm.cli.arguments import Add, count, seconds
from kimi_swarm.core.usage_sums import By


def _priority(text: str) -> int:
    if not (text.lstrip("-").isdigit() and -10 <= int(text) <= 10):  # noqa: PLR2004 as said
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from -10 to 10")
    return int(text)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", nargs="?", help="a plan file (YAML)")
    parser.add_argument("--strategy", help="a strategy; --help tells what it takes")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="its parameters"
    )
    parser.add_argument(
        "--task", action="append", default=[], help="a task in words; may be repeated"
    )
    parser.add_argument(
        "--task-file",
        action="extend",
        nargs="+",
        default=[],
        metavar="FILE",
        help="a task from each file, named for it",
    )
    parser.add_argument("--profile", help="the worker for all tasks")
    parser.add_argument(
        "--priority", type=_priority, metavar="N", help="-10 to 10: higher goes first"
    )
    parser.add_argument(
        "--permission",
        choices=["read", "edit", "full"],
        help="what workers may do (edit: change their workspace)",
    )
    parser.add_argument(
        "--workspace",
        choices=["worktree", "fresh", "shared", "none"],
        help="where these tasks work (worktree)",
    )
    parser.add_argument("--concurrency", type=count, help="workers at once")


def add_spawn(parser: argparse.ArgumentParser) -> None:
    """Spawn PLAN | STRATEGY | --task TEXT."""
    _add_source(parser)
    _add_addition(parser)
    _add_told(parser)


def _add_told(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait", action="store_true", help="return when it has ended, with one line"
    )
    parser.add_argument(
        "--as", dest="asker", metavar="NAME", help="whose run this is: list and poll it"
    )
    _add_notify(parser)


def _add_notify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--notify", metavar="SESSION_KEY", help="let the host tell its agent of the end"
    )


def _add_addition(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--into", metavar="RUN", help="add the tasks to this run, live or over"
    )
    parser.add_argument(
        "--only-new", action="store_true", help="leave out tasks that the run has"
    )
    parser.add_argument(
        "--proposed", action="store_true", help="what a planner of that run proposes"
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """run: spawn, live view, aggregate."""
    _add_source(parser)
    parser.add_argument(
        "--no-merge", action="store_true", help="only report at the end"
    )
    parser.add_argument(
        "--yes", action="store_true", help="do what a planner proposes without asking"
    )


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Plan, with all that spawn takes: the call that it prints takes them along."""
    _add_source(parser)
    _add_addition(parser)
    _add_told(parser)
    parser.add_argument("--list", action="store_true", help="the strategies there are")
    parser.add_argument("--yaml", action="store_true", help="print the plan as YAML")


def add_aggregate(parser: argparse.ArgumentParser) -> None:
    """Aggregate RUN."""
    parser.add_argument("run", help="a run, e.g. calm-river")
    parser.add_argument("--merge", action="store_true", help="merge what succeeded")
    parser.add_argument(
        "--check", metavar="LINE", help="what the merge must pass (the plan's)"
    )
    parser.add_argument(
        "--check-timeout-s", type=seconds, help="how long that may take (1800)"
    )
    parser.add_argument(
        "--check-every", type=count, metavar="N", help="run it after N branches"
    )
    parser.add_argument(
        "--again", action="store_true", help="try what was set aside once more"
    )
    parser.add_argument(
        "--resolve", action="store_true", help="let workers resolve conflicts"
    )
    parser.add_argument("--profile", help="the worker that does it")
    parser.add_argument(
        "--apply", action="store_true", help="bring the merge to your own branch"
    )
    parser.add_argument(
        "--judge", action="store_true", help="say which candidate is best, and why"
    )
    parser.add_argument("--vote", action="store_true", help="count equal answers")
    parser.add_argument(
        "--synthesise",
        nargs="?",
        const=True,
        metavar="QUESTION",
        help="let a worker of the run fold its answers to one text",
    )
    parser.add_argument(
        "--table",
        nargs="?",
        const="markdown",
        choices=["markdown", "csv", "jsonl"],
        help="one row per task, in order",
    )


def add_diff(parser: argparse.ArgumentParser) -> None:
    """Diff SESSION."""
    parser.add_argument("session", help="a session, e.g. calm-river/header")
    parser.add_argument(
        "--limit-bytes", type=count, default=12_000, help="length of the patch (12000)"
    )


def add_clear(parser: argparse.ArgumentParser) -> None:
    """Clear RUN."""
    parser.add_argument("run", nargs="*", help="runs that are over")
    parser.add_argument(
        "--older-than", metavar="AGE", help="all that ended so long ago: 30m, 12h, 7d"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.add_argument(
        "--force", action="store_true", help="also with unmerged work: it is salvaged"
    )


def add_send(parser: argparse.ArgumentParser) -> None:
    """Add what `send SESSION TEXT` takes."""
    parser.add_argument("session", help="a session, e.g. calm-river/header")
    parser.add_argument("message", nargs="?", help="what to tell its worker")
    parser.add_argument("--file", help="read the message from a file")


def add_attach(parser: argparse.ArgumentParser) -> None:
    """Add what `attach SESSION` takes."""
    parser.add_argument("session", help="a session that is over")
    parser.add_argument("--print", action="store_true", help="only print the command")


def add_stats(parser: argparse.ArgumentParser) -> None:
    """Stats [RUN]."""
    parser.add_argument("run", nargs="?", help="only this run")
    parser.add_argument(
        "--by", choices=[each.value for each in By], help="tell it apart by this"
    )
    parser.add_argument(
        "--since",
        metavar="DAY",
        help="from this day (UTC) on: 2026-11-20, or 7d, 2w ago",
    )
    parser.add_argument("--limit", type=count, help="with --by: groups to show (20)")


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Add what `doctor` takes."""
    parser.add_argument(
        "--fix",
        action="store_true",
        help="end and remove what crashes left; no work is lost",
    )


def add_retry(parser: argparse.ArgumentParser) -> None:
    """Retry RUN | SESSION."""
    parser.add_argument("id", help="a run (calm-river) or session (calm-river/header)")
    _add_notify(parser)


def add_run_alone(parser: argparse.ArgumentParser) -> None:
    """Pause RUN, resume RUN."""
    parser.add_argument("run", help="a run, e.g. calm-river")


def _money(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of money above 0")
    return value


def add_resume(parser: argparse.ArgumentParser) -> None:
    """Resume RUN, with larger budgets."""
    parser.add_argument("run", help="a run; with a budget also one of its sessions")
    parser.add_argument("--usd", type=_money, help="its budget in US dollars from now")
    parser.add_argument("--tokens", type=count, help="its budget in tokens")
    parser.add_argument("--requests", type=count, help="its budget in requests")
    parser.add_argument("--sessions", type=count, help="how many may start in all")


def add_nothing(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: some verbs take no arguments."""


def add_mcp(parser: argparse.ArgumentParser) -> None:
    """Add what `mcp` takes."""
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="only bring what the server needs, so that a client need not wait for it",
    )
    parser.add_argument(
        "--cwd", help="where paths begin if neither call nor client says it"
    )
    parser.add_argument(
        "--structured",
        action="store_true",
        help="answer with objects that have schemas, for programs",
    )


def add_completion(parser: argparse.ArgumentParser) -> None:
    """Completion SHELL."""
    parser.add_argument("shell", choices=["bash", "zsh", "tcsh"])


COLD: dict[str, tuple[Add, str]] = {
    "run": (add_run, "Spawn, watch live, then aggregate: the whole job in one call."),
    "spawn": (add_spawn, "Start a plan's workers in the background and return."),
    "plan": (add_plan, "Show what would run, without starting anything."),
    "aggregate": (add_aggregate, "A run's report; with --merge its branches merged."),
    "diff": (add_diff, "What one session changed."),
    "clear": (add_clear, "Forget finished runs, or all old ones; no work is lost."),
    "send": (add_send, "Go on with a worker's conversation in its workspace."),
    "retry": (add_retry, "Do again what failed; what succeeded is kept."),
    "pause": (add_run_alone, "Start nothing more of a run; what works goes on."),
    "resume": (add_resume, "Let a run that is paused or out of budget go on."),
    "attach": (add_attach, "Join a worker's conversation at your terminal."),
    "stats": (add_stats, "What was used and what it cost: tokens, requests, money."),
    "trust": (add_nothing, "Use this project's own profiles, as they are now."),
    "doctor": (add_doctor, "What this machine can run, and a command that works now."),
    "mcp": (add_mcp, "Serve an MCP client at standard input and output."),
    "completion": (add_completion, "Print a completion script for your shell."),
}
