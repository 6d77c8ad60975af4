"""The way from Python into the swarm: calls of plain arguments, typed answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
from pydantic import BaseModel

from kimi_swarm.calls.catalogue import call_of
from kimi_swarm.calls.perform import note, perform
from kimi_swarm.errors import SwarmError

Told = TypeVar("Told", bound=BaseModel)
T = TypeVar("T")


class SwarmClosedError(SwarmError):
    """Raised when a swarm is used that was closed, or never opened."""

    code = "swarm_closed"

    def __init__(self) -> None:
        super().__init__(
            "This Swarm is not open.",
            remedy="Use it inside `async with Swarm() as swarm:`.",
        )


@dataclass(slots=True)
class Door:
    """A state folder, who asks, and whether it is open."""

    home: str
    asker: str
    is_open: bool = field(default=False)
    _waits: set[anyio.CancelScope] = field(default_factory=set)

    def close(self) -> None:
        """Let nobody ask any more, and nobody go on listening."""
        self.is_open = False
        for wait in self._waits:
            wait.cancel()

    async def ask(
        self,
        kind: type[Told],
        action: str,
        fields: Mapping[str, Any],
        *,
        is_noted: bool = False,
    ) -> Told:
        """Do an action and return its answer. Raises SwarmError of many kinds.

        What is new in it is news no more to an asker with a name; to who has none only
        if it `is_noted`.
        """
        self.require_open()
        answer = await perform(self.home, call_of(action, fields))
        told = kind.model_validate(answer.as_object())
        if self.asker or is_noted:
            await note(self.home, answer)
        return told

    async def listen(self, deed: Callable[[], Awaitable[T]]) -> T:
        """Wait for something, but not beyond the closing. Raises SwarmClosedError."""
        self.require_open()
        heard: list[T] = []
        with anyio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                heard.append(await deed())
            finally:
                self._waits.discard(scope)
        self.require_open()
        return heard[0]

    def require_open(self) -> None:
        """Raise SwarmClosedError if nobody may ask any more."""
        if not self.is_open:
            raise SwarmClosedError


def given(**fields: object) -> dict[str, Any]:
    """Return the arguments that were given: None means that one was left out."""
    return {name: value for name, value in fields.items() if value is not None}
