"""Doing the calls about runs that there are, but for those that are made often."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from kimi_swarm.calls.answer import NOT_ALL, OK, Answer
from kimi_swarm.calls.asked import (
    AggregateCall,
    ClearCall,
    DiffCall,
    PauseCall,
    ResumeCall,
    RetryCall,
    SendCall,
)
from kimi_swarm.core.report import Report
from kimi_swarm.errors import UsageError
from kimi_swarm.strict_yaml import read_text
from kimi_swarm.telling import speech
from kimi_swarm.telling.as_json import plain_data, report_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kimi_swarm.actions.merging import MergeWish
    from kimi_swarm.actions.pause import Paused


async def aggregate(home: str, asked: AggregateCall) -> Answer:
    """Report on a run, fold its answers, or merge it."""
    from kimi_swarm.actions.aggregate import aggregate  # noqa: PLC0415 one verb

    if asked.judge or asked.vote or asked.table or asked.synthesise is not None:
        from kimi_swarm.calls.fold import fold  # noqa: PLC0415 one way of it

        return await fold(home, asked)
    wish = _merge_wish(asked)
    report = await aggregate(home, asked.run, is_merging=asked.merge, wish=wish)
    return told_report(report)


def told_report(report: Report) -> Answer:
    """Tell of a report."""
    return Answer(
        lambda: plain_data(report_object(report)),
        lambda: speech.report(report),
        OK if report.is_success else NOT_ALL,
    )


def _merge_wish(asked: AggregateCall) -> MergeWish:
    """Read how to merge from a call. Raises UsageError."""
    from kimi_swarm.actions.merging import MergeWish  # noqa: PLC0415 one verb

    wish = MergeWish(
        asked.check,
        asked.check_timeout_s,
        asked.check_every,
        asked.again,
        asked.apply,
        asked.resolve,
        asked.profile,
    )
    if wish != MergeWish(apply=asked.apply) and not asked.merge:
        raise UsageError(
            "`check`, `check_timeout_s`, `check_every`, `again`, `resolve` and "
            "`profile` are for `merge`.",
            remedy="Give `merge` together with them.",
        )
    if asked.profile is not None and not asked.resolve:
        raise UsageError("`profile` is for `resolve`: it names who resolves conflicts.")
    if asked.check_every == 0 or asked.check_timeout_s == 0:
        raise UsageError("`check_every` and `check_timeout_s` must be more than 0.")
    if asked.check is not None and not asked.check.strip():
        raise UsageError("`check` is empty.")
    return wish


async def diff(home: str, asked: DiffCall) -> Answer:
    """Show what a session changed."""
    from kimi_swarm.actions.diff import diff  # noqa: PLC0415 one verb

    found = await diff(home, asked.session, limit_bytes=asked.limit_bytes)
    told = {"diff": found.text, "redacted": found.redacted}
    return Answer(
        lambda: {"session": asked.session, **told}, lambda: speech.diff(found)
    )


def send(home: str, asked: SendCall) -> Answer:
    """Go on with a conversation."""
    from kimi_swarm.actions.send import send  # noqa: PLC0415 one verb

    if asked.message is not None and asked.file is None:
        text = asked.message
    elif asked.file is not None and asked.message is None:
        text = read_text(Path(asked.file))
    else:
        raise UsageError("`send` takes either a message or a `file`.")
    sent = send(home, asked.session, text)
    return Answer(sent._asdict, lambda: speech.sent(sent))


def retry(home: str, asked: RetryCall) -> Answer:
    """Do again what failed."""
    from kimi_swarm.actions.retry import retry  # noqa: PLC0415 one verb

    notice = None
    if asked.notify is not None:
        from kimi_swarm.calls.start import notice_of  # noqa: PLC0415 rarely asked for

        notice = notice_of(asked.notify, Path.cwd())
    retried = retry(home, asked.id, notice=notice)
    return Answer(
        lambda: plain_data(retried._asdict()),
        lambda: speech.retried(retried, asker=asked.notify or ""),
    )


def pause(home: str, asked: PauseCall) -> Answer:
    """Start nothing more of a run."""
    from kimi_swarm.actions.pause import pause  # noqa: PLC0415 one verb

    return _told_paused(pause(home, asked.run))


def resume(home: str, asked: ResumeCall) -> Answer:
    """Let a run start again that is paused, or held by a budget."""
    from kimi_swarm.actions.pause import resume  # noqa: PLC0415 one verb
    from kimi_swarm.core.budget import Good  # noqa: PLC0415 one verb

    raised = {
        good: float(most)
        for good in (Good.USD, Good.TOKENS, Good.REQUESTS, Good.SESSIONS)
        if (most := getattr(asked, good)) is not None
    }
    return _told_paused(resume(home, asked.run, raised=raised))


def _told_paused(paused: Paused) -> Answer:
    return Answer(paused._asdict, lambda: speech.paused(paused))


async def clear(home: str, asked: ClearCall) -> Answer:
    """Forget runs that are over."""
    from kimi_swarm.actions.clear import clear  # noqa: PLC0415 one verb

    if len(asked.run) != 1 or asked.older_than is not None:
        return await _clear_many(home, asked)
    is_dry = asked.dry_run
    cleared = await clear(home, asked.run[0], is_forced=asked.force, is_dry=is_dry)
    return Answer(
        lambda: {**asdict(cleared), "dry_run": is_dry},
        lambda: speech.cleared(cleared, is_dry=is_dry),
    )


async def _clear_many(home: str, asked: ClearCall) -> Answer:
    from kimi_swarm.actions import clear_old  # noqa: PLC0415 one verb

    if bool(asked.run) is (asked.older_than is not None):
        raise UsageError(
            "`clear` takes either runs or `older_than`.",
            remedy="For example 7d for `older_than`, first with `dry_run`.",
        )
    runs = list(asked.run)
    if asked.older_than is not None:
        older_than_s = clear_old.age_s(asked.older_than)
        runs = clear_old.ended_before(home, older_than_s=older_than_s)
    tidied = await clear_old.clear_all(
        home, runs, is_forced=asked.force, is_dry=asked.dry_run
    )
    is_named = asked.older_than is None
    return Answer(
        lambda: {**asdict(tidied), "freed_bytes": tidied.freed_bytes},
        lambda: speech.tidied(tidied),
        OK if clear_old.is_as_asked(tidied, is_named=is_named) else NOT_ALL,
    )
