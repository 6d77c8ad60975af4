"""doctor: what this machine can run, and one command that works now."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import anyio

from kimi_swarm import __version__
from kimi_swarm.config import load_manifest
from kimi_swarm.errors import SwarmError
from kimi_swarm.process.command import run_command
from kimi_swarm.process.programs import find_program, probe_version
from kimi_swarm.workers.profile import BASIC_ENV, Kind, Profile

OLDEST_GIT = (2, 25)


@dataclass(frozen=True, slots=True)
class ProfileHealth:
    """One profile on this machine: ready, or what is missing and how to mend it."""

    name: str
    summary: str
    is_ready: bool
    program: str | None
    version: str | None
    problem: str
    remedy: str
    sends_to: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a doctor saw."""

    version: str
    python: str
    system: str
    git: str | None
    home: str
    free_bytes: int
    memory_bytes: int
    cpus: int
    profiles: tuple[ProfileHealth, ...]
    problems: tuple[str, ...]
    next_command: str


async def doctor(home: str) -> Health:
    """Look at the machine and every profile; changes nothing."""
    manifest = load_manifest()
    found: dict[str, ProfileHealth] = {}

    async def look(profile: Profile) -> None:
        found[profile.name] = await _profile_health(profile)

    async with anyio.create_task_group() as group:
        for profile in manifest.profiles.values():
            group.start_soon(look, profile)
    git, problems = await _git()
    existing = _nearest_existing(Path(home))
    if not os.access(existing, os.W_OK):
        problems.append(f"The state folder {home} cannot be written.")
    profiles = tuple(found[name] for name in manifest.profiles)
    return Health(
        version=__version__,
        python=f"{platform.python_version()} ({sys.executable})",
        system=f"{platform.system()} {platform.machine()}",
        git=git,
        home=home,
        free_bytes=shutil.disk_usage(existing).free,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        cpus=os.cpu_count() or 1,
        profiles=profiles,
        problems=tuple(problems),
        next_command=_next_command(manifest.default_profile, profiles),
    )


async def _profile_health(profile: Profile) -> ProfileHealth:
    program = version = None
    problem = remedy = ""
    if profile.kind is not Kind.COMMAND:
        path = os.environ.get("PATH", os.defpath)
        try:
            found = find_program(
                profile.program or "", path=path, install=profile.install_line
            )
            program = found.argv[-1]
            env = {name: os.environ[name] for name in BASIC_ENV if name in os.environ}
            if found.extra_path is not None:
                env["PATH"] = found.extra_path
            report = await probe_version(profile, found, env=env, cwd=Path("/"))
            version, problem = report.program, report.problem or ""
        except SwarmError as error:
            problem, remedy = str(error), error.remedy
    return ProfileHealth(
        name=profile.name,
        summary=profile.summary,
        is_ready=not problem,
        program=program,
        version=version,
        problem=problem,
        remedy=remedy,
        sends_to=profile.sends_to,
    )


async def _git() -> tuple[str | None, list[str]]:
    try:
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        done = await run_command(["git", "--version"], cwd=Path("/"), env=env)
    except SwarmError as error:
        return None, [f"{error} {error.remedy}"]
    match = re.search(r"(\d+)\.(\d+)[.\d]*", done.stdout.decode(errors="replace"))
    if match is None:
        return None, ["git does not tell its version."]
    if (int(match[1]), int(match[2])) < OLDEST_GIT:
        wanted = ".".join(map(str, OLDEST_GIT))
        return match[0], [f"git {match[0]} is too old; install {wanted} or newer."]
    return match[0], []


def _nearest_existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _next_command(default: str, profiles: tuple[ProfileHealth, ...]) -> str:
    """Name one command that works on this machine as it is."""
    by_name = {profile.name: profile for profile in profiles}
    if by_name[default].is_ready:
        return f'run --profile {default} --task "Say what this repository is for"'
    return "run examples/tour.yaml"
