"""By which words a provider says that a quota is gone, where no type or code does.

A rate that is met and a model that is not for sale sound much alike: to take either
for a quota that is gone would close the whole provider. "Overloaded" is not among the
words: a plan's quota may hide behind it, but a busy engine does as well, and one more
bounded attempt costs less than a task given up for nothing.
"""

from __future__ import annotations

import re

_TOO_MANY = 429
_FORBIDDEN = 403
_QUOTA = re.compile(
    r"quota|\bbalance\b|suspended|membership|usage limit|\bcredits?\b", re.IGNORECASE
)
_USED_UP = re.compile(
    r"\b(?:reached|exceeded|hit)\b[^.]{0,40}\busage limit|access_terminated",
    re.IGNORECASE,
)
# "requests per minute", "tokens_per_hour", "RequestsPerMinutePerProject", "3 RPM".
_RATE = re.compile(
    r"(?:(?<![A-Za-z])[Pp]er[ _-]?|Per)(?:[Ss]econd|[Ss]ec|[Mm]inute|[Mm]in|[Hh]our)"
    r"(?![a-z])"
    r"|\b[RT]P[SMH]\b"
)


def tells_of_quota(message: str, status: int = _TOO_MANY) -> bool:
    """Whether a refusal's words say that money or an allowance is used up.

    A 403 is mostly about what one may ask for: there only a limit that was reached.
    """
    if status == _FORBIDDEN:
        return _USED_UP.search(message) is not None
    is_rate = _RATE.search(message) is not None
    return status == _TOO_MANY and not is_rate and bool(_QUOTA.search(message))
