"""What a session used, for its end to tell: measured, else as its worker told."""

from __future__ import annotations

from dataclasses import replace

from kimi_swarm.core.names import COMMAND
from kimi_swarm.core.usage import day_of, unstarted, used
from kimi_swarm.core.usage_sums import summary_of
from kimi_swarm.store.database import Connection
from kimi_swarm.store.moves import Findings
from kimi_swarm.store.prices import read_prices
from kimi_swarm.store.requests import metered_of
from kimi_swarm.store.runs import spends_on
from kimi_swarm.store.views import SessionRow


def accounted(
    connection: Connection, session: SessionRow, findings: Findings, *, at: float
) -> Findings:
    """Return the findings of a session that ends with what it used.

    Inside the transaction in which it ends: no request of it is counted twice or not at
    all.
    """
    metered = metered_of(connection, session.id)
    if session.started_at is None and not metered:
        return findings
    if session.profile == COMMAND and not metered:  # a program of one's own, no agent
        return replace(findings, used=(unstarted(day_of(at)),))
    pricing = read_prices(connection).cost
    pool = "\n".join(spends_on(connection, session))
    day = day_of(at)
    parts = used(metered, findings.told, day=day, pricing=pricing, pool=pool)
    summary = summary_of(parts)
    detail = findings.detail
    if summary is not None:
        detail = {**(detail or {}), "usage": summary._asdict()}
    return replace(findings, detail=detail, used=parts)
