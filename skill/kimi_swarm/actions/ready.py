"""Which workers are ready here: found, and of a version that fits, asked once."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import anyio

from kimi_swarm.config import Manifest
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import probes_path
from kimi_swarm.process.command import ProgramMissingError
from kimi_swarm.process.programs import (
    FoundProgram,
    VersionReport,
    find_program,
    probe_version,
)
from kimi_swarm.process.records import write_atomically
from kimi_swarm.workers.models import expanded
from kimi_swarm.workers.profile import BASIC_ENV, Kind, Profile, ProfileError


class NoWorkerError(SwarmError):
    """Raised when no profile was named and none is ready on this machine."""

    code = "no_worker"

    def __init__(self, shortest: Profile) -> None:
        super().__init__(
            "No worker was named and none is ready on this machine.",
            remedy=f"Shortest way to one: {shortest.install_line} — or try the "
            "embedded demo worker with the profile demo.",
        )


class Ready(NamedTuple):
    """A profile's program here; `problem` is empty when it can be used."""

    profile: Profile
    found: FoundProgram | None
    version: str | None = None
    problem: str = ""
    remedy: str = ""
    warning: str = ""


async def look_for(profile: Profile, *, home: str, path: str) -> Ready:
    """Find a profile's program and ask its version, unless that is known already."""
    if profile.kind is Kind.COMMAND:
        return Ready(profile, None)
    try:
        found = find_program(
            profile.program or "", path=path, install=profile.install_line
        )
    except ProgramMissingError as error:
        return Ready(profile, None, problem=str(error), remedy=error.remedy)
    if profile.version is None:
        return Ready(profile, found)
    report = await _probe(profile, found, home=home, path=path)
    remedy = "" if report.problem is None else f"Install it: {profile.install_line}"
    problem, warning = report.problem or "", report.warning or ""
    return Ready(profile, found, report.program, problem, remedy, warning)


async def look_for_all(
    profiles: Sequence[Profile], *, home: str, path: str
) -> dict[str, Ready]:
    """Look for several profiles at once, by name."""
    seen: dict[str, Ready] = {}

    async def look(profile: Profile) -> None:
        seen[profile.name] = await look_for(profile, home=home, path=path)

    async with anyio.create_task_group() as group:
        for profile in profiles:
            group.start_soon(look, profile)
    return seen


def has_account(profile: Profile, environ: Mapping[str, str]) -> bool:
    """Whether an account can be seen, without spending anything or reading it."""
    login = profile.login
    if login is None:
        return False
    if any(environ.get(name) for name in login.env):
        return True
    env = {"HOME": str(Path.home()), **environ}
    patterns = (str(Path(expanded(each, env)).expanduser()) for each in login.files)
    return any(glob.glob(each) for each in patterns)  # noqa: PTH207 they are absolute


def can_work(ready: Ready, environ: Mapping[str, str]) -> bool:
    """Whether a worker is here and has the account it needs, as far as can be seen."""
    login = ready.profile.login
    needs_none = login is None or not login.needed
    return not ready.problem and (needs_none or has_account(ready.profile, environ))


async def first_ready(manifest: Manifest, *, home: str, path: str) -> Ready:
    """Return the first preferred profile that is ready. Raises NoWorkerError."""
    for name in manifest.preferred:
        ready = await look_for(manifest.profile(name), home=home, path=path)
        if can_work(ready, os.environ):
            return ready
    raise NoWorkerError(manifest.profile(manifest.preferred[0]))


def require(ready: Ready) -> FoundProgram:
    """Return the found program. Raises ProgramMissingError, ProfileError."""
    profile = ready.profile
    if ready.found is None:
        raise ProgramMissingError(profile.program or "", remedy=ready.remedy)
    if ready.problem:
        fact = f"cannot be used here: {ready.problem.rstrip('.')}"
        raise ProfileError(profile.name, fact, remedy=ready.remedy)
    return ready.found


async def _probe(
    profile: Profile, found: FoundProgram, *, home: str, path: str
) -> VersionReport:
    """Ask a program for its version once for each time its file changes."""
    key = f"{profile.name} {_signature(found)}"
    known = _known(home)
    if key in known:
        return VersionReport(*known[key])
    env = {name: os.environ[name] for name in BASIC_ENV if name in os.environ}
    env["PATH"] = found.extra_path or path
    report = await probe_version(profile, found, env=env, cwd=Path("/"))
    if report.problem is None:
        _remember(home, key, report)
    return report


def _signature(found: FoundProgram) -> str:
    parts = []
    for word in found.argv:
        try:
            stat = Path(word).stat()
        except OSError:
            continue
        parts.append(f"{word}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}")
    return "|".join(parts)


def _known(home: str) -> Mapping[str, list[str | None]]:
    try:
        known: dict[str, list[str | None]] = json.loads(
            Path(probes_path(home)).read_text("utf-8")
        )
    except (OSError, ValueError):
        return {}
    return known


def _remember(home: str, key: str, report: VersionReport) -> None:
    # Knowing is a convenience: a state folder that takes no files is told elsewhere.
    if Path(home).is_dir() and os.access(home, os.W_OK):
        write_atomically(probes_path(home), {**_known(home), key: list(report)})
