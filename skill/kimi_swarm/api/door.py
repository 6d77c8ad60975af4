"""The way from Python into the swarm: calls of plain arguments, typed answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from kimi_swarm.calls.catalogue import call_of
from kimi_swarm.calls.perform import note, perform
from kimi_swarm.errors import SwarmError

Told = TypeVar("Told", bound=BaseModel)


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

    async def ask(
        self, kind: type[Told], action: str, fields: Mapping[str, Any]
    ) -> Told:
        """Do an action and return its answer. Raises SwarmError of many kinds."""
        if not self.is_open:
            raise SwarmClosedError
        answer = await perform(self.home, call_of(action, fields))
        told = kind.model_validate(answer.as_object())
        if self.asker:
            await note(self.home, answer)
        return told


def given(**fields: object) -> dict[str, Any]:
    """Return the arguments that were given: None means that one was left out."""
    return {name: value for name, value in fields.items() if value is not None}
