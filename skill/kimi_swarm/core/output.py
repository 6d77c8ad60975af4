"""What a worker's output means: facts that a dialect reads out of raw lines.

Named tuples, not dataclasses: `log` reads dialects too, and importing dataclasses alone
costs two thirds of a bare interpreter start.
"""

from __future__ import annotations

from enum import StrEnum

from kimi_swarm.core.row import Row


class FailureClass(StrEnum):
    """Why a worker could not work, as far as its output tells."""

    AUTH = "auth"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    PROVIDER = "provider"
    BAD_REQUEST = "bad_request"
    UNKNOWN_MODEL = "unknown_model"
    NOT_CONFIGURED = "not_configured"
    BUDGET = "budget"
    OTHER = "other"


RETRYABLE = frozenset({FailureClass.RATE_LIMIT, FailureClass.PROVIDER})


class ConversationKnown(Row):
    """The worker told its own conversation id, by which it can be resumed."""

    id: str


class TextWritten(Row):
    """The worker said something to the person."""

    text: str


class ToolUsed(Row):
    """The worker called one of its tools; `summary` is short and for reading."""

    name: str
    summary: str


class QuestionAsked(Row):
    """The worker asked the person something, whether or not anybody could answer."""

    text: str


class UsageCounted(Row):
    """Tokens and money of one step, as the worker reported them (add them up).

    `requests` is to how many requests that came, `model` which one answered; None where
    it is not told.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    requests: int | None = None
    model: str | None = None


class RetryNoticed(Row):
    """The worker met a fault of its provider and tries again by itself."""

    failure: FailureClass
    message: str
    status: int | None = None


class FailureTold(Row):
    """The worker gave up and said why."""

    failure: FailureClass
    message: str
    status: int | None = None

    @property
    def is_retryable(self) -> bool:
        """Whether the same task may succeed later without any change."""
        return self.failure in RETRYABLE


class Finished(Row):
    """The worker ended its turn; `is_proper` is false if the reason says otherwise."""

    reason: str
    is_proper: bool = True


class LineIgnored(Row):
    """A line that this dialect does not know; kept for the reader of logs."""

    text: str


OutputEvent = (
    ConversationKnown
    | TextWritten
    | ToolUsed
    | QuestionAsked
    | UsageCounted
    | RetryNoticed
    | FailureTold
    | Finished
    | LineIgnored
)


class Transcript(Row):
    """Everything evidence needs to know of a worker's output, folded from events."""

    conversation: str | None = None
    last_text: str = ""
    tool_calls: int = 0
    usage: UsageCounted | None = None
    retries: int = 0
    failure: FailureTold | None = None
    finished: Finished | None = None
    question: str | None = None

    def after(  # noqa: PLR0911 one arm per kind of event
        self, event: OutputEvent
    ) -> Transcript:
        """Return the transcript with one more event taken in."""
        match event:
            case ConversationKnown(id=known):
                return self._replace(conversation=known)
            case TextWritten(text=text):
                return self._replace(last_text=text)
            case ToolUsed():
                return self._replace(tool_calls=self.tool_calls + 1)
            case QuestionAsked(text=text):
                return self._replace(question=text)
            case UsageCounted():
                return self._replace(usage=_sum(self.usage, event))
            case RetryNoticed():
                return self._replace(retries=self.retries + 1)
            case FailureTold():
                return self._replace(failure=event)
            case Finished():
                return self._replace(finished=event)
            case LineIgnored():
                return self


def joined(first: Transcript, later: Transcript) -> Transcript:
    """Fold a worker's later turn into what it said before, its costs added up."""
    usage = first.usage if later.usage is None else _sum(first.usage, later.usage)
    return later._replace(
        last_text=later.last_text or first.last_text,
        conversation=later.conversation or first.conversation,
        tool_calls=first.tool_calls + later.tool_calls,
        retries=first.retries + later.retries,
        usage=usage,
    )


def _sum(old: UsageCounted | None, new: UsageCounted) -> UsageCounted:
    if old is None:
        return new
    cost = None
    if old.cost_usd is not None or new.cost_usd is not None:
        cost = (old.cost_usd or 0.0) + (new.cost_usd or 0.0)
    requests = None
    if old.requests is not None or new.requests is not None:
        requests = (old.requests or 0) + (new.requests or 0)
    return UsageCounted(
        input_tokens=old.input_tokens + new.input_tokens,
        cached_tokens=old.cached_tokens + new.cached_tokens,
        output_tokens=old.output_tokens + new.output_tokens,
        reasoning_tokens=old.reasoning_tokens + new.reasoning_tokens,
        cost_usd=cost,
        requests=requests,
        model=new.model or old.model,
    )
