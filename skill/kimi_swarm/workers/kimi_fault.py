"""Kimi Code's own words for what went wrong, and what they mean for the task."""

from __future__ import annotations

import re

from kimi_swarm.core.output import FailureClass, FailureTold, RetryNoticed
from kimi_swarm.core.quota_words import tells_of_quota
from kimi_swarm.workers.fields import status_in, text_in
from kimi_swarm.workers.plain import clip
from kimi_swarm.workers.provider_fault import class_of, without_folders

_REFUSED = "error: "
_FAILED = "error: failed to run prompt: "
_CODE = re.compile(r"([a-z]+\.[a-z_]+): ?")
_STATUS = re.compile(r"([45]\d\d)\b ?")
_BY_CODE = {
    "provider.auth_error": FailureClass.AUTH,
    "provider.rate_limit": FailureClass.RATE_LIMIT,
    "provider.filtered": FailureClass.BAD_REQUEST,
    "provider.not_found": FailureClass.NOT_CONFIGURED,
    "auth.login_required": FailureClass.NOT_CONFIGURED,
    "auth.provisioning_required": FailureClass.NOT_CONFIGURED,
    "auth.model_not_resolved": FailureClass.NOT_CONFIGURED,
    "auth.token_missing": FailureClass.NOT_CONFIGURED,
    "auth.token_unauthorized": FailureClass.AUTH,
    "model.not_found": FailureClass.UNKNOWN_MODEL,
    "model.not_configured": FailureClass.NOT_CONFIGURED,
    "model.config_invalid": FailureClass.NOT_CONFIGURED,
    "config.invalid": FailureClass.NOT_CONFIGURED,
    "context.overflow": FailureClass.BAD_REQUEST,
}
_BY_START = (
    ('Model "', FailureClass.UNKNOWN_MODEL),  # … is not configured in config.toml
    ("No model configured", FailureClass.NOT_CONFIGURED),
    ("Provider safety policy", FailureClass.BAD_REQUEST),
)
_BY_ERROR_NAME = {
    "APIProviderRateLimitError": FailureClass.RATE_LIMIT,
    "APIProviderQuotaExhaustedError": FailureClass.QUOTA,
    "APIContextOverflowError": FailureClass.BAD_REQUEST,
    "APIRequestTooLargeError": FailureClass.BAD_REQUEST,
}


def prompt_failure(line: str) -> FailureTold | None:
    """Return the failure if the line has the form in which a started run reports it.

    Words may stand before it: a shell command's echo that no newline ended.
    """
    _, has_failed, text = line.partition(_FAILED)
    if not has_failed:
        return None
    code = ""
    if coded := _CODE.match(text):
        code, text = coded[1], text[coded.end() :]
    status = None
    if code and (numbered := _STATUS.match(text)):
        status, text = int(numbered[1]), text[numbered.end() :]
    return FailureTold(_told_class(code, status, text), _message(text, code), status)


def refusal(line: str) -> FailureTold | None:
    """Return the failure if the line has the form in which wrong flags are refused."""
    if not line.startswith(_REFUSED):
        return None
    text = without_folders(line.removeprefix(_REFUSED))
    return FailureTold(FailureClass.OTHER, text or "no reason given")


def retry_noticed(message: dict[str, object]) -> RetryNoticed:
    """Return the fault that a `turn.step.retrying` message tells of."""
    status = status_in(message.get("status_code"))
    words = text_in(message.get("error_message")).removeprefix(f"{status} ")
    failure: FailureClass
    named = _BY_ERROR_NAME.get(text_in(message.get("error_name")))
    if named in {FailureClass.QUOTA, FailureClass.BAD_REQUEST}:
        failure = named
    elif status is not None and status >= 400:  # noqa: PLR2004 HTTP's own bound
        failure = class_of(status, words)
    else:
        failure = named or FailureClass.PROVIDER
    return RetryNoticed(failure, without_folders(words), status)


def _told_class(code: str, status: int | None, text: str) -> FailureClass:
    by_code = _BY_CODE.get(code)
    if status is not None and by_code is not FailureClass.BAD_REQUEST:
        return class_of(status, text)
    if by_code is FailureClass.RATE_LIMIT and tells_of_quota(text):
        return FailureClass.QUOTA
    if by_code is not None:
        return by_code
    if code.startswith("provider."):  # an empty answer, a lost connection, overload
        return FailureClass.PROVIDER
    starts = (failure for start, failure in _BY_START if text.startswith(start))
    return next(starts, FailureClass.OTHER)


def _message(text: str, code: str) -> str:
    return without_folders(text) or clip(code, 100) or "no reason given"
