"""How much of a machine a Linux control group leaves to its processes.

A container, a service or a job of a cluster may have much less than there is. Only
files are read; where there are none, nothing bounds us.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

SYSTEM = Path("/")
_GROUPS = "proc/self/cgroup"
_MOUNT = "sys/fs/cgroup"


def memory_limit_bytes(system: Path = SYSTEM) -> int | None:
    """Return the lowest limit of memory of our groups, None if there is none."""
    names = (("memory.max", ""), ("memory.limit_in_bytes", "memory"))
    found = [
        int(text)
        for name, controller in names
        for folder in _folders(system, controller)
        if (text := _text(folder / name)).isdecimal()
    ]
    return min(found, default=None)


def cpu_limit(system: Path = SYSTEM) -> float | None:
    """Return how many cores our groups may use at most, None if there is no limit."""
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    found = [_text(folder / "cpu.max").split() for folder in _folders(system, "")]
    found += [
        [_text(folder / name) for name in names] for folder in _folders(system, "cpu")
    ]
    shares = [
        int(quota) / int(period)
        for quota, period in (words for words in found if len(words) == 2)  # noqa: PLR2004 a quota and its period
        if quota.isdecimal() and period.isdecimal() and int(period)
    ]
    return min(shares, default=None)


def _folders(system: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of our group and of those around it.

    `controller` names one of the first version, "" is the second. In a container the
    group may be named as the host sees it, and stand at the root of what is seen here.
    """
    for line in _text(system / _GROUPS).splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if controller not in names.split(","):
            continue
        group = PurePosixPath("/", path)
        for each in (group, *group.parents):
            yield system / _MOUNT / controller / each.relative_to("/")


def _text(path: Path) -> str:
    with suppress(OSError, ValueError):
        return path.read_text("ascii").strip()
    return ""
