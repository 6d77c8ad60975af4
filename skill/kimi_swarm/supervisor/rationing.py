"""Keeping budgets: what they hold is written down, and what they ended waits on."""

from __future__ import annotations

from dataclasses import replace

from kimi_swarm.core.allowance import REASON, Allowances, Hold, seeker_of
from kimi_swarm.core.evidence import Verdict, remedy
from kimi_swarm.core.price_words import REMEDY, refused_for_price
from kimi_swarm.core.retry import Retry, held_back
from kimi_swarm.core.schedule import Agenda, Cancel, Snapshot
from kimi_swarm.core.session import Outcome
from kimi_swarm.core.usage import day_of
from kimi_swarm.store.budget_warnings import warn, warn_run
from kimi_swarm.store.budgets import read_allowances
from kimi_swarm.store.database import Connection
from kimi_swarm.store.holds import note_stuck, set_held
from kimi_swarm.store.prices import read_prices
from kimi_swarm.store.requests import refused_by_budget
from kimi_swarm.store.views import SessionRow, run_row
from kimi_swarm.supervisor.judged import Judged


def mind(connection: Connection, snapshot: Snapshot, agenda: Agenda) -> bool:
    """Write down which runs are held or stuck, and warn of budgets; whether it is news.

    Inside the transaction in which the agenda is acted on.
    """
    has_warned = warn(connection, snapshot.allowances, at=snapshot.at)
    is_new = set_held(connection, agenda.held, at=snapshot.at)
    # Who waited for what is cancelled may start or end: the next look, at once, tells.
    may_go_on = any(isinstance(decision, Cancel) for decision in agenda.decisions)
    is_stuck = not may_go_on and note_stuck(connection, at=snapshot.at)
    return has_warned or is_new or is_stuck


def last_words(connection: Connection, run: str, *, at: float) -> None:
    """Tell a run that is just over how its budgets stood: nobody looks at it again.

    Inside the transaction in which it ends.
    """
    if run_row(connection, run).state == "done":
        warn_run(connection, run, at=at)


def as_refused(
    connection: Connection, row: SessionRow, judged: Judged, *, at: float
) -> Judged:
    """Return the verdict with the true reason, where a budget ended a session.

    Some programs tell nothing of why they were refused; the gateway knows.
    """
    verdict = judged.verdict
    if verdict.outcome is not Outcome.FAILED:
        return judged
    models = refused_by_budget(connection, row.id)
    if not models:
        return judged
    detail = judged.findings.detail or {}
    hold = _hold(connection, row, at=at)
    sentence = _SENTENCE if verdict.reason != REASON else verdict.detail
    told = {**detail, "sentence": sentence, "remedy": remedy(REASON)}
    if hold is not None:
        sentence = f"Its requests were refused: {hold.words}."
        told["sentence"] = sentence
    elif unpriced := _unpriced(connection, models, at=at):
        sentence = refused_for_price(unpriced)
        told |= {"sentence": sentence, "remedy": REMEDY, "unpriced": unpriced}
    return judged._replace(
        verdict=Verdict(Outcome.FAILED, REASON, sentence),
        findings=replace(judged.findings, detail=told),
    )


def _unpriced(connection: Connection, models: list[str], *, at: float) -> list[str]:
    prices = read_prices(connection)
    return [one for one in models if prices.price(one, day_of(at)) is None]


_SENTENCE = "Its requests were refused, as a budget was used up."


def waits_for_budget(
    connection: Connection, row: SessionRow, judged: Judged, *, at: float
) -> Retry | None:
    """Return the try that waits until a budget is raised or begins anew.

    None where no budget is gone that keeps it from starting: it would fail at once.
    """
    if _hold(connection, row, at=at) is None:
        return None
    return held_back(judged.attempt, tries=row.tries)


def _hold(connection: Connection, row: SessionRow, *, at: float) -> Hold | None:
    allowances = Allowances(read_allowances(connection, at=at))
    return allowances.hold(seeker_of(row.id, row.profile))
