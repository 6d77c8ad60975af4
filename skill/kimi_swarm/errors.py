"""Errors a user can meet: one root, each with a code, a sentence and a remedy."""

from __future__ import annotations


class SwarmError(Exception):
    """Root of every error that is told to a user.

    `code` is stable and short, `str(error)` is one sentence, `remedy` says what to do.
    `exit_code` is 2 (bad input, nothing changed) unless a subclass says otherwise.
    """

    code = "error"
    exit_code = 2
    retryable = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(SwarmError):
    """Raised when a command line cannot be understood."""

    code = "usage"
