"""trust: let a project's own profiles and strategies be used, as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kimi_swarm.trust import NothingToTrustError, project_folder, trust


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a person trusts from now on: a folder, its files, and its fingerprint."""

    folder: str
    files: tuple[str, ...]
    fingerprint: str


def trust_project(place: Path) -> Trusted:
    """Trust the project's `.kimi-swarm/` folder; raises NothingToTrustError."""
    folder = project_folder(place)
    if folder is None:
        raise NothingToTrustError(place)
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = tuple(str(path.relative_to(folder)) for path in files)
    return Trusted(str(folder), names, trust(folder))
