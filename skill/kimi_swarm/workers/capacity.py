"""How many workers of a kind a machine carries at once."""

from __future__ import annotations

from kimi_swarm.core.machine_room import Weight
from kimi_swarm.workers.profile import Profile

_MIB = 1 << 20
_UNBOUNDED = 10_000


def capacity(profile: Profile, cpus: int, memory_bytes: int) -> int:
    """Return how many workers of this kind may run at once, 1 or more.

    `memory_bytes` is what they may use together. The lowest of what the cores carry,
    what the memory holds and `max_parallel` counts; of what a profile does not tell,
    there is no end.
    """
    room = profile.max_parallel_per
    bounds = [profile.max_parallel or _UNBOUNDED]
    if room.core is not None:
        bounds.append(int(cpus * room.core))
    if per_worker_mib := _memory_mib(profile):
        bounds.append(memory_bytes // (per_worker_mib * _MIB))
    return max(1, min(bounds))


def weight_of(profile: Profile) -> Weight:
    """Return what one worker of this kind takes of a machine, as far as it says."""
    per_core = profile.max_parallel_per.core
    return Weight(_memory_mib(profile), 0.0 if per_core is None else 1 / per_core)


def _memory_mib(profile: Profile) -> int:
    told = profile.max_parallel_per.memory_mib
    return told or (profile.start.memory_mib if profile.start else 0)
