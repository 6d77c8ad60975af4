"""Why a session ended before its worker could work."""

from __future__ import annotations

from kimi_swarm.errors import SwarmError
from kimi_swarm.process.records import ExitRecord


class StoppedError(SwarmError):
    """Raised inside a tender when its session was told to stop before it could work."""

    code = "stopped"


class SetupFailedError(SwarmError):
    """Raised when a workspace's setup line failed; the worker was not started."""

    code = "setup_failed"
    exit_code = 1

    def __init__(self, line: str, record: ExitRecord | None) -> None:
        how = "without a record" if record is None else f"with {record.exit_code}"
        super().__init__(
            f"Setting up its workspace ended {how}: {line}",
            remedy="Read the setup's output at the end of its log.",
        )
