"""What every request to a model cost, one row each, as the gateway measured it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kimi_swarm.core.row import Row
from kimi_swarm.core.usage import Metered, Tokens
from kimi_swarm.store.database import Connection, transaction

DONE, REFUSED, CUT, LEFT, LOST = "done", "refused", "cut", "left", "lost"
"""How a request ended: the whole answer passed, the gateway answered itself, the answer
broke off, the worker hung up, the gateway died meanwhile."""


class RequestRow(Row):
    """One request that a worker made through the gateway.

    Moments are seconds since the epoch. `status` is what the worker was answered,
    `tries` how often the provider was asked. `sent_again` is 1 if the worker had sent
    the very same to a gateway that died over it: the provider may have counted both.
    Tokens are None where the provider did not tell; `input_tokens` holds the cached
    ones, `output_tokens` those of reasoning.
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


def keep_requests(connection: Connection, rows: Iterable[RequestRow]) -> None:
    """Write rows down, all or none; one that is there already is written anew."""
    marks = ", ".join("?" for _ in (*RequestRow._fields, "run"))
    with transaction(connection):
        connection.executemany(
            f"INSERT OR REPLACE INTO requests ({', '.join(RequestRow._fields)}, run)"  # noqa: S608 our own names
            f" VALUES ({marks})",
            [(*row, row.session.partition("/")[0]) for row in rows],
        )


def requests_of(connection: Connection, session: str) -> list[RequestRow]:
    """Return a session's requests in the order in which they began."""
    fields = ", ".join(RequestRow._fields)
    found = connection.execute(
        f"SELECT {fields} FROM requests"  # noqa: S608 our own names
        " WHERE run = ? AND session = ? ORDER BY began_at, id",
        (session.partition("/")[0], session),
    )
    return [RequestRow(*row) for row in found]


def refused_by_budget(connection: Connection, session: str) -> bool:
    """Whether the gateway refused a request of a session as a budget was used up."""
    (is_refused,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM requests"
        " WHERE run = ? AND session = ? AND ending = 'refused' AND status = 403)",
        (session.partition("/")[0], session),
    ).fetchone()
    return bool(is_refused)


def metered_of(connection: Connection, session: str) -> list[Metered]:
    """Return what a session's requests to models came to, by model, pool and day.

    One that the provider refused cost nothing. Of one that broke off, or whose answer
    told nothing, tokens are unknown. What the gateway answered itself is none.
    """
    found = connection.execute(
        """
        SELECT date(began_at, 'unixepoch') AS day, model, pool,
          coalesce(status >= 400, 0)
            OR (input_tokens IS NOT NULL AND output_tokens IS NOT NULL) AS is_told,
          count(*), sum(sent_again + max(tries, 1) - 1), sum(held_s),
          sum(input_tokens), sum(cached_tokens), sum(output_tokens),
          sum(reasoning_tokens)
        FROM requests
        WHERE run = ? AND session = ? AND model != '' AND tries > 0
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """,
        (session.partition("/")[0], session),
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
        tokens if is_told else None,
        again=again,
        held_ms=round(held_s * 1000),
    )
