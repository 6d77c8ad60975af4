"""Which pools a request draws on: by where it goes and which model it asks for. Pure.

A pool that nobody wrote is one provider's: it has the name of its host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from kimi_swarm.core.pool import PoolLimits
from kimi_swarm.core.window import Measure, Window


@dataclass(frozen=True, slots=True)
class PoolRule:
    """A pool that somebody wrote: what draws on it, and what it bears.

    `url` is a host, perhaps with a port and the beginning of a path, "" for any;
    `models` are patterns as for file names, none for all. Starts of sessions that draw
    on it are `start_spacing_s` apart.
    """

    name: str
    limits: PoolLimits
    url: str = ""
    models: tuple[str, ...] = ()
    start_spacing_s: float = 0.0

    def covers(self, url: str, model: str) -> bool:
        """Whether a request to a base URL for a model draws on it."""
        return self._is_at(place_of(url)) and (
            not self.models
            or any(fnmatchcase(model.lower(), one.lower()) for one in self.models)
        )

    def _is_at(self, place: str) -> bool:
        wanted = place_of(self.url)
        if not wanted:
            return True
        host, _, path = place.partition("/")
        wanted_host, _, wanted_path = wanted.partition("/")
        hosts = {host, host.rpartition(":")[0] or host}
        is_host = any(fnmatchcase(one, wanted_host) for one in hosts)
        return is_host and (not wanted_path or f"{path}/".startswith(f"{wanted_path}/"))


def place_of(url: str) -> str:
    """Return the host, port and path of a URL, without a slash at its end."""
    parts = urlsplit(url if "//" in url else f"//{url}")
    return (parts.netloc.rpartition("@")[2].lower() + parts.path).rstrip("/")


def host_of(url: str) -> str:
    """Return the host and port of a URL."""
    return place_of(url).partition("/")[0]


def pools_of(
    rules: Iterable[PoolRule], url: str, model: str, *, otherwise: str
) -> tuple[str, ...]:
    """Return the pools that a request draws on: all that cover it, else that one."""
    found = tuple(rule.name for rule in rules if rule.covers(url, model))
    return found or ((otherwise,) if otherwise else ())


def rule_to_data(rule: PoolRule) -> dict[str, Any]:
    """Turn a rule into plain data that JSON can hold."""
    return {
        "name": rule.name,
        "limits": limits_to_data(rule.limits),
        "url": rule.url,
        "models": list(rule.models),
        "start_spacing_s": rule.start_spacing_s,
    }


def rule_from_data(data: Mapping[str, Any]) -> PoolRule:
    """Rebuild a rule; raises KeyError, TypeError or ValueError on foreign data."""
    return PoolRule(
        data["name"],
        limits_from_data(data["limits"]),
        data["url"],
        tuple(data["models"]),
        data["start_spacing_s"],
    )


def limits_to_data(limits: PoolLimits) -> dict[str, Any]:
    """Turn a pool's limits into plain data that JSON can hold."""
    return asdict(limits)


def limits_from_data(data: Mapping[str, Any]) -> PoolLimits:
    """Rebuild a pool's limits; raises KeyError, TypeError or ValueError on others."""
    windows = tuple(
        Window(**{**one, "measure": Measure(one["measure"])}) for one in data["windows"]
    )
    return PoolLimits(**{**data, "windows": windows})
