"""Telling a client that waits how far a run has come."""

from __future__ import annotations

from typing import Any

import anyio
from mcp.server import ServerRequestContext

from kimi_swarm.actions.list import list_run
from kimi_swarm.calls.asked import Call
from kimi_swarm.calls.perform import in_thread
from kimi_swarm.core.names import is_session
from kimi_swarm.errors import SwarmError
from kimi_swarm.telling.words import counts_of

LOOK_EVERY_S = 1.0


async def tell_progress(
    home: str, call: Call, ctx: ServerRequestContext[Any, Any]
) -> None:
    """Tell a client that asked for it how many tasks are done, until cancelled.

    The number only grows, as the protocol wants it, though a task that is tried again
    is no longer done.
    """
    run = str(getattr(call, "run", None) or getattr(call, "id", None) or "")
    if not _wants_progress(ctx) or not run or is_session(run):
        return
    most = -1
    while True:
        try:
            row = (await in_thread(lambda: list_run(home, run))).run
        except SwarmError:
            return  # the call itself says what is wrong
        if row.done > most:
            most = row.done
            message = f"{run}: {counts_of(row)}"
            await ctx.session.report_progress(most, row.total, message)
        await anyio.sleep(LOOK_EVERY_S)


def _wants_progress(ctx: ServerRequestContext[Any, Any]) -> bool:
    return bool(ctx.meta and ctx.meta.get("progress_token") is not None)
