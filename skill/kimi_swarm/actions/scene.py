"""What a search for leftovers looks at, and what it finds."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread

from kimi_swarm.actions.state import reading
from kimi_swarm.core.names import SessionId, parse_session
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import session_folder, workspace_folder
from kimi_swarm.process.locks import is_locked, try_lock_folder
from kimi_swarm.process.records import LaunchFiles
from kimi_swarm.process.tidy import LAUNCHES
from kimi_swarm.store.census import Census, take_census
from kimi_swarm.workspace.tree import Repository

NOBODY = Census({}, {}, ())
FOLDERS = ("runs", "workspaces", "repos")


Mend = Callable[[], Awaitable[str]]


class InUseError(SwarmError):
    """Raised when what looked left over has come into use meanwhile."""

    code = "in_use"
    exit_code = 1

    def __init__(self, what: object) -> None:
        super().__init__(f"{what} is in use by now.", remedy="Look again later.")


class Leftover(NamedTuple):
    """Something that no live run needs: `what` it is, and `why` it is one.

    `mend` removes or ends it and says what was done; it raises SwarmError or OSError
    where that must not be. None: it cannot be judged, and is only told.
    """

    kind: str
    what: str
    why: str
    mend: Mend | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A state folder and who is known there; `repos` are all that may hold traces."""

    home: str
    census: Census
    repos: tuple[Repository, ...] = ()

    def is_live(self, run: str, slug: str) -> bool:
        """Whether a session was not over when the census was taken."""
        return self.census.sessions.get(f"{run}/{slug}", "done") != "done"

    def is_free_now(self, run: str, slug: str) -> bool:
        """Whether, looked at once more, nobody has or gets a session's place."""
        now = take(self.home)
        if now.sessions.get(f"{run}/{slug}", "done") != "done":
            return False
        is_known_as_before = (run in now.runs) == (run in self.census.runs)
        return is_known_as_before and not any(
            is_locked(LaunchFiles(f"{folder}/{name}").lock)
            for folder in (session_folder(self.home, run, slug),)
            for name in LAUNCHES
        )


def is_merged_now(home: str, run: str) -> bool:
    """Whether somebody merges a run's work just now: that holds its workspaces."""
    try:
        held = try_lock_folder(workspace_folder(home, run, ""))
    except FileNotFoundError:
        return False
    if held is not None:
        os.close(held)
    return held is None


def in_thread(deed: Callable[..., str], *args: object) -> Mend:
    """Return a mend that runs a plain function where it may block."""
    return partial(anyio.to_thread.run_sync, deed, *args)


def take(home: str) -> Census:
    """Take the census of a state folder; nobody is known where nothing ever ran."""
    with reading(home) as connection:
        return NOBODY if connection is None else take_census(connection)


def entries(home: str, *parts: str) -> list[Path]:
    """Return what lies in a folder of the state folder, in order; none is empty."""
    try:
        return sorted(Path(home, *parts).iterdir())
    except OSError:
        return []


def session_of(run: str, slug: str) -> SessionId:
    """Return the session whose folder has this name. Raises BadIdError."""
    return parse_session(f"{run}/{slug}")
