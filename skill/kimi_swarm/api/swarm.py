"""A state folder of runs, for Python programs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from kimi_swarm.api.door import Door, given
from kimi_swarm.api.run import Run
from kimi_swarm.api.start import (
    May,
    PathLike,
    PlanLike,
    Where,
    source_of,
)
from kimi_swarm.calls.told import InboxTold, KilledTold, RunsTold, RunTold, SessionTold
from kimi_swarm.calls.told_results import (
    FixesTold,
    HealthTold,
    StatsTold,
    StrategiesTold,
    TidiedTold,
)
from kimi_swarm.calls.told_start import PreviewTold, SpawnedTold
from kimi_swarm.core.askers import asker_name
from kimi_swarm.location import state_home


class Swarm:
    """The runs of one state folder.

    `home` is that folder, by default the one that the command line uses; `asker` names
    who asks: runs that it spawns are its own. Relative paths begin at `cwd`, by default
    the folder of the process. Closing it leaves runs and workers at work. Raises
    BadAskerError.
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        asker: str | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        folder = (
            state_home() if home is None else str(Path(home).expanduser().absolute())
        )
        self._door = Door(folder, "" if asker is None else asker_name(asker))
        self._cwd = None if cwd is None else str(Path(cwd).absolute())

    @property
    def home(self) -> str:
        """The state folder."""
        return self._door.home

    async def __aenter__(self) -> Self:
        """Open it; nothing is started or written before something is spawned."""
        self._door.is_open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it; workers go on."""
        self._door.close()

    async def spawn(  # noqa: PLR0913 as the action takes them
        self,
        plan: PlanLike | None = None,
        *,
        tasks: Sequence[str] = (),
        task_files: Sequence[PathLike] = (),
        strategy: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        profile: str | None = None,
        permission: May | None = None,
        workspace: Where | None = None,
        concurrency: int | None = None,
        priority: int | None = None,
        into: Run | str | None = None,
        only_new: bool = False,
        proposed: bool = False,
        notify: str | None = None,
    ) -> Run:
        """Start a plan's workers in the background and return the run at once.

        Give a plan (a file, a Plan, or plain data), or `tasks` in words, from
        `task_files` too, or a `strategy` with its `parameters`. With `into` it is added
        to that run; `notify` is the host's session that is told of the end. Raises
        PlanError, UnknownProfileError and others: everything that can be wrong is said
        before anything starts.
        """
        asked = self._asked(
            plan=plan,
            tasks=tasks,
            task_files=task_files,
            strategy=strategy,
            parameters=parameters,
            profile=profile,
            permission=permission,
            workspace=workspace,
            concurrency=concurrency,
            priority=priority,
            into=into,
            only_new=only_new,
            proposed=proposed,
            notify=notify,
        )
        told = await self._door.ask(SpawnedTold, "spawn", asked)
        return Run(self._door, told.run)

    async def plan(  # noqa: PLR0913 as the action takes them
        self,
        plan: PlanLike | None = None,
        *,
        tasks: Sequence[str] = (),
        task_files: Sequence[PathLike] = (),
        strategy: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        profile: str | None = None,
        permission: May | None = None,
        workspace: Where | None = None,
        concurrency: int | None = None,
        priority: int | None = None,
        into: Run | str | None = None,
        only_new: bool = False,
        proposed: bool = False,
        notify: str | None = None,
    ) -> PreviewTold:
        """Say what `spawn` would start, and what to expect of it; starts nothing.

        It takes and refuses what `spawn` does.
        """
        asked = self._asked(
            plan=plan,
            tasks=tasks,
            task_files=task_files,
            strategy=strategy,
            parameters=parameters,
            profile=profile,
            permission=permission,
            workspace=workspace,
            concurrency=concurrency,
            priority=priority,
            into=into,
            only_new=only_new,
            proposed=proposed,
            notify=notify,
        )
        return await self._door.ask(PreviewTold, "plan", asked)

    def _asked(self, *, into: Run | str | None, **named: Any) -> dict[str, Any]:
        """Return what to begin as a call takes it. Raises UsageError."""
        asker = self._door.asker if into is None else None
        return given(
            **source_of(**named), into=_id_of(into), asker=asker or None, cwd=self._cwd
        )

    async def strategies(self) -> StrategiesTold:
        """Say which strategies there are, and what each takes."""
        fields = given(list=True, cwd=self._cwd)
        return await self._door.ask(StrategiesTold, "plan", fields)

    def run(self, run: str) -> Run:
        """Return a run by its id; whether there is one shows when it is asked."""
        return Run(self._door, run)

    async def list(self, *, limit: int = 20, size: bool = False) -> tuple[RunTold, ...]:
        """Return runs, those that run first, then the newest; own ones of an asker.

        With `size` also how many bytes each takes on the disk.
        """
        fields = given(limit=limit, size=size, asker=self._door.asker or None)
        return (await self._door.ask(RunsTold, "list", fields)).runs

    async def inbox(self, *, timeout_s: float = 0.0) -> InboxTold:
        """Return which runs ended that its asker was not told of; then it was.

        Waits for one at most `timeout_s`. Whoever has no name shares one inbox.
        """
        fields = given(timeout_s=timeout_s, asker=self._door.asker or None)
        return await self._door.ask(InboxTold, "poll", fields, is_noted=True)

    async def stats(
        self,
        run: Run | str | None = None,
        *,
        by: Literal["run", "profile", "model", "day"] | None = None,
        since: str | None = None,
        limit: int | None = None,
    ) -> StatsTold:
        """Return what was used and what it cost, of one run or of all.

        `since` is a day (2026-11-20) or an age (7d, 2w), `limit` bounds the groups that
        it is told apart `by`. Raises UnknownRunError, UsageError.
        """
        fields = given(run=_id_of(run), by=by, since=since, limit=limit)
        return await self._door.ask(StatsTold, "stats", fields)

    async def kill_all(self) -> tuple[SessionTold, ...]:
        """End everything that runs here (of an asker with a name: what is its own)."""
        fields = given(all=True, asker=self._door.asker or None)
        return (await self._door.ask(KilledTold, "kill", fields)).sessions

    async def clear_old(
        self, older_than: str, *, force: bool = False, dry_run: bool = False
    ) -> TidiedTold:
        """Forget runs that ended so long ago (30m, 12h, 7d); no work is lost."""
        fields = {"older_than": older_than, "force": force, "dry_run": dry_run}
        return await self._door.ask(TidiedTold, "clear", fields)

    async def doctor(self) -> HealthTold:
        """Say what this machine can run; changes nothing."""
        return await self._door.ask(HealthTold, "doctor", given(cwd=self._cwd))

    async def mend(self) -> FixesTold:
        """End and remove what crashes left; no work is lost."""
        fields = given(fix=True, cwd=self._cwd)
        return await self._door.ask(FixesTold, "doctor", fields)


def _id_of(run: Run | str | None) -> str | None:
    return run.id if isinstance(run, Run) else run
