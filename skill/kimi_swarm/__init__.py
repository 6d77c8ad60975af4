"""Many cheap coding agents at once, supervised, isolated and judged by evidence.

For Python: `from kimi_swarm import Swarm`; see docs/python.md. Importing this package
alone costs nothing: light verbs do it too.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from kimi_swarm.api.run import Run
    from kimi_swarm.api.session import Session
    from kimi_swarm.api.swarm import Swarm
    from kimi_swarm.core.plan import Plan
    from kimi_swarm.errors import SwarmError

__all__ = ["Plan", "Run", "Session", "Swarm", "SwarmError", "__version__"]
__version__ = "0.1.0"

_HOMES = {
    "Plan": "kimi_swarm.core.plan",
    "Run": "kimi_swarm.api.run",
    "Session": "kimi_swarm.api.session",
    "Swarm": "kimi_swarm.api.swarm",
    "SwarmError": "kimi_swarm.errors",
}


def __getattr__(name: str) -> object:
    """Import what is offered to users of the package when they ask for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 light verbs need none

    return getattr(import_module(_HOMES[name]), name)
