"""Work that takes longer than a client waits: it goes on, and is asked for again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from kimi_swarm.calls.answer import Answer
from kimi_swarm.core.durations import seconds
from kimi_swarm.mcp.asked import Asked

KEPT_S = 600.0
"""How long an answer is kept for whoever gave up on it."""


class Work:
    """One call that is being done, or is done and not yet told."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self.began_at = anyio.current_time()
        self.ended_at = 0.0
        self._answer: Answer | None = None
        self._error: Exception | None = None

    async def do(self, deed: Callable[[], Awaitable[Answer]]) -> None:
        """Do it, and keep what came of it, an error too."""
        with self.scope:
            try:
                self._answer = await deed()
            except Exception as error:  # noqa: BLE001 whoever asks again is told
                self._error = error
        self.ended_at = anyio.current_time()
        self.ended.set()

    def told(self) -> Answer:
        """Return what came of it, or raise it."""
        if self._error is not None:
            raise self._error
        if self._answer is None:
            raise TimeoutError  # somebody else cancelled it
        return self._answer


class AskedWork(Work):
    """Work that may be heard of late, by the same call made again."""

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self.asked = asked
        self.is_awaited = True
        self.outdated_by: list[str] = []
        self._is_late = False

    def give_up(self) -> None:
        """Let nobody wait for it any more: whoever hears of it now hears late."""
        self.is_awaited = False
        self._is_late = True

    def is_kept(self) -> bool:
        """Whether it is still to be told: not for ever, nor once it tells of the past.

        What would start workers again is told all the same.
        """
        if self.is_awaited or not self.ended.is_set():
            return True
        holds = not self.outdated_by or self.asked.starts_again
        return holds and self.ended_at > anyio.current_time() - KEPT_S

    def note(self) -> str:
        """Say that what is told is of an earlier call; nothing if it is not."""
        if not self._is_late:
            return ""
        ago = seconds(anyio.current_time() - self.began_at)
        before = "".join(f", before {name}" for name in dict.fromkeys(self.outdated_by))
        return (
            f"This came of the same call made {ago} ago{before}. It was not made anew:"
            f" for that, call {self.asked.name} once more."
        )


class LateWork:
    """Calls that were not done in time; the same call, made again, joins its work."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group
        self._works: list[AskedWork] = []

    async def ended(
        self, asked: Asked, deed: Callable[[], Awaitable[Answer]], *, limit_s: float
    ) -> AskedWork | None:
        """Return the work once it has ended; None if it takes longer, then ask again.

        What is returned is told once and forgotten. Whoever is cancelled while waiting
        cancels the work.
        """
        work = self._joined(asked) or self._begun(asked, deed)
        try:
            with anyio.move_on_after(limit_s):
                await work.ended.wait()
        except anyio.get_cancelled_exc_class():
            self._works.remove(work)
            work.scope.cancel()
            raise
        if not work.ended.is_set():
            work.give_up()
            return None
        self._works.remove(work)
        return work

    def _joined(self, asked: Asked) -> AskedWork | None:
        """Return the work that was not done in time, and forget what is not kept."""
        self._works = [work for work in self._works if work.is_kept()]
        for work in self._works:
            if not work.is_awaited and work.asked.is_same_as(asked):
                work.is_awaited = True
                return work
        return None

    def _begun(self, asked: Asked, deed: Callable[[], Awaitable[Answer]]) -> AskedWork:
        for each in self._works:
            if asked.outdates(each.asked):
                each.outdated_by.append(asked.name)
        work = AskedWork(asked)
        self._works.append(work)
        self._group.start_soon(work.do, deed)
        return work
