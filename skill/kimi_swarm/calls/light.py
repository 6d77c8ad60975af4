"""Doing the calls that are made often: list, poll, log, wait, kill. Light.

What is asked may be a model or the words of a command line: only its fields count.
"""

from __future__ import annotations

from kimi_swarm.calls.answer import NOT_ALL, OK, OUT_OF_TIME, Answer
from kimi_swarm.core.totals import used_words
from kimi_swarm.errors import UsageError
from kimi_swarm.telling import words

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from kimi_swarm.actions.kill import Killed
    from kimi_swarm.actions.list import RunListing, Runs
    from kimi_swarm.actions.poll import RunNews, SessionNews
    from kimi_swarm.actions.state import Line
    from kimi_swarm.calls.asked import KillCall, ListCall, LogCall, PollCall, WaitCall
    from kimi_swarm.store.views import RunRow, SessionRow


def _asker(given: str | None) -> str:
    """Return who asks, "" for who gave no name. Raises BadAskerError."""
    if given is None:
        return ""
    from kimi_swarm.core.askers import asker_name  # noqa: PLC0415 only of a name

    return asker_name(given)


def list_(home: str, asked: ListCall) -> Answer:
    """Tell of runs, or of one run's sessions. Raises UnknownRunError and others."""
    from kimi_swarm.actions.list import list_run, list_runs  # noqa: PLC0415 one verb

    owner = _asker(asked.asker)
    if asked.run is None:
        runs = list_runs(home, limit=asked.limit, owner=owner)
        return Answer(
            lambda: _runs_object(home, asked, runs),
            lambda: _runs_text(home, asked, runs),
        )
    if owner:
        raise UsageError(
            "An asker (`as`) chooses among runs, and one is named already."
        )
    one = list_run(home, asked.run)
    return Answer(
        lambda: _run_object(home, asked, one), lambda: _run_text(home, asked, one)
    )


def _runs_object(home: str, asked: ListCall, found: Runs) -> dict[str, Any]:
    from kimi_swarm.telling.as_json import run_object  # noqa: PLC0415 only for objects

    told = [run_object(row, None) | _size(home, asked, row.id) for row in found.runs]
    return {"runs": told}


def _runs_text(home: str, asked: ListCall, found: Runs) -> str:
    runs, total = found
    lines = [_run_line(home, asked, row) for row in runs]
    if not total and asked.asker is None:
        return "No runs yet."
    if not total:
        return f"No runs belong to {asked.asker}; `list` without --as shows all."
    if total > len(runs):
        lines.append(f"[showing {len(runs)} of {total} runs; pass --limit for more]")
    return "\n".join(words.fitted(lines))


def _run_object(home: str, asked: ListCall, found: RunListing) -> dict[str, Any]:
    from kimi_swarm.telling.as_json import (  # noqa: PLC0415 only for objects
        notice_object,
        run_object,
    )

    told = run_object(found.run, found.sessions, totals=found.totals)
    notices = [notice_object(notice) for notice in found.notices]
    return {**told, **_size(home, asked, found.run.id), "notices": notices}


def _run_text(home: str, asked: ListCall, found: RunListing) -> str:
    run, sessions, notices, totals = found
    width = max(len(row.id) for row in sessions)
    lines = [words.session_line(row, width=width) for row in sessions]
    used = used_words(totals)
    first = _run_line(home, asked, run) + (f"; {used}" if used else "")
    last = _next_line(run, sessions)
    told = [words.notice_line(notice) for notice in notices]
    return "\n".join([first, *words.fitted(lines), *told, last])


def _next_line(run: RunRow, sessions: Sequence[SessionRow]) -> str:
    """Say what is next for a run, by all sessions that it had."""
    from kimi_swarm.core.wake import (  # noqa: PLC0415 not every verb
        aggregate_verb,
        first_raise,
        raising,
        wait_verb,
    )

    first = ""
    if run.state == "done":
        from kimi_swarm.store.inbox import standings  # noqa: PLC0415 only of an end

        last = {row.task: row for row in sessions}  # a task's attempts stand in order
        verb = aggregate_verb(run.id, standings(list(last.values())))
    elif run.held is not None:
        first, verb = first_raise(run.held), raising(run.id, run.held)
    elif words.is_paused(run):
        verb = f"resume {run.id}"
    else:
        verb = wait_verb(run.id, run.owner)
    return f"{first} {words.next_line(verb)}".lstrip()


def _size(home: str, asked: ListCall, run: str) -> dict[str, int]:
    """Return the size of a run as a field, where it was asked for."""
    if not asked.size:
        return {}
    from kimi_swarm.actions.sizes import run_bytes  # noqa: PLC0415 only for --size

    return {"size_bytes": run_bytes(home, run)}


def _run_line(home: str, asked: ListCall, row: RunRow) -> str:
    """Describe a run on one line, its size first where it was asked for."""
    line = words.run_line(row)
    if not asked.size:
        return line
    from kimi_swarm.actions.sizes import readable_bytes  # noqa: PLC0415 only for --size

    return f"{readable_bytes(_size(home, asked, row.id)['size_bytes']):>9} {line}"


def poll(home: str, asked: PollCall, line: Line | None = None) -> Answer:
    """Tell what is new. Raises UnknownRunError, UnknownSessionError."""
    from kimi_swarm.actions.poll import RunNews, poll  # noqa: PLC0415 one verb

    if asked.id is None:
        return _inbox(home, asked, line)
    asker, timeout_s = _asker(asked.asker), asked.timeout_s
    news = poll(home, asked.id, asker=asker, timeout_s=timeout_s, line=line)
    code = OUT_OF_TIME if news.is_timeout and timeout_s > 0 else OK
    if isinstance(news, RunNews):
        told = news
        return Answer(
            lambda: _events_object(told),
            lambda: _events_text(home, told),
            code,
            news.marks,
        )
    lines = news
    return Answer(
        lambda: _lines_object(lines), lambda: _lines_text(lines), code, news.marks
    )


def _inbox(home: str, asked: PollCall, line: Line | None) -> Answer:
    from kimi_swarm.actions.inbox import inbox  # noqa: PLC0415 one form of one verb

    asker, timeout_s = _asker(asked.asker), asked.timeout_s
    found = inbox(home, asker=asker, timeout_s=timeout_s, line=line)

    def fields() -> dict[str, Any]:
        from kimi_swarm.telling.as_json import inbox_object  # noqa: PLC0415 as above

        return inbox_object(found)

    def text() -> str:
        from kimi_swarm.telling.wake import inbox_lines  # noqa: PLC0415 as above

        return "\n".join(words.fitted(inbox_lines(found, asker=asker)))

    code = OUT_OF_TIME if found.is_timeout and timeout_s > 0 else OK
    return Answer(fields, text, code, found.marks)


def _events_object(news: RunNews) -> dict[str, Any]:
    from kimi_swarm.telling import as_json  # noqa: PLC0415 only for objects

    told = [as_json.event_object(event) for event in news.events]
    return {**as_json.run_object(news.run, None), "events": told}


def _lines_object(news: SessionNews) -> dict[str, Any]:
    from kimi_swarm.telling import as_json  # noqa: PLC0415 only for objects

    return {**as_json.session_object(news.session), "lines": news.lines}


def _lines_text(news: SessionNews) -> str:
    from kimi_swarm.telling.output import news_text  # noqa: PLC0415 one verb

    return news_text(news)


def _events_text(home: str, news: RunNews) -> str:
    from kimi_swarm.actions.list import list_run  # noqa: PLC0415 one verb

    run, sessions = news.run.id, list_run(home, news.run.id).sessions
    rows = {row.id: row for row in sessions}
    lines = words.fitted(
        [words.event_line(event, rows) for event in news.events], keep_last=True
    )
    told = "\n".join(lines) or "(no new output)"
    counts = f"{run}: {words.counts_of(news.run)}."
    last = _next_line(news.run, sessions)
    ending = "Still running."
    if news.run.state == "done":
        ending = last
    elif words.is_held(news.run):
        ending = f"Held: {news.run.held}. {last}"
    elif words.is_paused(news.run):
        ending = f"Paused. {last}"
    return f"{told}\n\n{counts}\n{ending}"


def log(home: str, asked: LogCall) -> Answer:
    """Tell what a worker wrote. Raises UnknownSessionError."""
    from kimi_swarm.actions.log import log  # noqa: PLC0415 one verb

    page = log(
        home, asked.session, offset=asked.offset, limit=asked.limit, is_raw=asked.raw
    )

    def fields() -> dict[str, Any]:
        from kimi_swarm.telling import as_json  # noqa: PLC0415 only for objects

        session = as_json.session_object(page.session)
        extra = {"lines": page.lines, "first": page.first, "total": page.total}
        return {**session, **extra}

    def text() -> str:
        from kimi_swarm.telling.output import log_text  # noqa: PLC0415 one verb

        is_asked = asked.limit is not None or asked.offset is not None
        return log_text(page, is_raw=asked.raw, is_asked=is_asked)

    return Answer(fields, text)


def wait(home: str, asked: WaitCall, line: Line | None = None) -> Answer:
    """Wait for the end of a run, or of any session of it. Raises UnknownRunError."""
    from kimi_swarm.actions.wait import wait  # noqa: PLC0415 one verb

    asker = _asker(asked.asker)
    seen = wait(
        home,
        asked.run,
        is_any=asked.any,
        timeout_s=asked.timeout_s,
        asker=asker,
        line=line,
    )

    def fields() -> dict[str, Any]:
        from kimi_swarm.telling import as_json  # noqa: PLC0415 only for objects

        ended = None if seen.ended is None else seen.ended.id
        run = as_json.run_object(seen.run, seen.sessions, totals=seen.totals)
        how = {"ended": ended, "timed_out": seen.is_timeout}
        return {**run, **how, "completion": seen.completion}

    def text() -> str:
        from kimi_swarm.telling.wake import wake_line  # noqa: PLC0415 one verb

        return wake_line(seen, shows_id=asker != "")

    looked_at = seen.sessions if seen.ended is None else [seen.ended]
    is_fine = all(row.is_fine for row in looked_at) and not seen.run.is_stuck
    code = OK if is_fine else NOT_ALL
    return Answer(fields, text, OUT_OF_TIME if seen.is_timeout else code, seen.marks)


def kill(home: str, asked: KillCall, line: Line | None = None) -> Answer:
    """End a session, a run or everything. Raises UsageError, UnknownRunError."""
    from kimi_swarm.actions.kill import EVERYTHING, kill  # noqa: PLC0415 one verb

    owner = _asker(asked.asker)
    if (asked.id is None) is not asked.all:
        raise UsageError(
            "`kill` takes either an id or `all`.", remedy="`list` shows the ids."
        )
    if owner and not asked.all:
        raise UsageError(
            "An asker (`as`) goes with `all`: what has an id needs no owner."
        )
    scope = EVERYTHING if asked.id is None else asked.id
    killed = kill(home, scope, owner=owner, line=line)

    def fields() -> dict[str, Any]:
        from kimi_swarm.telling import as_json  # noqa: PLC0415 only for objects

        return {"sessions": [as_json.session_object(row) for row in killed.sessions]}

    code = NOT_ALL if killed.still_live else OK
    return Answer(fields, lambda: _killed_text(killed, owner), code)


def _killed_text(killed: Killed, owner: str) -> str:
    if not killed.sessions and owner:
        return f"Nothing to end: no run of {owner} is at work; `list` shows all."
    if not killed.sessions:
        return "Nothing to end: it is over already."
    lines = words.fitted(
        [
            f"{row.id} {words.coloured(row.outcome or row.state)} ({row.reason or ''})"
            for row in killed.sessions
        ]
    )
    live = len(killed.still_live)
    more = [f"Termination requested; {live} still ending."] if live else []
    return "\n".join([*lines, *more])
