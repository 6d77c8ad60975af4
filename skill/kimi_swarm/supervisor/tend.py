"""One session's life, from its place in the plan to its outcome.

Every step can be taken again: a supervisor that takes over after a crash walks the same
way, and what is there already (a workspace, a live shim, an exit record) is used.
"""

from __future__ import annotations

import traceback

import anyio

from kimi_swarm.core.evidence import Verdict, is_time_limit
from kimi_swarm.core.names import parse_session
from kimi_swarm.core.redact import NOTHING_KNOWN, redacted
from kimi_swarm.core.session import (
    Ended,
    Launched,
    Outcome,
    Place,
    Placed,
    StopBegan,
)
from kimi_swarm.errors import SwarmError
from kimi_swarm.process.clock import now
from kimi_swarm.process.crash_point import reach
from kimi_swarm.process.launch import (
    LAUNCH_TRIES,
    follow,
    open_alive,
    stop,
)
from kimi_swarm.process.locks import is_locked
from kimi_swarm.process.records import (
    ExitRecord,
    LaunchFiles,
    LaunchSpec,
    read_exit,
    read_question,
    read_shim,
)
from kimi_swarm.process.remains import end_launch, end_remains
from kimi_swarm.process.tidy import LAUNCHES, tidy
from kimi_swarm.store.database import (
    DatabaseError,
    StateError,
    transaction,
    words_for_errors,
)
from kimi_swarm.store.moves import Findings
from kimi_swarm.store.runs import task_of, time_limit_of
from kimi_swarm.store.views import SessionRow
from kimi_swarm.supervisor.desk import Desk
from kimi_swarm.supervisor.errors import SetupFailedError, StoppedError
from kimi_swarm.supervisor.judged import Judged
from kimi_swarm.supervisor.judgement import Evidence, look_at_work
from kimi_swarm.supervisor.passing import what_came_before
from kimi_swarm.supervisor.prepare import (
    FOLDER_VARIABLE,
    Seat,
    former_of,
    make_environment,
    make_place,
    make_spec,
    shell_spec,
    tree_of,
)
from kimi_swarm.supervisor.secrecy import learn_secrets, without_secrets


class Tender:
    """Takes one session from starting to done."""

    def __init__(self, desk: Desk, row: SessionRow) -> None:
        self._desk = desk
        self._row = row
        task = task_of(desk.connection, row.run, row.task)
        former = (
            None if row.follows is None else former_of(desk.connection, row.follows)
        )
        ident = parse_session(row.id)
        self._seat = Seat(ident, task, desk.home, row.message, former)
        self._cause: str | None = row.cause
        self._stop_wanted = anyio.Event()
        self._ports: tuple[int, ...] = ()
        self._env: dict[str, str] = {}
        self._is_proved_dead = True
        self._secrets = NOTHING_KNOWN

    def stop(self, cause: str) -> None:
        """Tell the session to end; saying it again changes nothing."""
        if self._cause is not None:
            return
        self._cause = cause
        self._stop_wanted.set()
        if self._row.state == "running":
            self._row = self._desk.move(self._row, StopBegan(now(), cause))

    async def run(self) -> None:
        """Live the session to its end; whatever happens, it gets an outcome."""
        if self._cause is not None:
            self._stop_wanted.set()
        try:
            judged = await self._live()
        except (StateError, DatabaseError):
            # No matter of this session: whoever supervises next goes on with it.
            with words_for_errors(self._desk.home):
                raise
        except Exception as error:  # noqa: BLE001 one session's trouble ends that one
            self._desk.ground.require_writable(error)
            judged = self._judged_of(error)
            await self._end_launches()
        verdict = judged.verdict
        ended = Ended(now(), verdict.outcome, verdict.reason, judged.exit_code)
        self._desk.ports.give_back(self._ports)
        await self._desk.gatekeeper.over(self._row.id)
        reach("supervisor.before_ended")
        findings = without_secrets(judged.findings, self._secrets)
        self._desk.finish(self._row, ended, judged._replace(findings=findings))
        reach("supervisor.after_ended")
        for name in LAUNCHES:
            tidy(LaunchFiles(f"{self._seat.folder}/{name}"))
        self._desk.forget(self._row.id)

    def _judged_of(self, error: Exception) -> Judged:
        """Say what became of a session that could not be lived to its end."""
        if isinstance(error, SwarmError):
            told = {"sentence": str(error), "remedy": error.remedy}
            return Judged(self._verdict_of(error), Findings(detail=told))
        if not isinstance(error, OSError):
            traceback.print_exception(error)
        reason = "system_error" if isinstance(error, OSError) else "defect"
        told = {"sentence": f"{type(error).__name__}: {error}"}
        return Judged(Verdict(Outcome.FAILED, reason), Findings(detail=told))

    async def _end_launches(self) -> None:
        """End what still runs of a session that gets its outcome before its end."""
        for name in LAUNCHES:
            files = LaunchFiles(f"{self._seat.folder}/{name}")
            if is_locked(files.lock):
                await anyio.to_thread.run_sync(
                    end_launch, files, FOLDER_VARIABLE, self._seat.folder
                )

    def _verdict_of(self, error: SwarmError) -> Verdict:
        if self._cause is not None and is_time_limit(self._cause):
            return Verdict(Outcome.TIMED_OUT, self._cause)
        if self._cause is not None:
            return Verdict(Outcome.CANCELLED, self._cause)
        return Verdict(Outcome.FAILED, error.code)

    async def _live(self) -> Judged:
        environ = self._desk.environment_of(self._row.run)
        self._secrets = learn_secrets(self._seat, environ)
        if self._row.state == "starting":
            reach("supervisor.after_chosen")
            await self._get_ready()
        place = self._place()
        before = await what_came_before(self._desk.connection, self._seat)
        record = await self._work("work", self._seat._replace(before=before))
        reach("supervisor.after_exit_record")
        tree = await tree_of(self._desk.connection, self._seat, place)
        limit_s = time_limit_of(self._desk.connection, self._row.run)
        evidence = Evidence(
            *(self._seat, place, tree, record, lambda: self._cause, self._env),
            run_limit_s=limit_s,
            is_proved_dead=lambda: self._is_proved_dead,
            secrets=self._secrets,
        )
        return await look_at_work(evidence, self._check, self._work)

    async def _get_ready(self) -> None:
        setup = self._seat.task.workspace.setup if self._row.follows is None else None
        place = None
        if self._row.workspace is None:
            place = await make_place(self._desk.connection, self._seat)
            reach("supervisor.after_workspace")
        if setup is not None:
            self._write_place(place)
            await self._set_up(self._place(), setup)
            place = None
        if self._seat.task.recipe.warm_up_argv:
            await self._warm_up(place or self._place())
        if self._cause is not None:
            self._write_place(place)
            raise StoppedError("It was told to stop before its worker started.")
        with transaction(self._desk.connection):
            self._write_place(place)
            self._row = self._desk.move(self._row, Launched(now()))
            reach("supervisor.before_launched")
        reach("supervisor.after_launched")

    async def _warm_up(self, place: Place) -> None:
        environ = self._desk.environment_of(self._row.run)
        env = await make_environment(self._seat, place, environ, ())
        env = await self._led(env, f"{self._seat.folder}/work")
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_when_stopped, group.cancel_scope)
            await self._desk.warm_ups.ensure(self._seat.task.recipe, env)
            group.cancel_scope.cancel()

    async def _cancel_when_stopped(self, scope: anyio.CancelScope) -> None:
        await self._stop_wanted.wait()
        scope.cancel()

    def _write_place(self, place: Place | None) -> None:
        if place is not None:
            self._row = self._desk.move(self._row, Placed(now(), place))

    async def _set_up(self, place: Place, line: str) -> None:
        record = await self._shell("setup", line, place)
        if self._cause is None and (record is None or record.exit_code != 0):
            raise SetupFailedError(line, record)

    async def _check(self, line: str) -> ExitRecord | None:
        return await self._shell("check", line, self._place())

    async def _shell(self, name: str, line: str, place: Place) -> ExitRecord | None:
        environ = self._desk.environment_of(self._row.run)
        env = await make_environment(self._seat, place, environ, self._take_ports())
        env = await self._led(env, f"{self._seat.folder}/{name}")
        limit_s = self._seat.task.time_limit_s
        spec = shell_spec(line, place, env, time_limit_s=limit_s)
        return await self._once(LaunchFiles(f"{self._seat.folder}/{name}"), spec)

    async def _work(
        self, name: str, seat: Seat, limit_s: float | None = None
    ) -> ExitRecord | None:
        """Launch the worker for its first turn, or for another with less time."""
        environ = self._desk.environment_of(self._row.run)
        spec = await make_spec(seat, self._place(), environ, self._take_ports())
        self._env = await self._led(spec.env, f"{seat.folder}/{name}")
        limit_s = limit_s or spec.time_limit_s
        spec = spec._replace(env=self._env, time_limit_s=limit_s)
        return await self._once(LaunchFiles(f"{seat.folder}/{name}"), spec)

    async def _led(self, env: dict[str, str], launch: str) -> dict[str, str]:
        """Return an environment whose requests go through the gateway, if they can."""
        terms = self._seat.task.recipe.gateway
        lead = self._desk.gatekeeper.lead
        return await lead(self._row.id, self._row.profile, terms, env, launch)

    def _take_ports(self) -> tuple[int, ...]:
        if not self._ports:
            self._ports = self._desk.ports.take(self._seat.task.workspace.ports)
        return self._ports

    async def _once(self, files: LaunchFiles, spec: LaunchSpec) -> ExitRecord | None:
        """Run a launch to its end exactly once, over any number of supervisors.

        Returns None when it began and left no record: then nobody knows how it ended,
        and what is left of it is ended by force.
        """
        record = read_exit(files)
        for _ in range(LAUNCH_TRIES):
            if record is None:
                record = await self._run_or_adopt(files, spec)
            # A shim that never said who it is has started nothing: another one may.
            if record is not None or read_shim(files) is not None:
                break
        if record is None:
            self._desk.ground.require()
            self._is_proved_dead = await anyio.to_thread.run_sync(
                end_remains, files, FOLDER_VARIABLE, self._seat.folder, spec.cwd
            )
        return record

    async def _run_or_adopt(
        self, files: LaunchFiles, spec: LaunchSpec
    ) -> ExitRecord | None:
        self._desk.ground.require()
        if is_locked(files.lock):
            reading = open_alive(files)
        elif read_shim(files) is not None:
            return read_exit(files)
        else:
            reading = await self._desk.zygote.launch(files, spec)
        async with anyio.create_task_group() as group:
            group.start_soon(self._stop_when_wanted, files)
            record = await follow(files, reading, lambda: self._on_news(files))
            group.cancel_scope.cancel()
        return record

    def _on_news(self, files: LaunchFiles) -> None:
        question = read_question(files)
        if question is not None:
            question = redacted(question, self._secrets)
        self._desk.note_question(self._row.id, question)

    async def _stop_when_wanted(self, files: LaunchFiles) -> None:
        await self._stop_wanted.wait()
        # A shim that was only just forked has not said yet who it is.
        while not stop(files) and is_locked(files.lock):  # noqa: ASYNC110 as above
            await anyio.sleep(0.01)

    def _place(self) -> Place:
        assert self._row.workspace is not None  # noqa: S101 placed by then
        return Place(self._row.workspace, self._row.branch, self._row.base)
