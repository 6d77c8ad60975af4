"""What the package brings and the user's folder adds: manifest, profiles, limits."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from kimi_swarm.bundle import bundle_root, code_folder
from kimi_swarm.core.budget_terms import StandingBudgets
from kimi_swarm.core.notices import SESSION_KEY, TEXT
from kimi_swarm.core.pool_rule import PoolRule
from kimi_swarm.core.pool_written import PoolEntry
from kimi_swarm.core.price_list import PriceLine
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
from kimi_swarm.location import config_home
from kimi_swarm.strict_yaml import load_yaml, read_text, read_yaml
from kimi_swarm.trust import trusted_project
from kimi_swarm.workers.profile import Profile

__all__ = [
    "Known",
    "Manifest",
    "ManifestError",
    "StandardLimits",
    "UnknownProfileError",
    "bundle_root",
    "known_at",
    "load_manifest",
    "parse_manifest",
]


ACTIONS_MARK = "# === Actions."
"""What follows in manifest.yaml is for readers: the code has it from its own models."""


class ManifestError(SwarmError):
    """Raised when manifest.yaml does not say what it must."""

    code = "manifest"

    def __init__(
        self,
        origin: str,
        problems: list[Problem],
        *,
        remedy: str = "Correct the file, or install kimi-swarm again.",
    ) -> None:
        super().__init__(one_sentence(origin, problems), remedy=remedy)


_CORRECT_OWN = "Correct the file; docs/limits.md shows pools and budgets."
_CORRECT_PROFILE = "Correct the file; docs/profiles.md shows what a profile says."


class UnknownProfileError(SwarmError):
    """Raised when no profile has the name that was asked for."""

    code = "unknown_profile"

    def __init__(
        self, name: str, known: tuple[str, ...], *, notes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(
            f"There is no profile {quoted(name)}{closest(name, known) or '.'}",
            remedy=" ".join([*notes, f"Profiles are: {', '.join(known)}."]),
        )


class StandardLimits(Written):
    """What a run keeps to when its plan does not say: workers at once, seconds.

    Nothing is begun on a disk with less room than `min_free_mib`.
    After a fault that may pass, a task is tried `retries` times more.
    """

    concurrency: Annotated[int, Field(ge=1, le=1000)] = 5
    spacing_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    timeout_s: Annotated[float, Field(gt=0, le=604_800)] = 1800.0
    min_free_mib: Annotated[int, Field(ge=0, le=1 << 30)] = 500
    retries: Annotated[int, Field(ge=0, le=20)] = 2
    retry_delay_s: Annotated[float, Field(ge=0, le=3600)] = 5.0


class Notify(Written):
    """How a host is told that a run ended: one call of its own program.

    `argv` has places for `{text}` and `{session_key}`. Of the asker's environment the
    values of `keep` are stored, so they must be no secrets; those of `pass` are not.
    """

    program: Line
    argv: Annotated[tuple[Line, ...], Field(strict=False, min_length=1)]
    keep: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    passed: Annotated[tuple[Line, ...], Field(strict=False, alias="pass")] = ()
    limit_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    install: Line | None = None

    @model_validator(mode="after")
    def _says_what_to_whom(self) -> Notify:
        words = " ".join(self.argv)
        for place in (TEXT, SESSION_KEY):
            if place not in words:
                raise ValueError(f"argv: {place} is missing")
        return self


PoolName = Annotated[Line, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def _named(profiles: object) -> object:
    if not isinstance(profiles, dict):
        return profiles
    return {
        name: {"name": name, **fields} if isinstance(fields, dict) else fields
        for name, fields in profiles.items()
    }


class Manifest(Written):
    """The package's own data: identity, profiles by name, limits, prices."""

    name: Line
    version: Line
    summary: Line
    preferred: Annotated[tuple[Line, ...], Field(strict=False, min_length=1)]
    profiles: Annotated[dict[str, Profile], BeforeValidator(_named)]
    limits: StandardLimits = StandardLimits()
    budgets: StandingBudgets = StandingBudgets()
    prices: Annotated[tuple[PriceLine, ...], Field(strict=False)] = ()
    pools: dict[PoolName, PoolEntry] = Field(default_factory=dict)
    notify: Notify | None = None

    @model_validator(mode="after")
    def _preferred_exist(self) -> Manifest:
        for name in self.preferred:
            if name not in self.profiles:
                raise ValueError(f"preferred: {name} is no profile")
        return self

    def profile(self, name: str) -> Profile:
        """Return a profile by name. Raises UnknownProfileError."""
        if name not in self.profiles:
            raise UnknownProfileError(name, tuple(self.profiles))
        return self.profiles[name]

    def pool_rules(self) -> tuple[PoolRule, ...]:
        """Return the pools as the machine keeps them."""
        return tuple(entry.rule(name) for name, entry in self.pools.items())


def parse_manifest(data: object, *, origin: str) -> Manifest:
    """Turn plain data into a manifest, `{python}` and `{code}` filled in.

    `{python}` (as a program) is this interpreter, `{code}` (in values of env.set) the
    folder that `kimi_swarm` is imported from. Raises ManifestError.
    """
    try:
        return Manifest.model_validate(_filled(data, _places()))
    except ValidationError as error:
        raise ManifestError(origin, problems_in(error, Manifest)) from None


@cache
def load_manifest() -> Manifest:
    """Read the package's own manifest, once per process.

    Raises ManifestError, PlanFileError, BundleMissingError.
    """
    path = bundle_root() / "manifest.yaml"
    text, _, _ = read_text(path).partition(ACTIONS_MARK)
    return parse_manifest(load_yaml(text, origin=str(path)), origin=str(path))


class OwnConfig(Written):
    """The user's own `config.yaml`: what wins over the package's manifest."""

    preferred: Annotated[tuple[Line, ...], Field(strict=False, min_length=1)] | None = (
        None
    )
    limits: StandardLimits | None = None
    pools: dict[PoolName, PoolEntry] | None = None
    budgets: StandingBudgets | None = None
    notify: Notify | None = None


class Known(NamedTuple):
    """What is known at a place: the manifest with the profiles added there.

    `notes` are for people: what of the project's own was left out, and why.
    """

    manifest: Manifest
    notes: tuple[str, ...] = ()

    def profile(self, name: str) -> Profile:
        """Return a profile by name. Raises UnknownProfileError, with the notes."""
        profiles = self.manifest.profiles
        if name not in profiles:
            raise UnknownProfileError(name, tuple(profiles), notes=self.notes)
        return profiles[name]


def known_at(folder: Path | None) -> Known:
    """Return the manifest with the user's and the (trusted) project's own profiles.

    Without a folder there is no project.
    The user's `config.yaml` may order the workers (`preferred`), set `limits` and
    `budgets`, name another host to `notify`, and say what `pools` bear: one that the
    package knows is replaced whole.

    A profile is one YAML file named for it, in `profiles/` of the user's config folder
    or of the project's `.kimi-swarm/`. The project's win over the user's, and both over
    the package's. Raises ManifestError, PlanFileError.
    """
    manifest = load_manifest()
    profiles = {**manifest.profiles, **_profiles_in(Path(config_home()))}
    project, notes = (None, ()) if folder is None else trusted_project(folder)
    if project is not None:
        profiles |= _profiles_in(project)
    changed: dict[str, object] = {"profiles": profiles, **_own_config(profiles)}
    if isinstance(own := changed.get("pools"), dict):
        changed["pools"] = {**manifest.pools, **own}
    known = manifest.model_copy(update=changed)
    _require_pools(known)
    return Known(known, notes)


def _require_pools(known: Manifest) -> None:
    """Refuse budgets of pools that there are not. Raises ManifestError.

    A pool that nobody wrote has the name of its host, which has a dot or a port.
    """
    for name in known.budgets.pools:
        is_host = "." in name or ":" in name or name == "localhost"
        if name not in known.pools and not is_host:
            what = f"no such pool{closest(name, known.pools) or '.'}".rstrip(".")
            problem = Problem(f"budgets.pools.{name}", what)
            raise ManifestError(str(_own_path()), [problem], remedy=_CORRECT_OWN)


def _own_config(profiles: Mapping[str, Profile]) -> dict[str, object]:
    """Read what the user's own configuration changes. Raises ManifestError."""
    path = _own_path()
    if not path.is_file():
        return {}
    try:
        own = OwnConfig.model_validate(read_yaml(path))
    except ValidationError as error:
        problems = problems_in(error, OwnConfig)
        raise ManifestError(str(path), problems, remedy=_CORRECT_OWN) from None
    for name in own.preferred or ():
        if name not in profiles:
            problem = Problem("preferred", f"no profile {name}")
            raise ManifestError(str(path), [problem], remedy=_CORRECT_OWN)
    return {name: value for name, value in own if value is not None}


def _own_path() -> Path:
    return Path(config_home()) / "config.yaml"


def _profiles_in(folder: Path) -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    for path in sorted((folder / "profiles").glob("*.yaml")):
        data = _filled(read_yaml(path), _places())
        fields = {"name": path.stem, **data} if isinstance(data, dict) else data
        try:
            found[path.stem] = Profile.model_validate(fields)
        except ValidationError as error:
            problems = problems_in(error, Profile)
            raise ManifestError(str(path), problems, remedy=_CORRECT_PROFILE) from None
    return found


def _places() -> dict[str, str]:
    return {"{python}": sys.executable, "{code}": str(code_folder())}


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
