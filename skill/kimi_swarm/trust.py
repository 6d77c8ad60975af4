"""A project's own profiles and strategies are code: used once a person trusts them.

What is trusted is the content: one changed byte, and it is asked for again.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from kimi_swarm.errors import SwarmError
from kimi_swarm.location import config_home

FOLDER = ".kimi-swarm"
LIMIT_BYTES = 10_000_000


class NothingToTrustError(SwarmError):
    """Raised when a project has nothing of its own to trust."""

    code = "nothing_to_trust"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"There is no {FOLDER}/ folder at {folder} or above it.",
            remedy=f"Put profiles into {FOLDER}/profiles/NAME.yaml, strategies into "
            f"{FOLDER}/strategies/NAME.yaml.j2.",
        )


class LinkInProjectError(SwarmError):
    """Raised when a folder cannot be trusted, as what it leads to may change unseen."""

    code = "link_in_project"

    def __init__(self, link: Path) -> None:
        super().__init__(
            f"{link} is a link: what it leads to could change unseen.",
            remedy="Put the file itself in its place.",
        )


def project_folder(folder: Path) -> Path | None:
    """Return the project's `.kimi-swarm/`: here or above, not beyond its repository."""
    for place in (folder.absolute(), *folder.absolute().parents):
        if (place / FOLDER).is_dir():
            return place / FOLDER
        if (place / ".git").exists():
            return None
    return None


def fingerprint(folder: Path) -> str:
    """Return a hash of every file's name and content.

    Raises LinkInProjectError, and SwarmError if it is too big.
    """
    total = sha256()
    room = LIMIT_BYTES
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise LinkInProjectError(path)
        if not path.is_file():
            continue
        content = path.read_bytes()
        room -= len(content)
        if room < 0:
            raise SwarmError(
                f"{folder} is larger than {LIMIT_BYTES // 1_000_000} MB; "
                "it cannot be trusted as a whole."
            )
        name = str(path.relative_to(folder)).encode(errors="surrogateescape")
        total.update(sha256(name).digest() + sha256(content).digest())
    return total.hexdigest()


def is_trusted(folder: Path) -> bool:
    """Whether exactly this content of a folder was trusted."""
    known = _trusted().get(str(folder))
    try:
        return known is not None and known == fingerprint(folder)
    except SwarmError:  # it has become what `trust` would refuse
        return False


def trusted_project(folder: Path) -> tuple[Path | None, tuple[str, ...]]:
    """Return the project's folder if it may be used, and notes on what was left out."""
    project = project_folder(folder)
    if project is None or is_trusted(project):
        return project, ()
    told = "is not trusted and was left out: read it, then run `trust`."
    return None, (f"{project} {told}",)


def trust(folder: Path) -> str:
    """Remember that a person trusts a folder as it is now; return its fingerprint."""
    found = fingerprint(folder)
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps({**_trusted(), str(folder): found}, indent=1), "utf-8")
    aside.replace(path)
    return found


def _file() -> Path:
    return Path(config_home()) / "trusted.json"


def _trusted() -> dict[str, str]:
    try:
        known = json.loads(_file().read_text("utf-8"))
    except (FileNotFoundError, ValueError):  # a spoilt file trusts nothing
        return {}
    return known if isinstance(known, dict) else {}
