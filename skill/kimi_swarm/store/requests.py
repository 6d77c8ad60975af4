"""What every request to a model cost, one row each, as the gateway measured it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from kimi_swarm.core.row import Row
from kimi_swarm.core.usage import Metered, Tokens, measured
from kimi_swarm.store.database import Connection, transaction
from kimi_swarm.store.prices import read_prices
from kimi_swarm.store.usage import settle_late

DONE, REFUSED, CUT, LEFT, LOST = "done", "refused", "cut", "left", "lost"
"""How a request ended: the whole answer passed, the gateway answered itself, the answer
broke off, the worker hung up, the gateway died meanwhile."""


FAILED = 400
"""From this status on the provider refused."""
BYTES_PER_TOKEN = 3
"""Cautious: what a request is taken to have cost whose provider told nothing."""


class RequestRow(Row):
    """One request that a worker made through the gateway.

    Moments are seconds since the epoch. `status` is what the worker was answered,
    `tries` how often the provider was asked. `sent_again` is 1 if the worker had sent
    the very same to a gateway that died over it: the provider may have counted both.
    Tokens are None where the provider did not tell; `input_tokens` holds the cached
    ones, `output_tokens` those of reasoning. For want of the latter there are
    `estimated_output_tokens`, by what came. `pool` is the provider's host; `pools` are
    that and the names of all pools that cover the request, each on a line.
    """

    id: str
    session: str
    pool: str
    model: str
    began_at: float
    bytes_in: int = 0
    digest: str = ""
    sent_again: int = 0
    first_byte_at: float | None = None
    ended_at: float | None = None
    ending: str | None = None
    status: int | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    held_s: float = 0.0
    tries: int = 0
    bytes_out: int = 0
    estimated_output_tokens: int = 0
    pools: str = ""

    @property
    def is_told(self) -> bool:
        """Whether the provider told what it used, or refused: that costs nothing."""
        is_refused = self.status is not None and self.status >= FAILED
        return is_refused or None not in (self.input_tokens, self.output_tokens)

    @property
    def tokens(self) -> Tokens:
        """What it used, as far as its provider told, and else as is estimated."""
        if self.status is not None and self.status >= FAILED:
            return Tokens()
        went_in, came_out = self.input_tokens, self.output_tokens
        if went_in is None:
            went_in = self.bytes_in // BYTES_PER_TOKEN
        if came_out is None:
            came_out = self.estimated_output_tokens
        return Tokens(went_in, self.cached_tokens or 0, came_out)


# The same in SQL, for sums.
_REFUSED = f"coalesce(status >= {FAILED}, 0)"
IS_TOLD = f"({_REFUSED} OR (input_tokens IS NOT NULL AND output_tokens IS NOT NULL))"
WENT_IN = (
    f"CASE WHEN {_REFUSED} THEN 0"
    f" ELSE coalesce(input_tokens, bytes_in / {BYTES_PER_TOKEN}) END"
)
CAME_OUT = (
    f"CASE WHEN {_REFUSED} THEN 0"
    " ELSE coalesce(output_tokens, estimated_output_tokens) END"
)


def keep_requests(connection: Connection, rows: Iterable[RequestRow]) -> None:
    """Write rows down, all or none; one that is there already is written anew.

    What comes after its session was settled is added to what that used, once: whoever
    tells it again, after whatever death, finds the row that is there.
    """
    rows = list(rows)
    marks = ", ".join("?" for _ in (*RequestRow._fields, "run"))
    with transaction(connection):
        late = _late(connection, rows)
        connection.executemany(
            f"INSERT OR REPLACE INTO requests ({', '.join(RequestRow._fields)}, run)"  # noqa: S608 our own names
            f" VALUES ({marks})",
            [(*row, row.session.partition("/")[0]) for row in rows],
        )
        for session, requests in late.items():
            metered = metered_of(connection, session, only=requests)
            pricing = read_prices(connection).cost
            if metered:
                settle_late(connection, session, measured(metered, pricing))


def _late(
    connection: Connection, rows: Sequence[RequestRow]
) -> dict[str, frozenset[str]]:
    """Return the requests that are new, of sessions that are over, by these."""
    over = _among(
        connection, "sessions WHERE state = 'done' AND", {row.session for row in rows}
    )
    rows = [row for row in rows if row.session in over]
    known = _among(connection, "requests WHERE", {row.id for row in rows})
    new = [row for row in rows if row.id not in known]
    return {
        session: frozenset(row.id for row in new if row.session == session)
        for session in {row.session for row in new}
    }


def _among(connection: Connection, source: str, ids: set[str]) -> set[str]:
    """Return those of some ids that there are."""
    found = connection.execute(
        f"SELECT id FROM {source} id IN (SELECT value FROM json_each(?))",  # noqa: S608 our own words
        (json.dumps(sorted(ids)),),
    )
    return {ident for (ident,) in found}


def requests_of(connection: Connection, session: str) -> list[RequestRow]:
    """Return a session's requests in the order in which they began."""
    fields = ", ".join(RequestRow._fields)
    found = connection.execute(
        f"SELECT {fields} FROM requests"  # noqa: S608 our own names
        " WHERE run = ? AND session = ? ORDER BY began_at, id",
        (session.partition("/")[0], session),
    )
    return [RequestRow(*row) for row in found]


def refused_by_budget(connection: Connection, session: str) -> list[str]:
    """Return the models that a session was refused for a budget's sake."""
    found = connection.execute(
        "SELECT DISTINCT model FROM requests"
        " WHERE run = ? AND session = ? AND ending = 'refused' AND status = 403",
        (session.partition("/")[0], session),
    )
    return [model for (model,) in found]


def metered_of(
    connection: Connection, session: str, *, only: Iterable[str] | None = None
) -> list[Metered]:
    """Return what a session's requests to models came to, by model, pool and day.

    One that the provider refused cost nothing. Of one that broke off, or whose answer
    told nothing, tokens are estimated. What the gateway answered itself is none. With
    `only` these requests count alone.
    """
    found = connection.execute(
        f"""
        SELECT date(began_at, 'unixepoch') AS day, model,
          coalesce(nullif(pools, ''), pool), {IS_TOLD} AS is_told,
          count(*), sum(sent_again + max(tries, 1) - 1), sum(held_s),
          sum({WENT_IN}), sum(cached_tokens), sum({CAME_OUT}), sum(reasoning_tokens)
        FROM requests
        WHERE run = ?1 AND session = ?2 AND model != '' AND tries > 0
          AND (?3 IS NULL OR id IN (SELECT value FROM json_each(?3)))
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """,  # noqa: S608 our own words
        (
            session.partition("/")[0],
            session,
            None if only is None else json.dumps(sorted(only)),
        ),
    )
    return [_metered(row) for row in found]


def _metered(row: Sequence[Any]) -> Metered:
    day, model, pool, is_told, requests, again, held_s = row[:7]
    went_in, cached, came_out, reasoning = (count or 0 for count in row[7:])
    # Mostly told as a part of the output; where that cannot be, as one beside it.
    said = came_out - reasoning if came_out >= reasoning else came_out
    tokens = Tokens(went_in, cached, said, reasoning)
    return Metered(
        day,
        model,
        pool,
        requests,
        tokens,
        is_estimated=not is_told,
        again=again,
        held_ms=round(held_s * 1000),
    )
