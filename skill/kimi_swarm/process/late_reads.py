"""Reads that are given up in the very moment in which data comes."""

from __future__ import annotations

# anyio has no word for what its event loop does with errors of nobody's.
import asyncio
from typing import Any


def pass_over_late_reads() -> None:
    """Let the loop that runs say nothing of a read that was cancelled as data came.

    anyio waits for a Unix socket by a future, and the loop sets that also if it was
    cancelled a moment before. Nobody waits any more, so nothing is lost by it; all
    other errors are told as ever.
    """
    asyncio.get_running_loop().set_exception_handler(_told)


def _told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)
