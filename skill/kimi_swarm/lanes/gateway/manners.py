"""Which providers take a question for usage that their worker did not ask."""

from __future__ import annotations

from http import HTTPStatus

from kimi_swarm.lanes.gateway.turnstile import Errand

_MISUNDERSTOOD = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_FAILED = 400
_Place = tuple[str, str]


class Manners:
    """Learns by provider and model whether usage may be asked for on one's behalf.

    Whoever is refused with the question is sent again without it, until one of the
    provider's answers tells which of the two it was.
    """

    def __init__(self) -> None:
        self._takes: dict[_Place, bool] = {}

    def may_ask(self, errand: Errand) -> bool:
        """Whether a request may ask for its usage; unless it was seen to be refused."""
        return self._takes.get(_place(errand), True)

    def is_doubtful(self, errand: Errand, status: int) -> bool:
        """Whether a refusal may be that of the question, not of the request."""
        return status in _MISUNDERSTOOD and _place(errand) not in self._takes

    def answered(self, errand: Errand, status: int, *, asks: bool) -> None:
        """Learn from an answer to a request that asked, or was sent without it."""
        if status < _FAILED:
            self._takes[_place(errand)] = asks


def _place(errand: Errand) -> _Place:
    return errand.url, errand.asked.model
