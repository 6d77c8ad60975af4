"""Doing aggregate with judge, vote, table or synthesise: a run's answers in one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from kimi_swarm.actions.fold import as_table, judge, vote
from kimi_swarm.calls.answer import NOT_ALL, OK, Answer
from kimi_swarm.calls.asked import AggregateCall
from kimi_swarm.core.answers import TableFormat
from kimi_swarm.errors import UsageError
from kimi_swarm.telling.as_json import plain_data
from kimi_swarm.telling.folded import ruling_words, vote_words


async def fold(home: str, asked: AggregateCall) -> Answer:
    """Fold a run in the one way that was asked for; 1 if nothing comes of it.

    Raises UsageError, UnknownRunError.
    """
    ways = [asked.judge, asked.vote, asked.table is not None, asked.merge]
    if sum([*ways, asked.synthesise is not None]) > 1:
        names = "`judge`, `vote`, `table`, `synthesise` and `merge`"
        raise UsageError(f"{names}: give one of them.")
    if asked.synthesise is not None:
        return await _synthesise(home, asked, asked.synthesise)
    if asked.table is not None:
        return _table(home, asked.run, asked.table)
    return _vote(home, asked.run) if asked.vote else _judge(home, asked.run)


def _vote(home: str, run: str) -> Answer:
    counted = vote(home, run)

    def fields() -> dict[str, Any]:
        told = {"winner": counted.winner, "is_majority": counted.is_majority}
        return plain_data({"run": run, **asdict(counted), **told})

    code = NOT_ALL if counted.winner is None else OK
    return Answer(fields, lambda: vote_words(run, counted), code)


def _judge(home: str, run: str) -> Answer:
    ruling = judge(home, run)
    return Answer(
        lambda: plain_data({"run": run, **asdict(ruling)}),
        lambda: ruling_words(run, ruling),
        NOT_ALL if ruling.winner is None else OK,
    )


def _table(home: str, run: str, form: TableFormat) -> Answer:
    text = as_table(home, run, form)
    return Answer(lambda: {"run": run, "table": form.value, "text": text}, lambda: text)


async def _synthesise(home: str, asked: AggregateCall, question: str) -> Answer:
    from kimi_swarm.actions.spawn import spawn  # noqa: PLC0415 one way of folding
    from kimi_swarm.actions.synthesis import synthesis  # noqa: PLC0415 as above
    from kimi_swarm.calls.start import told_spawned  # noqa: PLC0415 as above

    prepared = await synthesis(home, asked.run, question, asked.profile)
    return told_spawned(await spawn(home, prepared), prepared)
