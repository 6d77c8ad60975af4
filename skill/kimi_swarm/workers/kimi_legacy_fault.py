"""The sentences in which kimi-cli says that it gave up."""

from __future__ import annotations

import re

from kimi_swarm.core.output import FailureTold
from kimi_swarm.workers.provider_fault import without_folders
from kimi_swarm.workers.word_fault import told_in_words

_CODED = re.compile(r"Error code: (\d{3})(?: - (.*))?", re.DOTALL)
_MESSAGE = re.compile(r"""['"]message['"]: (['"])((?:(?!\1).)+)""")


def failure_of(line: str) -> FailureTold:
    """Return the failure that one line of plain output tells.

    The body of a coded error is a Python mapping; only its message is kept, or the
    whole of it if it has none.
    """
    coded = _CODED.match(line)
    if coded is None:
        return told_in_words(line)
    body = coded[2] or ""
    found = _MESSAGE.search(body)
    told = told_in_words(found[2] if found else body, int(coded[1]))
    return told._replace(message=without_folders(found[2]) if found else told.message)
