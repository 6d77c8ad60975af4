"""What a session's tender needs of the supervisor that it works for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from kimi_swarm.core.session import Ended, Move
from kimi_swarm.process.launch import Zygote
from kimi_swarm.process.ports import PortPool
from kimi_swarm.store.database import Connection
from kimi_swarm.store.moves import Findings
from kimi_swarm.store.views import SessionRow
from kimi_swarm.supervisor.gatekeeper import Gatekeeper
from kimi_swarm.supervisor.ground import Ground
from kimi_swarm.supervisor.judged import Judged
from kimi_swarm.supervisor.warmup import WarmUps


class Desk(Protocol):
    """What a tender needs of its supervisor."""

    home: str
    connection: Connection
    zygote: Zygote
    ports: PortPool
    warm_ups: WarmUps
    gatekeeper: Gatekeeper
    ground: Ground

    def move(
        self, session: SessionRow, move: Move, findings: Findings | None = None
    ) -> SessionRow:
        """Write a session's next state."""
        ...

    def finish(self, session: SessionRow, ended: Ended, judged: Judged) -> None:
        """Write a session's end, and queue another try if there should be one."""
        ...

    def environment_of(self, run: str) -> Mapping[str, str]:
        """Return the environment from which a run's workers may take values."""
        ...

    def note_question(self, session: str, question: str | None) -> None:
        """Write down what a worker waits to be answered, None when it was."""
        ...

    def forget(self, session: str) -> None:
        """Note that a session's tender has ended."""
        ...
