"""What the actions answer that are not called often, as models."""

from __future__ import annotations

from typing import Literal

from kimi_swarm.actions.doctor import ProfileHealth
from kimi_swarm.actions.leftovers import Fixed, Found
from kimi_swarm.calls.told import Owner, Told, TotalsTold
from kimi_swarm.core.answers import Choice, TableFormat
from kimi_swarm.core.judging import Opinion
from kimi_swarm.core.merged import LikelyConflict, Merged
from kimi_swarm.core.parameter import Parameter
from kimi_swarm.core.report import TaskReport
from kimi_swarm.core.usage_sums import By


class StrategyTold(Told):
    """A strategy, what it takes, and where it comes from."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    resumes: bool
    origin: str
    path: str


class StrategiesTold(Told):
    """The strategies there are."""

    strategies: tuple[StrategyTold, ...]
    notes: tuple[str, ...]


class SentTold(Told):
    """The session that will answer, and which has to end before."""

    session: str
    waits_for: str | None
    is_typed: bool
    owner: Owner = None


class RetriedTold(Told):
    """What is done again, and what is left: done, or still at work."""

    run: str
    sessions: tuple[str, ...]
    kept: int
    still_live: int
    owner: Owner = None


class PausedTold(Told):
    """How a run stands after it was paused or resumed."""

    run: str
    is_paused: bool
    is_changed: bool
    at_work: int
    waiting: int
    held: str | None = None
    owner: Owner = None


class DiffTold(Told):
    """What a session changed, and how many secrets were taken out."""

    session: str
    diff: str
    redacted: int


class ClearedTold(Told):
    """What clearing a run removed, or would, and what it kept and where."""

    run: str
    removed: int
    kept: tuple[str, ...]
    freed_bytes: int


class OneClearedTold(ClearedTold):
    """The same, of the one run that was named."""

    dry_run: bool


class LeftTold(Told):
    """A run that was not cleared, and why."""

    run: str
    code: str
    message: str
    remedy: str
    short: str = ""


class TidiedTold(Told):
    """Which of several runs went, or would, and which were left."""

    dry_run: bool
    cleared: tuple[ClearedTold, ...]
    left: tuple[LeftTold, ...]
    freed_bytes: int


class ReportTold(Told):
    """What a run came to: failures first, then the rest in plan order."""

    run: str
    name: str
    state: Literal["running", "done"]
    wall_s: float | None
    counts: dict[str, int]
    tasks: tuple[TaskReport, ...]
    merged: Merged | None
    notes: tuple[str, ...]
    likely: tuple[LikelyConflict, ...]
    usage: TotalsTold
    owner: Owner = None
    held: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether every task succeeded and nothing was left out of a merge."""
        is_merged = self.merged is None or self.merged.is_whole
        return all(task.is_success for task in self.tasks) and is_merged


class VoteTold(Told):
    """Answers by how many tasks gave them, most first."""

    run: str
    choices: tuple[Choice, ...]
    silent: tuple[str, ...]
    winner: str | None
    is_majority: bool


class RulingTold(Told):
    """Which candidate is best, how that was found, and what the judges said."""

    run: str
    winner: str | None
    how: Literal["evidence", "judges", "tie", "none"]
    sentence: str
    out: dict[str, str]
    opinions: tuple[Opinion, ...]


class TableTold(Told):
    """One row per task, written as it was asked for."""

    run: str
    table: TableFormat
    text: str


class GroupTold(TotalsTold):
    """The same of one group, whose name stands behind what it was told apart by."""

    run: str | None = None
    profile: str | None = None
    model: str | None = None
    day: str | None = None


class PeriodBudgetTold(Told):
    """A budget of each day or month (`period`), of US dollars or tokens (`good`)."""

    period: Literal["day", "month"]
    good: Literal["usd", "tokens"]
    most: float
    spent: float
    days_left: float | None


class BurningTold(Told):
    """The means of `days` full days, and how long the budgets of all runs last."""

    days: int
    usd_per_day: float
    tokens_per_day: float
    budgets: tuple[PeriodBudgetTold, ...]


class StatsTold(TotalsTold):
    """What was used, of one run or of all; groups where it was asked for apart."""

    run: str | None
    by: By | None
    since: str | None
    burning: BurningTold | None = None
    groups: tuple[GroupTold, ...] = ()
    others: TotalsTold | None = None


class HealthTold(Told):
    """What a doctor saw."""

    release: str
    python: str
    system: str
    git: str | None
    home: str
    free_bytes: int
    memory_bytes: int
    cpus: int
    profiles: tuple[ProfileHealth, ...]
    problems: tuple[str, ...]
    next_command: str
    notes: tuple[str, ...]
    state_bytes: int
    biggest: tuple[tuple[str, int], ...]
    leftovers: tuple[Found, ...]


class FixesTold(Told):
    """What was mended, what is left to a person, and what resisted."""

    fixed: tuple[Fixed, ...]
    left: tuple[Found, ...]
    failed: tuple[Fixed, ...]
