"""What a request may use before it is sent, and did use where nobody counted.

All of it is an estimate, and marked as such wherever it stays for want of a count.
"""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_TOKEN = 3.0
"""A cautious first guess: English and code have about four, other scripts fewer."""
OUTPUT_UNKNOWN = 4096
"""An answer of which nobody saw anything, not even its size."""
ENOUGH = 5
"""So many answers must have been counted before their mean is trusted."""
AMPLE = 2.0
"""An answer is reckoned as at most so many times the mean."""


@dataclass(slots=True)
class Experience:
    """What the requests of one pool used: how many, their bytes, and their tokens."""

    requests: int = 0
    input_bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, *, body_bytes: int, input_tokens: int, output_tokens: int) -> None:
        """Take in one request that was counted."""
        self.requests += 1
        self.input_bytes += body_bytes
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens

    def expect(self, *, body_bytes: int, max_tokens: int | None) -> tuple[int, int]:
        """Return the input and output tokens to reserve for a request.

        `max_tokens` is the bound on its answer that it carries itself, None if none.
        """
        per_token = BYTES_PER_TOKEN
        output = OUTPUT_UNKNOWN if max_tokens is None else max_tokens
        if self.requests >= ENOUGH:
            if self.input_tokens:
                per_token = max(1.0, self.input_bytes / self.input_tokens)
            mean = self.output_tokens / self.requests
            ample = max(1, round(AMPLE * mean))
            output = ample if max_tokens is None else min(max_tokens, ample)
        return max(1, round(body_bytes / per_token)), output


def answered_tokens(*, text_bytes: int, pieces: int) -> int:
    """Return the tokens of an answer's text that came in so many pieces.

    Cautious: each piece of a stream has a token at least, and may have many.
    """
    return max(pieces, round(text_bytes / BYTES_PER_TOKEN))
