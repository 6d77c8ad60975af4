"""What an `error` event of Kilo or OpenCode means for the task."""

from __future__ import annotations

from kimi_swarm.core.output import FailureClass, FailureTold
from kimi_swarm.workers.fields import status_in, text_in
from kimi_swarm.workers.word_fault import told_in_words

_BY_NAME = {
    "ProviderAuthError": FailureClass.NOT_CONFIGURED,
    "ProviderModelNotFoundError": FailureClass.UNKNOWN_MODEL,
    "ModelNotFoundError": FailureClass.UNKNOWN_MODEL,
    "ProviderInitError": FailureClass.NOT_CONFIGURED,
    "ConfigInvalidError": FailureClass.NOT_CONFIGURED,
    "MessageOutputLengthError": FailureClass.BAD_REQUEST,
    "ContextOverflowError": FailureClass.BAD_REQUEST,
}
# Said for lack of a better word; a later event says what it was.
_VAGUE = "Unexpected server error"


def failure_of(told: object) -> FailureTold:
    """Return the failure that the event's `error` tells, an object or a sentence."""
    match told:
        case str(sentence):
            return _without_status(sentence)
        case {"data": dict(data), **named}:
            name = text_in(named.get("name"))
            message = text_in(data.get("message")) or name
            return _failure(name, message, data)
        case {"message": str(message), **named}:
            return _failure(text_in(named.get("name")), message, {})
        case {"name": str(name)}:
            return _failure(name, name, {})
        case _:
            return told_in_words("")


def _failure(name: str, message: str, data: dict[str, object]) -> FailureTold:
    status = status_in(data.get("statusCode"))
    if status is not None:
        return told_in_words(message, status)
    by_words = _without_status(message)
    if (by_name := _BY_NAME.get(name)) is not None:
        return by_words._replace(failure=by_name)
    if by_words.failure is FailureClass.OTHER and data.get("isRetryable") is True:
        return by_words._replace(failure=FailureClass.PROVIDER)
    return by_words


def _without_status(message: str) -> FailureTold:
    told = told_in_words(message)
    if message.startswith(_VAGUE):
        return told._replace(failure=FailureClass.OTHER)
    return told
