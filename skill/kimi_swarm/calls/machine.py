"""Doing the call about this machine: doctor."""

from __future__ import annotations

from dataclasses import asdict

from kimi_swarm.actions.doctor import doctor as look
from kimi_swarm.actions.leftovers import fix_leftovers
from kimi_swarm.actions.state import program_name
from kimi_swarm.calls.answer import NOT_ALL, OK, Answer
from kimi_swarm.calls.asked import DoctorCall
from kimi_swarm.calls.start import folder_of
from kimi_swarm.telling import speech
from kimi_swarm.telling.as_json import plain_data


async def doctor(home: str, asked: DoctorCall) -> Answer:
    """Tell what this machine can run, or mend what crashes left."""
    if asked.fix:
        return await _fix(home)
    health = await look(home, cwd=folder_of(asked.cwd))
    return Answer(
        lambda: plain_data(asdict(health)),
        lambda: speech.health(health, program_name()),
        NOT_ALL if health.problems else OK,
    )


async def _fix(home: str) -> Answer:
    fixes = await fix_leftovers(home)
    return Answer(
        lambda: plain_data(asdict(fixes)),
        lambda: speech.fixes(fixes),
        NOT_ALL if fixes.failed else OK,
    )
