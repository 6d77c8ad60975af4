"""What the package brings and the user's folder adds: manifest, profiles, limits."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from kimi_swarm.bundle import bundle_root, code_folder
from kimi_swarm.core.written import (
    Line,
    Problem,
    Written,
    closest,
    one_sentence,
    problems_in,
    quoted,
)
from kimi_swarm.errors import SwarmError
from kimi_swarm.strict_yaml import read_yaml
from kimi_swarm.workers.profile import Profile

__all__ = [
    "Manifest",
    "ManifestError",
    "StandardLimits",
    "UnknownProfileError",
    "bundle_root",
    "config_home",
    "load_manifest",
    "parse_manifest",
]


class ManifestError(SwarmError):
    """Raised when manifest.yaml does not say what it must."""

    code = "manifest"

    def __init__(self, origin: str, problems: list[Problem]) -> None:
        super().__init__(
            one_sentence(origin, problems),
            remedy="Correct the file, or install kimi-swarm again.",
        )


class UnknownProfileError(SwarmError):
    """Raised when no profile has the name that was asked for."""

    code = "unknown_profile"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no profile {quoted(name)}{closest(name, known) or '.'}",
            remedy=f"Profiles are: {', '.join(known)}.",
        )


class StandardLimits(Written):
    """What a run keeps to when its plan does not say: workers at once, seconds."""

    concurrency: Annotated[int, Field(ge=1, le=1000)] = 5
    spacing_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    timeout_s: Annotated[float, Field(gt=0, le=604_800)] = 1800.0


def _named(profiles: object) -> object:
    if not isinstance(profiles, dict):
        return profiles
    return {
        name: {"name": name, **fields} if isinstance(fields, dict) else fields
        for name, fields in profiles.items()
    }


class Manifest(Written):
    """The package's own data: identity, profiles by name, limits, actions."""

    name: Line
    version: Line
    summary: Line
    default_profile: Line
    profiles: Annotated[dict[str, Profile], BeforeValidator(_named)]
    limits: StandardLimits = StandardLimits()
    actions: list[dict[str, Any]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _default_profile_exists(self) -> Manifest:
        if self.default_profile not in self.profiles:
            raise ValueError(f"default_profile {self.default_profile} is no profile")
        return self

    def profile(self, name: str | None) -> Profile:
        """Return a profile by name, None meaning the default one.

        Raises UnknownProfileError.
        """
        wanted = self.default_profile if name is None else name
        if wanted not in self.profiles:
            raise UnknownProfileError(wanted, tuple(self.profiles))
        return self.profiles[wanted]


def parse_manifest(data: object, *, origin: str) -> Manifest:
    """Turn plain data into a manifest, `{python}` and `{code}` filled in.

    `{python}` (as a program) is this interpreter, `{code}` (in values of env.set) the
    folder that `kimi_swarm` is imported from. Raises ManifestError.
    """
    places = {"{python}": sys.executable, "{code}": str(code_folder())}
    try:
        return Manifest.model_validate(_filled(data, places))
    except ValidationError as error:
        raise ManifestError(origin, problems_in(error, Manifest)) from None


@cache
def load_manifest() -> Manifest:
    """Read the package's own manifest, once per process.

    Raises ManifestError, PlanFileError, BundleMissingError.
    """
    path = bundle_root() / "manifest.yaml"
    return parse_manifest(read_yaml(path), origin=str(path))


def config_home() -> Path:
    """Return the folder of the user's own profiles and strategies; it may not exist."""
    if given := os.environ.get("XDG_CONFIG_HOME"):
        return Path(given) / "kimi-swarm"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "kimi-swarm"
    return Path.home() / ".config" / "kimi-swarm"


def _filled(data: object, places: dict[str, str]) -> object:
    match data:
        case dict():
            return {key: _filled(value, places) for key, value in data.items()}
        case list():
            return [_filled(value, places) for value in data]
        case str():
            return places.get(data, data)
        case _:
            return data
