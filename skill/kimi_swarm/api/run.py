"""One run, for Python programs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Literal

from kimi_swarm.api.door import Door, given
from kimi_swarm.api.session import Session
from kimi_swarm.calls.follow import news_of
from kimi_swarm.calls.told import (
    EventTold,
    KilledTold,
    RunWithSessionsTold,
    SessionTold,
    WaitedTold,
)
from kimi_swarm.calls.told_results import (
    OneClearedTold,
    PausedTold,
    ReportTold,
    RetriedTold,
    RulingTold,
    TableTold,
    VoteTold,
)
from kimi_swarm.calls.told_start import SpawnedTold


class Run:
    """One execution of a plan, by its id. It goes on whatever becomes of this object.

    Every method raises UnknownRunError if there is no such run.
    """

    __slots__ = ("_door", "id")

    def __init__(self, door: Door, run: str) -> None:
        self._door = door
        self.id = run

    def __repr__(self) -> str:
        """Show its id."""
        return f"<Run {self.id}>"

    async def look(self, *, size: bool = False) -> RunWithSessionsTold:
        """Return how it stands now, with every session it had, in plan order.

        With `size` also how many bytes it takes on the disk.
        """
        fields = {"run": self.id, "size": size}
        return await self._door.ask(RunWithSessionsTold, "list", fields)

    async def sessions(self) -> tuple[Session, ...]:
        """Return its sessions as they stand now, in plan order."""
        told = await self.look()
        return tuple(Session(self._door, each) for each in told.sessions)

    async def wait(
        self, *, timeout_s: float | None = None, any_session: bool = False
    ) -> WaitedTold:
        """Return how it ended, or how it stands after `timeout_s`: then `timed_out`.

        With `any_session` it has only to be one of its sessions that ended.
        """
        asker = self._door.asker or None
        fields = given(run=self.id, any=any_session, timeout_s=timeout_s, asker=asker)
        return await self._door.ask(WaitedTold, "wait", fields)

    async def events(self, *, after: int = 0) -> AsyncIterator[EventTold]:
        """Yield what happened and what happens, until it is over.

        `after` is the `seq` of the last event that is known already. Raises
        SwarmClosedError as soon as the swarm is closed.
        """
        is_over = False
        while not is_over:
            news = partial(news_of, self._door.home, self.id, after=after)
            events, is_over = await self._door.listen(news)
            for event in events:
                self._door.require_open()
                yield event
                after = event.seq

    async def aggregate(
        self,
        *,
        merge: bool = False,
        check: str | None = None,
        check_timeout_s: float | None = None,
        check_every: int | None = None,
        again: bool = False,
        resolve: bool = False,
        profile: str | None = None,
        apply: bool = False,
    ) -> ReportTold:
        """Return its report; with `merge` merge what succeeded on a branch of its own.

        The branch must pass `check`; workers of `profile` `resolve` what conflicts;
        `apply` brings it to the branch that is checked out. Raises UsageError and the
        errors of git.
        """
        fields = given(
            run=self.id,
            merge=merge,
            check=check,
            check_timeout_s=check_timeout_s,
            check_every=check_every,
            again=again,
            resolve=resolve,
            profile=profile,
            apply=apply,
        )
        return await self._door.ask(ReportTold, "aggregate", fields)

    async def judge(self) -> RulingTold:
        """Say which candidate is best, and why. Raises UsageError where none judges."""
        fields = {"run": self.id, "judge": True}
        return await self._door.ask(RulingTold, "aggregate", fields)

    async def vote(self) -> VoteTold:
        """Count equal answers."""
        fields = {"run": self.id, "vote": True}
        return await self._door.ask(VoteTold, "aggregate", fields)

    async def table(
        self, form: Literal["markdown", "csv", "jsonl"] = "markdown"
    ) -> str:
        """Return one row per task, in plan order, as text."""
        fields = {"run": self.id, "table": form}
        return (await self._door.ask(TableTold, "aggregate", fields)).text

    async def synthesise(
        self, question: str = "", *, profile: str | None = None
    ) -> Run:
        """Let a worker fold its answers to one text, in a run of its own."""
        fields = given(run=self.id, synthesise=question or True, profile=profile)
        told = await self._door.ask(SpawnedTold, "aggregate", fields)
        return Run(self._door, told.run)

    async def retry(self, *, notify: str | None = None) -> RetriedTold:
        """Do again what failed; what succeeded is kept.

        `notify` is the host's session that is told of the end.
        """
        fields = given(id=self.id, notify=notify)
        return await self._door.ask(RetriedTold, "retry", fields)

    async def pause(self) -> PausedTold:
        """Start nothing more; what works goes on. Raises RunOverError."""
        return await self._door.ask(PausedTold, "pause", {"run": self.id})

    async def resume(
        self,
        *,
        usd: float | None = None,
        tokens: int | None = None,
        requests: int | None = None,
        sessions: int | None = None,
    ) -> PausedTold:
        """Start workers again; where a budget holds it, with that one set to more.

        Raises RunOverError, BudgetSpentError.
        """
        fields = given(
            run=self.id, usd=usd, tokens=tokens, requests=requests, sessions=sessions
        )
        return await self._door.ask(PausedTold, "resume", fields)

    async def kill(self) -> tuple[SessionTold, ...]:
        """End it with all its processes; return the sessions that were not over."""
        return (await self._door.ask(KilledTold, "kill", {"id": self.id})).sessions

    async def clear(
        self, *, force: bool = False, dry_run: bool = False
    ) -> OneClearedTold:
        """Forget it; no work is lost. Raises RunLiveError, UnmergedWorkError."""
        fields = {"run": [self.id], "force": force, "dry_run": dry_run}
        return await self._door.ask(OneClearedTold, "clear", fields)
