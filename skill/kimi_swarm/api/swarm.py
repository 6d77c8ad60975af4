"""A state folder of runs, for Python programs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kimi_swarm.api.door import Door, given
from kimi_swarm.api.run import Run
from kimi_swarm.calls.told import KilledTold, RunsTold, RunTold, SessionTold
from kimi_swarm.calls.told_results import HealthTold, PreviewTold, SpawnedTold
from kimi_swarm.core.askers import asker_name
from kimi_swarm.core.plan import Plan
from kimi_swarm.location import state_home

PlanLike = str | os.PathLike[str] | Plan | Mapping[str, Any]


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
        self._door.is_open = False

    async def spawn(  # noqa: PLR0913 as the action takes them
        self,
        plan: PlanLike | None = None,
        *,
        tasks: Sequence[str] = (),
        strategy: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        profile: str | None = None,
        permission: str | None = None,
        workspace: str | None = None,
        concurrency: int | None = None,
        priority: int | None = None,
        into: Run | str | None = None,
        only_new: bool = False,
        proposed: bool = False,
    ) -> Run:
        """Start a plan's workers in the background and return the run at once.

        Give a plan (a file, a Plan, or plain data), or `tasks` in words, or a
        `strategy` with its `parameters`. With `into` it is added to that run. Raises
        PlanError, UnknownProfileError and others: everything that can be wrong is said
        before anything starts.
        """
        asked = self._source(
            plan,
            task=list(tasks) or None,
            strategy=strategy,
            set=parameters,
            profile=profile,
            permission=permission,
            workspace=workspace,
            concurrency=concurrency,
            priority=priority,
            into=into.id if isinstance(into, Run) else into,
            only_new=only_new,
            proposed=proposed,
            asker=self._door.asker or None if into is None else None,
        )
        told = await self._door.ask(SpawnedTold, "spawn", asked)
        return Run(self._door, told.run)

    async def plan(
        self,
        plan: PlanLike | None = None,
        *,
        tasks: Sequence[str] = (),
        strategy: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        profile: str | None = None,
        permission: str | None = None,
        workspace: str | None = None,
        concurrency: int | None = None,
    ) -> PreviewTold:
        """Say what `spawn` would start, and what to expect of it; starts nothing."""
        asked = self._source(
            plan,
            task=list(tasks) or None,
            strategy=strategy,
            set=parameters,
            profile=profile,
            permission=permission,
            workspace=workspace,
            concurrency=concurrency,
        )
        return await self._door.ask(PreviewTold, "plan", asked)

    def _source(self, plan: PlanLike | None, **fields: object) -> dict[str, Any]:
        return given(plan=_plan_of(plan), cwd=self._cwd, **fields)

    def run(self, run: str) -> Run:
        """Return a run by its id; whether there is one shows when it is asked."""
        return Run(self._door, run)

    async def list(self, *, limit: int = 20) -> tuple[RunTold, ...]:
        """Return runs, those that run first, then the newest; own ones of an asker."""
        fields = given(limit=limit, asker=self._door.asker or None)
        return (await self._door.ask(RunsTold, "list", fields)).runs

    async def kill_all(self) -> tuple[SessionTold, ...]:
        """End everything that runs here (of an asker with a name: what is its own)."""
        fields = given(all=True, asker=self._door.asker or None)
        return (await self._door.ask(KilledTold, "kill", fields)).sessions

    async def doctor(self) -> HealthTold:
        """Say what this machine can run; changes nothing."""
        return await self._door.ask(HealthTold, "doctor", given(cwd=self._cwd))


def _plan_of(plan: PlanLike | None) -> str | dict[str, Any] | None:
    """Return a plan as a call takes it: the name of its file, or plain data."""
    if isinstance(plan, Plan):
        return plan.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if plan is None or isinstance(plan, str):
        return plan
    return dict(plan) if isinstance(plan, Mapping) else os.fspath(plan)
