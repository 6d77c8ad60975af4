"""Whether a program's version is one that a profile is for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from kimi_swarm.workers.profile import Profile
from kimi_swarm.workers.profile_terms import UNTESTED


class VersionFit(NamedTuple):
    """Whether a version will do; `problem` and `warning` are sentences or empty."""

    problem: str = ""
    warning: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether a worker may be started."""
        return not self.problem


def judge_version(profile: Profile, version: str) -> VersionFit:
    """Say whether a version that a program told fits the profile.

    Outside `at_least` and `below` it does not; beyond what was tested it does, with a
    warning.
    """
    probe, name = profile.version, profile.name
    if probe is None:
        return VersionFit()
    if probe.at_least and numbers_of(version) < numbers_of(probe.at_least):
        wanted = f"{probe.at_least} or newer is needed"
        return VersionFit(problem=f"{name} {version} is too old; {wanted}.")
    if probe.below and numbers_of(version) >= numbers_of(probe.below):
        wanted = f"profile {name} is for versions below {probe.below}"
        return VersionFit(problem=f"{profile.program} {version} is too new; {wanted}.")
    return VersionFit(warning=_doubt(profile, probe.tested, version))


def profiles_for(
    profiles: Iterable[Profile], program: str, told: str
) -> tuple[str, ...]:
    """Return the names of the profiles that fit what `program` said of its version.

    `told` is the whole output of the probe: programs of one name may be told apart by
    how they say it.
    """
    return tuple(
        profile.name
        for profile in profiles
        if program in (profile.program, *profile.also_named)
        and profile.version is not None
        and (found := re.search(profile.version.pattern, told))
        and judge_version(profile, found[1]).is_usable
    )


def _doubt(profile: Profile, tested: str | None, version: str) -> str:
    if tested is None:
        return ""
    if tested == UNTESTED:
        return f"Profile {profile.name} was written from documentation and never run."
    oldest, _, newest = tested.partition(" to ")
    if numbers_of(version) > numbers_of(newest or oldest):
        return f"{profile.name} {version} is newer than what was tested ({tested})."
    if numbers_of(version) < numbers_of(oldest):
        return f"{profile.name} {version} is older than what was tested ({tested})."
    return ""


def numbers_of(version: str) -> tuple[int, ...]:
    """Return a version as numbers that can be compared."""
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version))
