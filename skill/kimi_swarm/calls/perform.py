"""Doing a call, whatever it asks for. Whoever waits for it may give up at any time.

What blocks runs in a thread of its own. A call that is cancelled leaves no thread, no
connection and no wait behind: a wait ends at once, other threads end their work first.
"""

from __future__ import annotations

import anyio
import anyio.to_thread
from anyio.abc import TaskStatus
from anyio.lowlevel import checkpoint_if_cancelled

from kimi_swarm.actions.state import Line
from kimi_swarm.actions.told import note_told
from kimi_swarm.calls import asked as ask
from kimi_swarm.calls import light
from kimi_swarm.calls.answer import Answer
from kimi_swarm.calls.asked_start import PlanCall, SpawnCall
from kimi_swarm.calls.catalogue import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


async def perform(  # noqa: PLR0911 one arm per action
    home: str, call: ask.Call
) -> Answer:
    """Do a call on a state folder. Raises SwarmError, as its action does."""
    match call:
        case ask.PollCall():
            return await listening(lambda line: light.poll(home, call, line))
        case ask.WaitCall():
            return await listening(lambda line: light.wait(home, call, line))
        case ask.KillCall():
            return await listening(lambda line: light.kill(home, call, line))
        case ask.ListCall():
            return await in_thread(lambda: light.list_(home, call))
        case ask.LogCall():
            return await in_thread(lambda: light.log(home, call))
        case PlanCall() | SpawnCall():
            return await _start(home, call)
        case ask.StatsCall():
            from kimi_swarm.calls.costs import stats  # noqa: PLC0415 one action

            return await in_thread(lambda: stats(home, call))
        case ask.DoctorCall():
            from kimi_swarm.calls.machine import doctor  # noqa: PLC0415 one action

            return await doctor(home, call)
        case _:
            return await _on_runs(home, call)


async def note(home: str, answer: Answer) -> None:
    """Write down that what is new in an answer was handed over, and is news no more."""
    if answer.marks:
        await in_thread(lambda: note_told(home, answer.marks))


async def _start(home: str, call: PlanCall | SpawnCall) -> Answer:
    from kimi_swarm.calls import start  # noqa: PLC0415 two actions

    if isinstance(call, PlanCall):
        return await start.plan(home, call)
    return await start.spawn(home, call)


async def _on_runs(  # noqa: PLR0911 one arm per action
    home: str, call: ask.Call
) -> Answer:
    from kimi_swarm.calls import runs  # noqa: PLC0415 some of the actions

    match call:
        case ask.AggregateCall():
            return await runs.aggregate(home, call)
        case ask.DiffCall():
            return await runs.diff(home, call)
        case ask.ClearCall():
            return await runs.clear(home, call)
        case ask.SendCall():
            return await in_thread(lambda: runs.send(home, call))
        case ask.RetryCall():
            return await in_thread(lambda: runs.retry(home, call))
        case ask.PauseCall():
            return await in_thread(lambda: runs.pause(home, call))
        case ask.ResumeCall():
            return await in_thread(lambda: runs.resume(home, call))
        case _:
            raise NotImplementedError(name_of(call))


async def in_thread(deed: Callable[[], T]) -> T:
    """Run a plain function where it may block; it is always let come to its end."""
    # A limiter of its own: a hundred that wait must not keep others from a thread.
    return await anyio.to_thread.run_sync(deed, limiter=anyio.CapacityLimiter(1))


async def listening(deed: Callable[[Line], T]) -> T:
    """Run a plain function that waits on a line; who is cancelled cuts the line."""
    line = Line()
    done: list[T] = []
    faults: list[Exception] = []

    def do() -> None:
        try:
            done.append(deed(line))
        except Exception as error:  # noqa: BLE001 raised again below, in no group
            faults.append(error)

    async with anyio.create_task_group() as group:
        await group.start(_cut_when_cancelled, line)
        await in_thread(do)
        group.cancel_scope.cancel()
    await checkpoint_if_cancelled()
    for fault in faults:
        raise fault
    return done[0]


async def _cut_when_cancelled(
    line: Line, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    try:
        task_status.started()
        await anyio.sleep_forever()
    finally:
        line.cut()
