"""What the end of a session came to."""

from __future__ import annotations

from typing import NamedTuple

from kimi_swarm.core.evidence import Verdict
from kimi_swarm.core.retry import Attempt
from kimi_swarm.store.moves import Findings


class Judged(NamedTuple):
    """A verdict with what was found on the way; `attempt` if another try may follow."""

    verdict: Verdict
    findings: Findings
    exit_code: int | None = None
    attempt: Attempt | None = None
