"""Warm-ups: what must run alone once before many workers of a kind may start.

Some programs build a database at their first start, and two first starts at once break
each other. A warm-up is remembered per program and per state folder of that program.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import anyio

from kimi_swarm.core.task import Recipe
from kimi_swarm.location import warm_up_folder
from kimi_swarm.process.launch import Zygote, follow, open_alive
from kimi_swarm.process.locks import is_locked
from kimi_swarm.process.records import LaunchFiles, LaunchSpec, read_exit

GRACE_S = 2.0


class WarmUps:
    """Runs each warm-up once, however many sessions ask for it at a time."""

    def __init__(self, home: str, zygote: Zygote) -> None:
        self._home = home
        self._zygote = zygote
        self._turns: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    async def ensure(self, recipe: Recipe, env: Mapping[str, str]) -> None:
        """Return when the worker's warm-up has been done, now or before.

        A warm-up that fails is tried again by the next session: what is wrong is told
        best by the worker itself.
        """
        if not recipe.warm_up_argv:
            return
        folder = warm_up_folder(self._home, _key(recipe, env))
        async with self._turns[folder]:
            files = LaunchFiles(folder)
            if _is_done(files):
                return
            if is_locked(files.lock):
                # An earlier supervisor began it.
                await follow(files, open_alive(files))
                if _is_done(files):
                    return
            shutil.rmtree(folder, ignore_errors=True)
            spec = LaunchSpec(
                argv=list(recipe.warm_up_argv),
                cwd=str(Path(folder).parent),
                # It is nobody's in particular: no session's end may end it.
                env={k: v for k, v in env.items() if not k.startswith("KIMI_SWARM_")},
                stdin=None,
                merge_stderr=True,
                time_limit_s=recipe.warm_up_limit_s,
                grace_s=GRACE_S,
            )
            Path(folder).parent.mkdir(parents=True, exist_ok=True)
            await follow(files, await self._zygote.launch(files, spec))


def _is_done(files: LaunchFiles) -> bool:
    record = read_exit(files)
    return record is not None and record.exit_code == 0


def _key(recipe: Recipe, env: Mapping[str, str]) -> str:
    """Name a program together with the places where it keeps its state."""
    places = sorted(
        f"{name}={value}"
        for name, value in env.items()
        if name == "HOME" or name.endswith("_HOME")
    )
    whole = "\0".join((*recipe.warm_up_argv, *places))
    return f"{recipe.profile}-{sha256(whole.encode()).hexdigest()[:16]}"
