"""The light verbs: list, poll, log, wait, kill. Standard library only.

They run in the launcher's own process, before any environment is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

from kimi_swarm.actions.state import program_name
from kimi_swarm.cli import words
from kimi_swarm.cli.exits import NOT_ALL, OK, OUT_OF_TIME, guarded
from kimi_swarm.cli.quick import read_plainly
from kimi_swarm.errors import UsageError
from kimi_swarm.location import state_home
from kimi_swarm.store.views import RunRow

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from kimi_swarm.actions.poll import RunNews


def main(argv: Sequence[str]) -> int:
    """Run one light verb; returns its exit code."""
    return guarded(_main, argv)


def _main(argv: Sequence[str]) -> int:
    verb = next(word for word in argv if not word.startswith("-"))
    rest = list(argv)
    rest.remove(verb)
    return _VERBS[verb](read_plainly(verb, rest) or _read_carefully(verb, rest))


def _read_carefully(verb: str, rest: Sequence[str]) -> SimpleNamespace:
    from kimi_swarm.cli.arguments import HOT, parser_for  # noqa: PLC0415 argparse is slow

    add, summary = HOT[verb]
    parser = parser_for(verb, add, prog=program_name(), summary=summary)
    return parser.parse_args(rest, SimpleNamespace())


def _list(args: SimpleNamespace) -> int:
    from kimi_swarm.actions.list import list_run, list_runs  # noqa: PLC0415 one verb

    if args.run is None:
        runs, total = list_runs(state_home(), limit=args.limit)
        if args.json:
            from kimi_swarm.cli.as_json import (  # noqa: PLC0415 only for --json
                print_object,
                run_object,
            )

            told = [run_object(row, None) | _size(args, row.id) for row in runs]
            print_object({"runs": told})
            return OK
        lines = [_run_line(args, row) for row in runs] or ["No runs yet."]
        if total > len(runs):
            lines.append(
                f"[showing {len(runs)} of {total} runs; pass --limit for more]"
            )
        print("\n".join(words.fitted(lines)))
        return OK
    run, sessions = list_run(state_home(), args.run)
    if args.json:
        from kimi_swarm.cli.as_json import (  # noqa: PLC0415 only for --json
            print_object,
            run_object,
        )

        print_object(run_object(run, sessions) | _size(args, run.id))
        return OK
    width = max(len(row.id) for row in sessions)
    lines = [words.session_line(row, width=width) for row in sessions]
    print("\n".join([_run_line(args, run), *words.fitted(lines)]))
    verb = "wait" if run.state == "running" else "aggregate"
    verb = "resume" if words.is_paused(run) else verb
    print(words.next_line(f"{verb} {run.id}"))
    return OK


def _size(args: SimpleNamespace, run: str) -> dict[str, int]:
    """Return the size of a run as a field, where it was asked for."""
    if not args.size:
        return {}
    from kimi_swarm.actions.sizes import run_bytes  # noqa: PLC0415 only for --size

    return {"size_bytes": run_bytes(state_home(), run)}


def _run_line(args: SimpleNamespace, row: RunRow) -> str:
    """Describe a run on one line, its size first where it was asked for."""
    line = words.run_line(row)
    if not args.size:
        return line
    from kimi_swarm.actions.sizes import readable_bytes  # noqa: PLC0415 only for --size

    return f"{readable_bytes(_size(args, row.id)['size_bytes']):>9} {line}"


def _poll(args: SimpleNamespace) -> int:
    from kimi_swarm.actions.poll import RunNews, poll  # noqa: PLC0415 one verb

    news = poll(state_home(), args.id, asker=args.asker, timeout_s=args.timeout_s)
    code = OUT_OF_TIME if news.is_timeout and args.timeout_s > 0 else OK
    if args.json:
        from kimi_swarm.cli import as_json  # noqa: PLC0415 only for --json

        if isinstance(news, RunNews):
            told = [as_json.event_object(event) for event in news.events]
            as_json.print_object({**as_json.run_object(news.run, None), "events": told})
        else:
            session = as_json.session_object(news.session)
            as_json.print_object({**session, "lines": news.lines})
        return code
    if isinstance(news, RunNews):
        print(_run_news(news))
    else:
        from kimi_swarm.cli.output import news_text  # noqa: PLC0415 one verb

        print(news_text(news))
    return code


def _run_news(news: RunNews) -> str:
    from kimi_swarm.actions.list import list_run  # noqa: PLC0415 one verb

    run = news.run.id
    rows = {row.id: row for row in list_run(state_home(), run).sessions}
    lines = words.fitted(
        [words.event_line(event, rows) for event in news.events], keep_last=True
    )
    told = "\n".join(lines) or "(no new output)"
    counts = f"{run}: {words.counts_of(list(rows.values()))}."
    ending = "" if news.run.state == "done" else "\nStill running."
    if words.is_paused(news.run):
        ending = f"\nPaused. {words.next_line(f'resume {run}')}"
    return f"{told}\n\n{counts}{ending}"


def _log(args: SimpleNamespace) -> int:
    from kimi_swarm.actions.log import log  # noqa: PLC0415 one verb

    if args.follow:
        from kimi_swarm.cli.follow import follow_log  # noqa: PLC0415 for people

        return follow_log(state_home(), args.session, is_raw=args.raw)
    page = log(
        state_home(),
        args.session,
        offset=args.offset,
        limit=args.limit,
        is_raw=args.raw,
    )
    if args.json:
        from kimi_swarm.cli import as_json  # noqa: PLC0415 only for --json

        session = as_json.session_object(page.session)
        extra = {"lines": page.lines, "first": page.first, "total": page.total}
        as_json.print_object({**session, **extra})
        return OK
    from kimi_swarm.cli.output import log_text  # noqa: PLC0415 one verb

    is_asked = args.limit is not None or args.offset is not None
    print(log_text(page, is_raw=args.raw, is_asked=is_asked))
    return OK


def _wait(args: SimpleNamespace) -> int:
    from kimi_swarm.actions.wait import wait  # noqa: PLC0415 one verb
    from kimi_swarm.cli.wake import wake_line  # noqa: PLC0415 one verb

    seen = wait(
        state_home(),
        args.run,
        is_any=args.any,
        timeout_s=args.timeout_s,
        asker=args.asker,
    )
    if args.json:
        from kimi_swarm.cli import as_json  # noqa: PLC0415 only for --json

        ended = None if seen.ended is None else seen.ended.id
        run = as_json.run_object(seen.run, seen.sessions)
        as_json.print_object({**run, "ended": ended, "timed_out": seen.is_timeout})
    else:
        print(wake_line(seen))
    if seen.is_timeout:
        return OUT_OF_TIME
    looked_at = seen.sessions if seen.ended is None else [seen.ended]
    return OK if all(row.is_fine for row in looked_at) else NOT_ALL


def _kill(args: SimpleNamespace) -> int:
    from kimi_swarm.actions.kill import EVERYTHING, kill  # noqa: PLC0415 one verb

    if (args.id is None) is not args.all:
        raise UsageError(
            "kill takes either an id or --all.", remedy="Run `list` to see the ids."
        )
    killed = kill(state_home(), EVERYTHING if args.all else args.id)
    if args.json:
        from kimi_swarm.cli import as_json  # noqa: PLC0415 only for --json

        rows = [as_json.session_object(row) for row in killed.sessions]
        as_json.print_object({"sessions": rows})
    elif not killed.sessions:
        print("Nothing to end: it is over already.")
    else:
        lines = [
            f"{row.id} {words.coloured(row.outcome or row.state)} ({row.reason or ''})"
            for row in killed.sessions
        ]
        print("\n".join(words.fitted(lines)))
        if killed.still_live:
            print(f"Termination requested; {len(killed.still_live)} still ending.")
    return NOT_ALL if killed.still_live else OK


_VERBS: dict[str, Callable[[SimpleNamespace], int]] = {
    "list": _list,
    "poll": _poll,
    "log": _log,
    "wait": _wait,
    "kill": _kill,
}
