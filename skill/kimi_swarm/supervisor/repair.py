"""Settling a session's result: weigh it, and let its worker mend it twice at most.

A repair turn is a launch of its own. One that has begun is followed to its end and
heard, whoever began it and whatever has become of the session since.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from kimi_swarm.core.evidence import Facts, is_cut_short, judge, turn_fault
from kimi_swarm.core.output import joined
from kimi_swarm.core.repair import REPAIRS, repair_prompt
from kimi_swarm.core.result import Answer, Misfit, ResultState, Weighed, find_result
from kimi_swarm.core.session import Outcome, Place
from kimi_swarm.core.task import PromptVia, may_resume_last
from kimi_swarm.process.launch import has_begun
from kimi_swarm.process.records import ExitRecord, LaunchFiles
from kimi_swarm.supervisor.hearing import Turn, hear_turn
from kimi_swarm.supervisor.prepare import Former, Seat

SHORTEST_TURN_S = 1.0

Launch = Callable[[str, Seat, float], Awaitable[ExitRecord | None]]


@dataclass(frozen=True, slots=True)
class Case:
    """Whose result is settled, where, and how another turn is launched.

    `launch` takes the launch's name, the seat with what its worker is to be told, and
    how many seconds there are. `stop_cause` tells why the session was told to end.
    """

    seat: Seat
    place: Place
    schema: dict[str, Any]
    env: Mapping[str, str]
    stop_cause: Callable[[], str | None]
    launch: Launch


class Settled(NamedTuple):
    """What came of a session's turns: all in one, and its result.

    `weighed` is None where the turns came to no end that a result could count for.
    `no_more` says why there was no further repair turn.
    """

    turn: Turn
    weighed: Weighed | None
    repairs: int = 0
    spent_s: float = 0.0
    no_more: str = ""


async def settle(case: Case, facts: Facts, work: Turn) -> Settled:
    """Weigh a worker's result, with repair turns where it does not fit.

    `facts` are those of its work.
    """
    is_done = judge(facts).outcome is Outcome.SUCCEEDED
    weighed = weigh(case.schema, work.answer) if is_done else None
    settled = Settled(work, weighed, spent_s=_seconds(work.record))
    for name in REPAIRS:
        if not has_begun(LaunchFiles(f"{case.seat.folder}/{name}")):
            if settled.weighed is None or settled.weighed.state is not ResultState.BAD:
                break
            if no_more := _why_no_more(case, settled):
                return settled._replace(no_more=no_more)
        settled = await _repaired(case, facts, settled, name)
    return settled


def weigh(schema: dict[str, Any], answer: Answer, *, repairs: int = 0) -> Weighed:
    """Find the result in a worker's last words, and see whether it fits."""
    # Few tasks want a result, and this is slow to import.
    from kimi_swarm.json_schema import misfits  # noqa: PLC0415 as said

    found = find_result(answer)
    if isinstance(found, Misfit):
        return Weighed(ResultState.BAD, (found,))
    if wrong := misfits(found.value, schema):
        return Weighed(ResultState.BAD, tuple(wrong))
    is_degraded = found.is_dug or repairs > 0
    state = ResultState.DEGRADED if is_degraded else ResultState.VALID
    return Weighed(state, (), found.is_dug, found.value)


def _why_no_more(case: Case, settled: Settled) -> str:
    """Say why no other turn is to be had, nothing if one is."""
    task = case.seat.task
    if case.stop_cause() is not None:
        return "It was told to stop."
    if task.recipe.prompt_via is PromptVia.NONE:
        return f"Profile {task.recipe.profile} takes no prompt, so it was asked once."
    if task.time_limit_s - settled.spent_s < SHORTEST_TURN_S:
        return "No time was left to ask for it again."
    return ""


async def _repaired(case: Case, facts: Facts, settled: Settled, name: str) -> Settled:
    """Take one repair turn, or what is there of it, into account."""
    left_s = max(SHORTEST_TURN_S, case.seat.task.time_limit_s - settled.spent_s)
    record = await case.launch(name, _seat(case, settled, name), left_s)
    files = LaunchFiles(f"{case.seat.folder}/{name}")
    later = await hear_turn(files, case.seat.task.recipe, record, case.env)
    ended = replace(
        facts,
        cause="lost" if record is None else record.cause,
        exit_code=None if record is None else record.exit_code,
        error=None if record is None else record.error,
        transcript=later.transcript,
        stop_cause=case.stop_cause(),
    )
    repairs = settled.repairs + 1
    is_cut = is_cut_short(ended)
    return Settled(
        turn=_folded(settled.turn, later, is_cut=is_cut),
        weighed=None if is_cut else _weighed(case, later, ended, repairs),
        repairs=repairs,
        spent_s=settled.spent_s + _seconds(record),
    )


def _weighed(case: Case, turn: Turn, ended: Facts, repairs: int) -> Weighed:
    fault = turn_fault(ended)
    if fault is not None:
        told = f"A repair turn failed. {fault}"
        return Weighed(ResultState.BAD, (Misfit("", told),))
    return weigh(case.schema, turn.answer, repairs=repairs)


def _folded(first: Turn, later: Turn, *, is_cut: bool) -> Turn:
    """Take a later turn into an earlier one, which stays what the end is judged by.

    Unless the later one was cut short: then it ended the session.
    """
    transcript = joined(first.transcript, later.transcript)
    if is_cut:
        return Turn(transcript, later.record, later.answer)
    transcript = transcript._replace(finished=first.transcript.finished)
    answer = later.answer if later.answer.text.strip() else first.answer
    return Turn(transcript, first.record, answer)


def _seat(case: Case, settled: Settled, name: str) -> Seat:
    """Return the seat of a repair turn: in the worker's own conversation if it can."""
    seat, said = case.seat, settled.turn
    conversation = said.transcript.conversation
    can_resume = may_resume_last(seat.task)
    if conversation is not None:
        can_resume = bool(seat.task.recipe.resume_argv)
    misfits = () if settled.weighed is None else settled.weighed.misfits
    answer = None if can_resume else said.answer
    prompt = repair_prompt(case.schema, misfits, answer)
    former = Former(str(seat.id), case.place, conversation) if can_resume else None
    return seat._replace(message=prompt, former=former, prompt_name=f"{name}.md")


def _seconds(record: ExitRecord | None) -> float:
    return 0.0 if record is None else max(0.0, record.ended_at - record.started_at)
