"""What supervisor and gateway say to each other: a JSON object a line, an answer each.

    {"do": "grant", "grant": {…}}      the session may pass from now on
    {"do": "drop", "session": …}       it is over; answered when its rows are stored
    {"do": "open", "more_s": 0}        take requests now; who is not known is let wait
                                       so long: sessions that live are yet granted
    {"do": "pools", "pools": […]}      what pools bear from now on (core/pool_rule.py)
    {"do": "try_again"}                pools that are closed or rest for long are
                                       tried: a person says so
    {"do": "socket"}                   answered with the listening socket itself
    {"do": "status"}                   how many requests are where, how pools stand

Whoever holds the connection on which `open` or `socket` was said is the supervisor: the
gateway stays as long as it does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LINE_LIMIT_BYTES = 1_000_000


def line_of(words: Mapping[str, Any]) -> bytes:
    """Put words into a line."""
    return json.dumps(words).encode() + b"\n"


def words_in(line: bytes) -> dict[str, Any]:
    """Read a line; raises ValueError on whatever is none."""
    try:
        words = json.loads(line)
    except RecursionError:
        raise ValueError from None
    if not isinstance(words, dict):
        raise ValueError  # noqa: TRY004 one kind of error for all that is no request
    return words
