"""One session of a run, for Python programs."""

from __future__ import annotations

from kimi_swarm.api.door import Door, given
from kimi_swarm.calls.told import KilledTold, LogTold, RunWithSessionsTold, SessionTold
from kimi_swarm.calls.told_results import DiffTold, PausedTold, RetriedTold, SentTold


class Session:
    """One life of one worker on one task; `told` is how it stood when it was asked for.

    Ask the run for its sessions again to see how they stand now.
    """

    __slots__ = ("_door", "told")

    def __init__(self, door: Door, told: SessionTold) -> None:
        self._door = door
        self.told = told

    def __repr__(self) -> str:
        """Show its id and how it stood."""
        return f"<Session {self.id} {self.told.outcome or self.told.state}>"

    @property
    def id(self) -> str:
        """Its id, such as `calm-river/header`."""
        return self.told.id

    @property
    def task(self) -> str:
        """The name of its task."""
        return self.told.task

    async def log(
        self, *, offset: int | None = None, limit: int | None = None, raw: bool = False
    ) -> LogTold:
        """Return lines of what its worker wrote: the last 200, or `limit` of them.

        `offset` counts lines from 0. Raises UnknownSessionError.
        """
        fields = given(session=self.id, offset=offset, limit=limit, raw=raw)
        return await self._door.ask(LogTold, "log", fields)

    async def diff(self, *, limit_bytes: int = 12_000) -> str:
        """Return what it changed as a patch, bounded. Raises NothingToCompareError."""
        fields = {"session": self.id, "limit_bytes": limit_bytes}
        return (await self._door.ask(DiffTold, "diff", fields)).diff

    async def send(self, message: str) -> Session:
        """Go on with its worker's conversation; return the session that will answer.

        Raises NotResumableError.
        """
        fields = {"session": self.id, "message": message}
        sent = await self._door.ask(SentTold, "send", fields)
        run = await self._door.ask(RunWithSessionsTold, "list", {"run": self.told.run})
        told = next(each for each in run.sessions if each.id == sent.session)
        return Session(self._door, told)

    async def retry(self, *, notify: str | None = None) -> RetriedTold:
        """Do its task again if it failed; `notify` is told of the end."""
        fields = given(id=self.id, notify=notify)
        return await self._door.ask(RetriedTold, "retry", fields)

    async def resume(
        self,
        *,
        usd: float | None = None,
        tokens: int | None = None,
        requests: int | None = None,
    ) -> PausedTold:
        """Set the budget of its task to more, so that it goes on.

        Raises RunOverError, BudgetSpentError.
        """
        fields = given(run=self.id, usd=usd, tokens=tokens, requests=requests)
        return await self._door.ask(PausedTold, "resume", fields)

    async def kill(self) -> tuple[SessionTold, ...]:
        """End its worker and all that it started; return what was still live."""
        return (await self._door.ask(KilledTold, "kill", {"id": self.id})).sessions
