"""What a program's own sentence about its failure means, where it gives no code."""

from __future__ import annotations

import re

from kimi_swarm.core.output import FailureClass, FailureTold
from kimi_swarm.core.quota_words import tells_of_quota
from kimi_swarm.workers.plain import clip
from kimi_swarm.workers.provider_fault import class_of, without_folders

_LOOKED_AT_CHARS = 2_000
_STATUS = re.compile(
    r"(?:\b(?:status(?: code)?|error(?: code)?|http)\b[ :=(\[]{0,3}|^\W{0,3})"
    r"([45]\d\d)\b",
    re.IGNORECASE,
)
_WORDS = {
    FailureClass.UNKNOWN_MODEL: (
        r"model\b.{0,80}\bnot (?:found|exist|supported|available)",
        r"unknown model|no such model|invalid model",
    ),
    FailureClass.NOT_CONFIGURED: (
        r"not logged in|log ?in (?:first|again)|run /login|set an auth method",
        r"no (?:api )?key|api key (?:is )?(?:missing|required)",
        r"not configured|no model configured|no provider|llm not set",
    ),
    FailureClass.AUTH: (
        r"invalid (?:api key|authentication|token)|api key not valid",
        r"unauthori[sz]ed|authentication (?:failed|error)|permission denied",
    ),
    FailureClass.RATE_LIMIT: (r"rate.?limit|too many requests|resource_exhausted",),
    FailureClass.PROVIDER: (
        r"overloaded|timed? ?out|connection|econn|socket|network|unavailable",
        r"internal server error|empty response|model returned no output",
        r"stream (?:error|disconnect)|unable to connect|fetch failed",
    ),
    FailureClass.BAD_REQUEST: (r"context.{0,20}(?:overflow|length|window)|too long",),
}
_PATTERNS = [
    (failure, re.compile("|".join(words), re.IGNORECASE))
    for failure, words in _WORDS.items()
]


def told_in_words(sentence: str, status: int | None = None) -> FailureTold:
    """Return the failure that a sentence tells; a status that is known beside it wins.

    An HTTP status inside the sentence counts where the words make it one.
    """
    looked_at = clip(sentence, _LOOKED_AT_CHARS)
    if status is None and (found := _STATUS.search(looked_at)):
        status = int(found[1])
    message = without_folders(looked_at) or "no reason given"
    if status is not None and status >= 400:  # noqa: PLR2004 HTTP's own bound
        return FailureTold(class_of(status, looked_at), message, status)
    return FailureTold(_class_by_words(looked_at), message, status)


def _class_by_words(sentence: str) -> FailureClass:
    if tells_of_quota(sentence):
        return FailureClass.QUOTA
    matching = (failure for failure, words in _PATTERNS if words.search(sentence))
    return next(matching, FailureClass.OTHER)
