"""Leftovers of launches: processes, lock files, FIFOs, half-written records."""

from __future__ import annotations

import os
from pathlib import Path

from kimi_swarm.actions.scene import (
    InUseError,
    Leftover,
    Scene,
    entries,
    in_thread,
    is_merged_now,
)
from kimi_swarm.core.names import MERGED
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import (
    models_path,
    probes_path,
    socket_path,
    supervisor_lock_path,
)
from kimi_swarm.process.clock import now
from kimi_swarm.process.detach import ensure_supervisor
from kimi_swarm.process.locks import is_locked, try_lock
from kimi_swarm.process.platform import ancestors, bearers_below
from kimi_swarm.process.records import LaunchFiles, read_exit
from kimi_swarm.process.remains import end_launch
from kimi_swarm.process.tidy import LAUNCHES, passing_files, tidy
from kimi_swarm.supervisor.prepare import FOLDER_VARIABLE

WRITING_S = 60.0
"""How long a half-written file may still be somebody's who is writing it."""


class StillThereError(SwarmError):
    """Raised when a process of a session that is over would not end."""

    code = "still_there"
    exit_code = 1

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"The worker of {folder} did not end.", remedy="End it by hand."
        )


def left_processes(scene: Scene) -> list[Leftover]:
    """Find live processes of sessions that are over or that nobody knows."""
    below = f"{scene.home}/runs/"
    mine = set(ancestors(os.getpid()))
    pids: dict[str, list[int]] = {}
    for who, folder in bearers_below(FOLDER_VARIABLE, below).items():
        run, slug = _parts(below, folder)
        if who.pid not in mine and not _is_in_use(scene, run, slug):
            pids.setdefault(folder, []).append(who.pid)
    for session in _sessions(scene):
        files = [LaunchFiles(f"{session}/{name}") for name in LAUNCHES]
        if any(is_locked(each.lock) for each in files):
            pids.setdefault(str(session), [])
    return [
        Leftover(
            "process",
            " ".join(["worker of", folder, *map(str, sorted(numbers))]),
            "its session is over",
            in_thread(_end, scene.home, folder),
        )
        for folder, numbers in sorted(pids.items())
    ]


def _is_in_use(scene: Scene, run: str, slug: str) -> bool:
    """Whether a session is not over, or somebody merges and runs a check there."""
    is_merging = slug == MERGED and is_merged_now(scene.home, run)
    return is_merging or scene.is_live(run, slug)


def _parts(below: str, folder: str) -> tuple[str, str]:
    run, _, slug = folder.removeprefix(below).partition("/")
    return run, slug


def _end(home: str, folder: str) -> str:
    run, slug = _parts(f"{home}/runs/", folder)
    if slug == MERGED and is_merged_now(home, run):
        raise InUseError(folder)
    for name in LAUNCHES:
        files = LaunchFiles(f"{folder}/{name}")
        end_launch(files, FOLDER_VARIABLE, folder)
        if is_locked(files.lock):
            raise StillThereError(folder)
    return "ended"


def _sessions(scene: Scene) -> list[Path]:
    """Return the folders of all sessions that are over or not known."""
    return [
        session
        for run in entries(scene.home, "runs")
        for session in entries(scene.home, "runs", run.name)
        if session.is_dir() and not _is_in_use(scene, run.name, session.name)
    ]


def left_files(scene: Scene) -> list[Leftover]:
    """Find files that only a live launch needs, and half-written ones."""
    launches = [
        LaunchFiles(f"{session}/{name}")
        for session in _sessions(scene)
        for name in LAUNCHES
    ]
    if not is_locked(supervisor_lock_path(scene.home)):
        warm = [LaunchFiles(str(each)) for each in entries(scene.home, "warm")]
        launches += [each for each in warm if read_exit(each) is not None]
    found = [
        Leftover(
            "launch_files",
            ", ".join(sorted(f"{files.folder}/{each.name}" for each in passing)),
            "the launch is over",
            in_thread(_tidy, files),
        )
        for files in launches
        if (passing := passing_files(files))
    ]
    for path in (probes_path(scene.home), models_path(scene.home)):
        half = Path(f"{path}.new")
        if half.exists() and now() - half.stat().st_mtime > WRITING_S:
            why = "nobody finished writing it"
            found.append(
                Leftover("half_file", str(half), why, in_thread(_unlink, half))
            )
    return found


def _tidy(files: LaunchFiles) -> str:
    return f"removed {tidy(files)} files"


def _unlink(path: Path) -> str:
    path.unlink(missing_ok=True)
    return "removed"


def left_socket(scene: Scene) -> list[Leftover]:
    """Find the socket of a supervisor that is gone."""
    path = socket_path(scene.home)
    if not os.path.lexists(path) or is_locked(supervisor_lock_path(scene.home)):
        return []
    why = "no supervisor listens there"
    return [Leftover("socket", path, why, in_thread(_remove_socket, scene.home, path))]


def _remove_socket(home: str, path: str) -> str:
    held = try_lock(supervisor_lock_path(home))
    if held is None:
        raise InUseError(path)
    try:
        Path(path).unlink(missing_ok=True)
    finally:
        os.close(held)
    return "removed"


def left_alone(scene: Scene) -> list[Leftover]:
    """Find unfinished runs that no supervisor looks after."""
    live = [run for run, state in scene.census.runs.items() if state != "done"]
    if not scene.census.is_wanting or is_locked(supervisor_lock_path(scene.home)):
        return []
    what = ", ".join(live)
    return [Leftover("run", what, "no supervisor", in_thread(_supervise, scene.home))]


def _supervise(home: str) -> str:
    ensure_supervisor(home)
    return "started a supervisor: it goes on"
