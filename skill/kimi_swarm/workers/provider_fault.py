"""What a model provider's refusal means for the task: one class, from what was told."""

from __future__ import annotations

import re

from kimi_swarm.core.output import FailureClass
from kimi_swarm.core.quota_words import tells_of_quota
from kimi_swarm.workers.fields import MAX_MESSAGE_CHARS
from kimi_swarm.workers.plain import clip

# Folders tell of the person's machine and nothing of the fault; file names may stay.
_FOLDERS = re.compile(r"(?<![\w:/.])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\\"'`:,;)]+[/\\])+")
BUDGET_MARK = "kimi-swarm: budget:"
"""Begins what our own gateway says where a budget of the person's is gone."""
_OWN_CLASS = {
    400: FailureClass.BAD_REQUEST,
    401: FailureClass.AUTH,
    402: FailureClass.QUOTA,
    403: FailureClass.AUTH,
    404: FailureClass.UNKNOWN_MODEL,
    408: FailureClass.PROVIDER,
    425: FailureClass.PROVIDER,
    429: FailureClass.RATE_LIMIT,
}


def class_of(status: int, message: str) -> FailureClass:
    """Return what an HTTP status (400 to 599) with its message means.

    404 counts as an unknown model, as providers use it so; a wrong address looks alike.
    """
    if BUDGET_MARK in message:
        return FailureClass.BUDGET
    # Moonshot tells an empty balance as 429 too, Kimi Code and Ollama plans tell theirs
    # as 403 or 429: there only the words say that waiting a minute is of no use.
    if tells_of_quota(message, status):
        return FailureClass.QUOTA
    if status >= 500:  # noqa: PLR2004 HTTP's own bound
        return FailureClass.PROVIDER
    return _OWN_CLASS.get(status, FailureClass.BAD_REQUEST)


def without_folders(message: str) -> str:
    """Return the message as one short plain line, paths cut to their last part."""
    return clip(
        _FOLDERS.sub("", clip(message, 4 * MAX_MESSAGE_CHARS)), MAX_MESSAGE_CHARS
    )
