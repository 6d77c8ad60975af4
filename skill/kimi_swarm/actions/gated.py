"""Whose requests go through the gateway, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kimi_swarm.core.task import Task
from kimi_swarm.lanes.gateway.ways import ways_of


async def gated_profiles(
    tasks: Sequence[Task], environ: Mapping[str, str]
) -> frozenset[str]:
    """Return the profiles of which every request goes through the gateway from here."""
    found = set()
    for recipe in {task.recipe.profile: task.recipe for task in tasks}.values():
        env = {name: environ[name] for name in recipe.env_pass if name in environ}
        if await ways_of(recipe.gateway, env | recipe.env_set) is not None:
            found.add(recipe.profile)
    return frozenset(found)
