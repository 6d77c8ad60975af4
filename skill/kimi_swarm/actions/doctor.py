"""doctor: what this machine can run, and one command that works now."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from kimi_swarm import __version__
from kimi_swarm.actions.example import example_call
from kimi_swarm.actions.leftovers import Found, find_leftovers
from kimi_swarm.actions.models import Offer, offer_of
from kimi_swarm.actions.pools import Held, held_of
from kimi_swarm.actions.ready import Ready, can_work, has_account, look_for_all
from kimi_swarm.actions.sizes import biggest_runs, folder_bytes
from kimi_swarm.actions.state import reading
from kimi_swarm.config import known_at
from kimi_swarm.errors import SwarmError
from kimi_swarm.lanes.gateway.standing import troubles
from kimi_swarm.process.clock import now
from kimi_swarm.process.command import run_command
from kimi_swarm.process.machine import cpus, free_bytes, memory_bytes
from kimi_swarm.store.notices import given_up
from kimi_swarm.workers.capacity import capacity
from kimi_swarm.workers.models import free_among
from kimi_swarm.workers.profile import Profile

OLDEST_GIT = (2, 31)
SHOWN_RUNS = 3


@dataclass(frozen=True, slots=True)
class ProfileHealth:
    """One profile on this machine: ready, or what is missing and how to mend it."""

    name: str
    summary: str
    is_ready: bool
    can_work: bool
    program: str | None
    version: str | None
    problem: str
    remedy: str
    warning: str
    sends_to: str
    login: str
    models: tuple[str, ...]
    free_models: tuple[str, ...]
    limits: str
    held: str
    carries: int
    permissions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Health:
    """What a doctor saw."""

    release: str
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
    notes: tuple[str, ...] = ()
    state_bytes: int = 0
    biggest: tuple[tuple[str, int], ...] = ()
    leftovers: tuple[Found, ...] = ()


async def doctor(home: str, *, cwd: Path) -> Health:
    """Look at the machine and every profile known at a place; changes nothing."""
    known = known_at(cwd)
    manifest = known.manifest
    path = os.environ.get("PATH", os.defpath)
    ready = await look_for_all(list(manifest.profiles.values()), home=home, path=path)
    git, problems = await _git()
    existing = _nearest_existing(Path(home))
    if not os.access(existing, os.W_OK):
        problems.append(f"The state folder {home} cannot be written.")
    offers = await _offers(home, ready)
    leftovers: tuple[Found, ...] = ()
    try:
        leftovers = await find_leftovers(home)
        problems += _untold(home)
    except SwarmError as error:
        problems.append(f"{error} {error.remedy}")
    rules = manifest.pool_rules()
    profiles = tuple(
        [
            _health_of(
                ready[name],
                offers[name],
                await held_of(profile, rules, os.environ),
            )
            for name, profile in manifest.profiles.items()
        ]
    )
    return Health(
        release=__version__,
        python=f"{platform.python_version()} ({sys.executable})",
        system=f"{platform.system()} {platform.machine()}",
        git=git,
        home=home,
        free_bytes=free_bytes(home),
        memory_bytes=memory_bytes(),
        cpus=cpus(),
        profiles=profiles,
        problems=tuple(problems),
        next_command=_next_command(manifest.preferred, profiles),
        notes=(*known.notes, *troubles(home, now())),
        state_bytes=folder_bytes(home),
        biggest=biggest_runs(home, limit=SHOWN_RUNS),
        leftovers=leftovers,
    )


def _untold(home: str) -> list[str]:
    """Say which hosts could not be told that a run ended, or is held."""
    with reading(home) as connection:
        rows = [] if connection is None else given_up(connection)
    return [
        f"{row.asker} could not be told that {row.run} "
        f"{'ended' if row.held is None else 'is held'}: {row.trouble}."
        for row in rows
    ]


async def _offers(home: str, ready: Mapping[str, Ready]) -> dict[str, Offer]:
    """Ask the providers of ready workers what they offer, all at once."""
    offers = dict.fromkeys(ready, Offer())

    async def ask(name: str, profile: Profile) -> None:
        offers[name] = await offer_of(home, profile, os.environ)

    async with anyio.create_task_group() as group:
        for name, each in ready.items():
            if not each.problem:
                group.start_soon(ask, name, each.profile)
    return offers


def _login_of(profile: Profile) -> str:
    login = profile.login
    if login is None:
        return ""
    if has_account(profile, os.environ):
        return "logged in, as far as can be seen"
    wanted = (
        "not logged in" if login.needed else "not logged in, which it can do without"
    )
    return f"{wanted}: {login.how}"


def _health_of(ready: Ready, offer: Offer, held: Held | None) -> ProfileHealth:
    return ProfileHealth(
        name=ready.profile.name,
        summary=ready.profile.summary,
        is_ready=not ready.problem,
        can_work=can_work(ready, os.environ),
        program=None if ready.found is None else ready.found.argv[-1],
        version=ready.version,
        problem=ready.problem,
        remedy=ready.remedy,
        warning=ready.warning,
        sends_to=ready.profile.sends_to,
        login=_login_of(ready.profile),
        models=offer.ids,
        free_models=free_among(offer.ids),
        limits=ready.profile.limits or "",
        held="" if held is None else held.words,
        carries=capacity(ready.profile, cpus(), memory_bytes()),
        permissions={
            name.value: hold.holds for name, hold in ready.profile.permissions.items()
        },
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


def _next_command(preferred: Sequence[str], profiles: tuple[ProfileHealth, ...]) -> str:
    """Name one command that works on this machine as it is."""
    ready = {profile.name for profile in profiles if profile.can_work}
    for name in preferred:
        if name in ready:
            words = f'--profile {name} --task "Write NOTES.md about this repository"'
            return example_call(words)
    return example_call()
