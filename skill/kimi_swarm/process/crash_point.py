"""Named places at which kimi-swarm can be made to die, to see that nothing is lost.

KIMI_SWARM_CRASH_AT=NAME ends the process that comes to that point by SIGKILL, the first
time any process of the state folder does; NAME:3 the third time. It strikes once: times
are counted in the state folder, in `crash_point.NAME`, over all restarts. Who wants to
know whether their own set-up survives a crash can set it too, for commands that start a
supervisor: it takes the setting along, and so do its zygote and the shims.

Without the variable `reach` looks at one name, and does nothing. Light.
"""

from __future__ import annotations

import os

from kimi_swarm.errors import SwarmError
from kimi_swarm.location import state_home

VARIABLE = "KIMI_SWARM_CRASH_AT"
POINTS = (
    "spawn.before_written",
    "spawn.after_written",
    "spawn.before_ring",
    "supervisor.after_lock",
    "supervisor.in_takeover",
    "supervisor.before_chosen",
    "supervisor.after_chosen",
    "supervisor.after_workspace",
    "supervisor.before_launched",
    "supervisor.after_launched",
    "supervisor.before_request",
    "supervisor.after_request",
    "supervisor.after_answer",
    "supervisor.after_exit_record",
    "supervisor.after_commit",
    "supervisor.before_ended",
    "supervisor.after_ended",
    "zygote.before_fork",
    "zygote.after_fork",
    "shim.before_identity",
    "shim.after_identity",
    "shim.after_start",
    "shim.before_sweep",
    "shim.before_rename",
    "shim.after_rename",
    "asker.before_told",
    "herald.before_call",
    "herald.after_call",
)

_SETTING = os.environ.get(VARIABLE, "")
_IS_SET = _SETTING != ""


class UnknownCrashPointError(SwarmError):
    """Raised when the variable names no crash point; nobody was ended."""

    code = "unknown_crash_point"

    def __init__(self, setting: str) -> None:
        super().__init__(
            f"{VARIABLE} names no crash point: {setting!r}.",
            remedy=f"Unset it, or name one of: {', '.join(POINTS)}.",
        )


def reach(name: str) -> None:
    """End this process if that was wished for here; raises UnknownCrashPointError."""
    if _IS_SET:
        _reach(name)


def passed_on() -> dict[str, str]:
    """Return the variables that a process with few of its own needs to crash too."""
    return {VARIABLE: _SETTING, "KIMI_SWARM_HOME": state_home()} if _IS_SET else {}


def _reach(name: str) -> None:
    wanted, _, count = _SETTING.partition(":")
    if wanted not in POINTS or not (count or "1").isdecimal():
        raise UnknownCrashPointError(_SETTING)
    if name == wanted and _times_reached(name) == int(count or 1):
        import signal  # noqa: PLC0415 only once in a life: hot verbs import us

        os.kill(os.getpid(), signal.SIGKILL)


def _times_reached(name: str) -> int:
    """Count this time: what is appended stands alone, and its end is its number."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(f"{state_home()}/crash_point.{name}", flags, 0o600)
    try:
        os.write(descriptor, b".")
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    finally:
        os.close(descriptor)
