"""Who our commits are by: the user where git knows one, ourselves otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kimi_swarm.workspace.git import attempt

OUR_NAME = "kimi-swarm"
OUR_EMAIL = "kimi-swarm@localhost"


async def identity_env(
    cwd: Path, *, env: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the variables that name us wherever the user set no name or address.

    Workers that commit by themselves need them too.
    """
    done = await attempt(
        cwd,
        "config",
        "-z",
        "--get-regexp",
        r"^(user|author|committer)\.(name|email)$",
        env=env,
    )
    # Exit code 1 means that nothing matched. `-z` puts a line end after each key.
    known = {
        entry.partition(b"\n")[0].decode("utf-8", "replace").lower()
        for entry in done.stdout.split(b"\0")
        if entry.partition(b"\n")[2].strip()
    }
    ours: dict[str, str] = {}
    for role in ("author", "committer"):
        for part, own in (("name", OUR_NAME), ("email", OUR_EMAIL)):
            variable = f"GIT_{role}_{part}".upper()
            is_set = (
                bool(os.environ.get(variable))
                or f"{role}.{part}" in known
                or f"user.{part}" in known
                or (part == "email" and bool(os.environ.get("EMAIL")))
            )
            if not is_set:
                ours[variable] = own
    return ours
