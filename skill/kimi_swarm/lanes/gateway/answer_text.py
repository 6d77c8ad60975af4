"""How much an answer says, for want of a provider that tells its tokens. Pure."""

from __future__ import annotations

import re

from kimi_swarm.core.estimate import answered_tokens

# Where the shapes that we know have what the model wrote; what some say twice counts
# twice, which is cautious. No quote at its end: of text that was cut the rest counts.
_TEXT = re.compile(
    rb'"(?:content|reasoning_content|reasoning|text|thinking|arguments|partial_json'
    rb'|delta|response)"\s*:\s*"((?:[^"\\]+|\\.)*)'
)


class AnswerText:
    """Counts the text of an answer by its lines, whatever its shape."""

    def __init__(self) -> None:
        self._text_bytes = 0
        self._pieces = 0
        self._all_bytes = 0

    def add(self, lines: bytes) -> None:
        """Take in one or more whole lines of an answer's body, or its end."""
        self._all_bytes += len(lines)
        for text in _TEXT.findall(lines):
            if text:
                self._text_bytes += len(text)
                self._pieces += 1

    @property
    def tokens(self) -> int:
        """How many tokens that may be; of a shape that we do not know, all it holds."""
        text_bytes = self._text_bytes if self._pieces else self._all_bytes
        return answered_tokens(text_bytes=text_bytes, pieces=self._pieces)
