"""What is answered about runs and sessions, as models: the published JSON objects.

Moments are ISO 8601 in UTC. Fields may be added; those that are here stay.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["queued", "starting", "running", "stopping", "done"]
Known = Literal["measured", "told", "estimated", "unknown"]
COMPLETION = "The id of an end, to drop what is told twice."
Outcome = Literal["succeeded", "failed", "cancelled", "timed_out", "lost"]


Owner = Annotated[str | None, Field(description="The asker that the run belongs to.")]


class Told(BaseModel):
    """A part of an answer: frozen; what it does not know is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class ErrorTold(Told):
    """What was wrong, and what helps."""

    code: Annotated[str, Field(description="Short and stable.")]
    message: Annotated[str, Field(description="One sentence.")]
    remedy: Annotated[str, Field(description="What to do; empty if nobody knows.")]


class UsageTold(Told):
    """What a session spent, each figure with how it is known; null is unknown."""

    requests: int | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    requests_from: Known | None = None
    tokens_from: Known | None = None
    cost_from: Known | None = None
    model: str | None = None


class AmountTold(Told):
    """Tokens and US dollars that are known in one way."""

    tokens: int
    cost_usd: float


class UnknownTold(Told):
    """Of how many sessions more was used than is said."""

    requests: int
    tokens: int
    cost_usd: int


class TotalsTold(Told):
    """What sessions used together; cost is null where none of it is known."""

    sessions: int
    outcomes: Annotated[
        dict[str, int], Field(description="Sessions by outcome; live are at work.")
    ]
    requests: int
    input_tokens: Annotated[int, Field(description="The cached ones included.")]
    cached_tokens: int
    output_tokens: Annotated[int, Field(description="Those of reasoning left out.")]
    reasoning_tokens: int
    cost_usd: float | None
    cost_per_success_usd: float | None
    measured: AmountTold
    told: AmountTold
    estimated: AmountTold
    unknown: UnknownTold
    retries: int
    held_s: float


class FileTold(Told):
    """A file that a session changed; `status` is git's letter."""

    path: str
    status: str


class CheckTold(Told):
    """The check that was run on a session's work."""

    command: str
    exit_code: int | None = None


class ResultTold(Told):
    """How a session's result was come by; its value is in the report."""

    state: Literal["valid", "degraded", "bad"]
    repairs: int
    why: str | None = None
    problems: tuple[str, ...] = ()
    answer: str | None = None


class RetryTold(Told):
    """The next try of a session's task; `counts` is false if this one was none."""

    session: str
    delay_s: float
    resumes: bool
    counts: bool = True


class SessionTold(Told):
    """One life of one worker on one task."""

    id: Annotated[str, Field(description="Such as calm-river/header.")]
    run: str
    task: str
    attempt: Annotated[int, Field(description="Which session of its task; from 1.")]
    profile: str
    state: State
    outcome: Annotated[Outcome | None, Field(description="Null until it is done.")]
    reason: Annotated[str | None, Field(description="Why it ended so, in a word.")]
    asking: Annotated[str | None, Field(description="A question that waits for you.")]
    follows: Annotated[str | None, Field(description="The session it goes on from.")]
    message: Annotated[str | None, Field(description="Why it ended so: a sentence.")]
    remedy: str | None
    exit_code: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    tries: Annotated[int, Field(description="Which try this is since somebody asked.")]
    ready_at: Annotated[datetime | None, Field(description="Not started before then.")]
    usage: Annotated[
        UsageTold | None,
        Field(description="Null where no worker started, and until it is over."),
    ]
    workspace: Annotated[str | None, Field(description="The folder it works in.")]
    branch: str | None
    base: Annotated[str | None, Field(description="The commit it began from.")]
    head: Annotated[str | None, Field(description="The commit that holds its work.")]
    summary: Annotated[str | None, Field(description="The worker's last words: data.")]
    conversation: Annotated[str | None, Field(description="The worker's own id.")] = (
        None
    )
    retryable: bool | None = None
    tool_calls: int | None = None
    retries: Annotated[int | None, Field(description="Of its own requests.")] = None
    commits: int | None = None
    files_total: int | None = None
    files: tuple[FileTold, ...] = ()
    cpu_s: float | None = None
    max_rss_bytes: int | None = None
    swept: Annotated[int | None, Field(description="Processes ended after it.")] = None
    check: CheckTold | None = None
    result: ResultTold | None = None
    retry: RetryTold | None = None

    @property
    def is_success(self) -> bool:
        """Whether nobody has to look: it succeeded, or was not needed in the end."""
        return self.outcome == "succeeded" or self.reason == "not_needed"


class RunTold(Told):
    """One execution of a plan."""

    run: Annotated[str, Field(description="Its id, such as calm-river.")]
    name: str
    state: Literal["running", "done"]
    counts: Annotated[
        dict[str, int], Field(description="Tasks by outcome, or by state until then.")
    ]
    repo: str | None
    base: str | None
    created_at: datetime
    ended_at: datetime | None
    paused_at: datetime | None
    held: Annotated[
        str | None,
        Field(description="The budget or pool that keeps it from starting more."),
    ]
    warned: Annotated[
        str | None,
        Field(description="Budgets that are used up, or nearly: how they stand."),
    ]
    owner: Annotated[str | None, Field(description="The asker it belongs to.")]
    size_bytes: int | None = None
    usage: TotalsTold | None = None


class NoticeTold(Told):
    """Whom a host is to tell of a run's end, and how far that is."""

    session_key: str
    state: str
    completion: Annotated[str | None, Field(description=COMPLETION)]
    tries: int
    due_at: datetime | None
    trouble: str | None


class RunWithSessionsTold(RunTold):
    """A run with its sessions in plan order, and who is told of its end."""

    sessions: tuple[SessionTold, ...]
    notices: tuple[NoticeTold, ...] = ()


class EventTold(Told):
    """One fact of a run's diary; some events have fields of their own."""

    model_config = ConfigDict(extra="allow")

    seq: Annotated[int, Field(description="Grows with each event of the state folder.")]
    completion: Annotated[str | None, Field(description=COMPLETION)]
    session: str | None
    event: str
    at: datetime

    @property
    def more(self) -> dict[str, Any]:
        """The fields that this kind of event has of its own."""
        return self.model_extra or {}


class RunsTold(Told):
    """Runs: those that run first, then the newest."""

    runs: tuple[RunTold, ...]


class RunNewsTold(RunTold):
    """What happened in a run since this asker last asked."""

    events: tuple[EventTold, ...]


class SessionNewsTold(SessionTold):
    """What a worker wrote since this asker last asked."""

    lines: tuple[str, ...]


class LogTold(SessionTold):
    """Lines of a log; `first` and `total` are null where only its end was read."""

    lines: tuple[str, ...]
    first: int | None
    total: int | None


class WaitedTold(RunWithSessionsTold):
    """How a run stood when the wait ended."""

    ended: Annotated[str | None, Field(description="With any: the session that ended.")]
    timed_out: bool
    completion: Annotated[str | None, Field(description=COMPLETION)]

    @property
    def is_success(self) -> bool:
        """Whether the run is over, and nobody has to look at a task of it."""
        is_over = not self.timed_out
        return is_over and all(each.is_success for each in self.sessions)


class KilledTold(Told):
    """The sessions that were told to end, as they stand now."""

    sessions: tuple[SessionTold, ...]


class CompletionTold(RunTold):
    """A run that ended, or is stuck, as it stands now."""

    completion: Annotated[str, Field(description=COMPLETION)]
    event: Annotated[
        Literal["run_ended", "run_stuck"],
        Field(description="Stuck: a budget holds it, and nothing of it works."),
    ]
    completed_at: datetime


class InboxTold(Told):
    """Which ends of runs the asker was not told of, oldest first."""

    completions: tuple[CompletionTold, ...]
    has_more: bool
