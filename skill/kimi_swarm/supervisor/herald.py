"""The herald: tells hosts of ends of runs, one call at a time, until they accept."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio

from kimi_swarm.core.notices import (
    TEXT,
    NoticeCommand,
    filled,
    left_s,
    next_pause_s,
)
from kimi_swarm.core.redact import redacted
from kimi_swarm.core.wake import end_line, held_line
from kimi_swarm.errors import SwarmError
from kimi_swarm.process.clock import now
from kimi_swarm.process.command import run_command
from kimi_swarm.process.crash_point import reach
from kimi_swarm.store.database import Connection, words_for_errors
from kimi_swarm.store.inbox import standings, was_told
from kimi_swarm.store.notices import NoticeRow, first_due, put_off, settle
from kimi_swarm.store.views import latest_sessions
from kimi_swarm.supervisor.ground import Ground
from kimi_swarm.workers.plain import clip
from kimi_swarm.workers.profile import BASIC_ENV

TROUBLE_CHARS = 160
KEPT_BYTES = 65_536


class Herald:
    """Carries out the notices of a state folder; calls cost seconds, so one by one."""

    def __init__(
        self,
        home: str,
        connection: Connection,
        ground: Ground,
        environment_of: Callable[[str], Mapping[str, str]],
        on_settled: Callable[[], None],
    ) -> None:
        self._home = home
        self._connection = connection
        self._ground = ground
        self._environment_of = environment_of
        self._on_settled = on_settled
        self._change = anyio.Event()

    def look(self) -> None:
        """Look whether there is something to tell."""
        self._change.set()

    async def run(self) -> None:
        """Tell what is due until cancelled; a call that is cut off is made again."""
        notice: NoticeRow | None = None
        while True:
            was_due = notice is not None
            with words_for_errors(self._home):
                notice = first_due(self._connection)
            if notice is None and was_due:
                self._on_settled()
            wait_s = None if notice is None else left_s(notice.due_at, at=now())
            if notice is not None and wait_s == 0:
                await self._tell(notice)
                continue
            with anyio.move_on_after(wait_s):
                await self._change.wait()
            self._change = anyio.Event()

    async def _tell(self, notice: NoticeRow) -> None:
        self._ground.require()
        with words_for_errors(self._home):
            if was_told(self._connection, notice.asker, notice.end):
                settle(self._connection, notice, "told", None)
                return
        reach("herald.before_call")
        trouble = await self._call(notice)
        reach("herald.after_call")
        self._ground.require()
        tried = notice._replace(tries=notice.tries + 1)
        with words_for_errors(self._home):
            self._write(tried, trouble)

    def _write(self, tried: NoticeRow, trouble: str | None) -> None:
        if trouble is None:
            settle(self._connection, tried, "accepted", None)
            return
        chance = random.random()  # noqa: S311 it parts crowds, and hides nothing
        pause_s = next_pause_s(tried.tries, chance=chance)
        if pause_s is None:
            settle(self._connection, tried, "given_up", trouble)
        else:
            put_off(self._connection, tried, now() + pause_s, trouble)

    async def _call(self, notice: NoticeRow) -> str | None:
        """Call the host; return why it did not accept, None if it did."""
        command = NoticeCommand(**json.loads(notice.command))
        given = self._environment_of(notice.run)
        names = (*BASIC_ENV, *command.passed)
        passed = {name: given[name] for name in names if name in given}
        try:
            done = await run_command(
                filled(command.argv, {TEXT: self._text(notice, command)}),
                cwd=Path(self._home),
                env={**passed, **command.env},
                keep_bytes=KEPT_BYTES,
                limit_s=command.limit_s,
            )
        except SwarmError as error:
            return clip(str(error), TROUBLE_CHARS)
        if done.exit_code == 0:
            return None
        said = (done.stderr[:KEPT_BYTES].strip() or done.stdout.strip()).decode(
            errors="replace"
        )
        first = redacted(said.partition("\n")[0])
        return clip(f"exit code {done.exit_code}: {first}", TROUBLE_CHARS)

    def _text(self, notice: NoticeRow, command: NoticeCommand) -> str:
        with words_for_errors(self._home):
            rows = standings(latest_sessions(self._connection, notice.run))
        head, run, caller = notice.end.id, notice.run, command.caller
        if notice.held is not None:
            return held_line(head, run, notice.held, rows, caller=caller)
        return end_line(head, run, rows, caller=caller)
