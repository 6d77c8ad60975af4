"""Work that takes longer than a client waits: it goes on, and is asked for again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from kimi_swarm.calls.answer import Answer

KEPT_S = 600.0
"""How long an answer is kept for whoever gave up on it; later it would be stale."""


class Work:
    """One call that is being done, or is done and not yet told."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
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


class LateWork:
    """Calls that were not done in time; the same call, made again, joins its work."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group
        self._works: dict[str, Work] = {}

    async def answer(
        self, key: str, deed: Callable[[], Awaitable[Answer]], *, limit_s: float
    ) -> Answer | None:
        """Return the answer; None if it takes longer, then ask again by the same key.

        Whoever is cancelled while waiting cancels the work. Raises what it raised.
        """
        work = self._joined(key)
        if work is None:
            work = Work()
            self._group.start_soon(work.do, deed)
        try:
            with anyio.move_on_after(limit_s):
                await work.ended.wait()
        except anyio.get_cancelled_exc_class():
            work.scope.cancel()
            raise
        if not work.ended.is_set():
            self._works[key] = work
            return None
        return work.told()

    def _joined(self, key: str) -> Work | None:
        """Return the work that was not done in time, and forget all that is stale."""
        since = anyio.current_time() - KEPT_S
        self._works = {
            name: work
            for name, work in self._works.items()
            if not work.ended.is_set() or work.ended_at > since
        }
        return self._works.pop(key, None)
