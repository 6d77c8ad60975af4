"""notify: how an asker's host is told of a run's ends, made ready when it begins."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kimi_swarm.actions.state import program_name
from kimi_swarm.config import known_at
from kimi_swarm.core.askers import asker_name
from kimi_swarm.core.notices import SESSION_KEY, NoticeCommand, filled
from kimi_swarm.errors import SwarmError
from kimi_swarm.process.programs import find_program
from kimi_swarm.store.database import Connection
from kimi_swarm.store.notices import wish_notice


class NoHostError(SwarmError):
    """Raised when nothing says how a host is told."""

    code = "no_host"

    def __init__(self) -> None:
        super().__init__(
            "There is no `notify` that says how a host is told that a run ended.",
            remedy="Write it into config.yaml, or wait for the run.",
        )


class Notice(NamedTuple):
    """Whom to tell and how; `env` holds what must stay in memory."""

    asker: str
    command: NoticeCommand
    env: dict[str, str]

    def wish(self, connection: Connection, run: str) -> None:
        """Write it down for a run, inside the caller's transaction."""
        wish_notice(connection, run, self.asker, json.dumps(self.command._asdict()))


def notice_for(
    session_key: str, *, cwd: Path, environ: Mapping[str, str] | None = None
) -> Notice:
    """Return how the host of a session is told; starts nothing.

    Program and interpreter are found now: the PATH of later may be another one. Raises
    BadAskerError, NoHostError, ProgramMissingError, ManifestError.
    """
    given = os.environ if environ is None else environ
    asker = asker_name(session_key)
    notify = known_at(cwd).manifest.notify
    if notify is None:
        raise NoHostError
    path = given.get("PATH", os.defpath)
    found = find_program(notify.program, path=path, install=notify.install)
    kept = {name: given[name] for name in ("HOME", *notify.keep) if name in given}
    command = NoticeCommand(
        argv=(*found.argv, *filled(notify.argv, {SESSION_KEY: asker})),
        env={**kept, "PATH": found.extra_path or path},
        passed=notify.passed,
        limit_s=notify.limit_s,
        caller=program_name(),
    )
    secret = {name: given[name] for name in notify.passed if name in given}
    return Notice(asker, command, secret)
