"""The life of a session: states that hold only what has meaning then, and the moves.

A session is one life of one worker on one task; a retry is a new session, so no road
leads back. Where it is (State) and how it ended (Outcome) are two things. A wish to
stop is not a state: it stands beside the state until somebody acts on it.

Moments are seconds since the epoch, given by the caller.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, assert_never

from kimi_swarm.errors import SwarmError


class Outcome(StrEnum):
    """How a session ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session works: folder, and for git workspaces branch and base commit."""

    workspace: str
    branch: str | None = None
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """Waiting for its needs, for a free place, or for its turn."""

    since_at: float


@dataclass(frozen=True, slots=True)
class Starting:
    """Chosen to start: its workspace is being made, no worker runs yet."""

    since_at: float
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A worker may be alive: set before the shim is asked for, ended by evidence."""

    started_at: float
    place: Place


@dataclass(frozen=True, slots=True)
class Stopping:
    """The worker was told to end, for `cause`; the ladder is at work."""

    started_at: float
    since_at: float
    place: Place
    cause: str


@dataclass(frozen=True, slots=True)
class Done:
    """Ended for ever, with an outcome and the reason for it.

    `started_at` is None when no worker was ever started.
    """

    ended_at: float
    outcome: Outcome
    reason: str
    started_at: float | None = None
    exit_code: int | None = None
    place: Place | None = None


State = Queued | Starting | Running | Stopping | Done


@dataclass(frozen=True, slots=True)
class Chosen:
    """The scheduler gave the session its place."""

    at: float


@dataclass(frozen=True, slots=True)
class Placed:
    """The workspace stands."""

    at: float
    place: Place


@dataclass(frozen=True, slots=True)
class Launched:
    """A worker is about to be started: written before the deed."""

    at: float


@dataclass(frozen=True, slots=True)
class StopBegan:
    """The worker is being told to end."""

    at: float
    cause: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over."""

    at: float
    outcome: Outcome
    reason: str
    exit_code: int | None = None


Move = Chosen | Placed | Launched | StopBegan | Ended
MOVES: dict[str, type[Move]] = {
    "chosen": Chosen,
    "placed": Placed,
    "launched": Launched,
    "stop_began": StopBegan,
    "ended": Ended,
}
STATE_NAMES: dict[type[State], str] = {
    Queued: "queued",
    Starting: "starting",
    Running: "running",
    Stopping: "stopping",
    Done: "done",
}


class IllegalMoveError(SwarmError):
    """Raised when a state has no such move: a defect of ours."""

    code = "illegal_move"
    exit_code = 3

    def __init__(self, state: State, move: Move) -> None:
        super().__init__(
            f"A session that is {state_name(state)} cannot take {move_name(move)}."
        )


def apply(state: State, move: Move) -> State:
    """Return the state after a move; raises IllegalMoveError."""
    match state, move:
        case Queued(), Chosen(at=at):
            return Starting(since_at=at)
        case Starting(), Placed(place=place):
            return Starting(since_at=state.since_at, place=place)
        case Starting(place=Place() as place), Launched(at=at):
            return Running(started_at=at, place=place)
        case Running(), StopBegan(at=at, cause=cause):
            return Stopping(state.started_at, at, state.place, cause)
        case ((Queued() | Starting()), Ended()):
            place_or_none = state.place if isinstance(state, Starting) else None
            return _done(move, None, place_or_none)
        case ((Running() | Stopping()), Ended()):
            return _done(move, state.started_at, state.place)
        case _:
            raise IllegalMoveError(state, move)


def _done(move: Ended, started_at: float | None, place: Place | None) -> Done:
    return Done(
        ended_at=move.at,
        outcome=move.outcome,
        reason=move.reason,
        started_at=started_at,
        exit_code=move.exit_code,
        place=place,
    )


def replay(created_at: float, moves: list[Move]) -> State:
    """Fold a session's moves, from its creation on, to its state."""
    state: State = Queued(since_at=created_at)
    for move in moves:
        state = apply(state, move)
    return state


def state_name(state: State) -> str:
    """Name a state as the outside sees it."""
    return STATE_NAMES[type(state)]


def move_name(move: Move) -> str:
    """Name a move as the event log has it."""
    return next(name for name, kind in MOVES.items() if isinstance(move, kind))


def move_to_dict(move: Move) -> dict[str, Any]:
    """Turn a move into plain data that JSON can hold."""
    return asdict(move)


def move_from_dict(name: str, data: dict[str, Any]) -> Move:
    """Rebuild a move from its name and data."""
    kind = MOVES[name]
    if kind is Placed:
        return Placed(at=data["at"], place=Place(**data["place"]))
    if kind is Ended:
        return Ended(**{**data, "outcome": Outcome(data["outcome"])})
    return kind(**data)


def place_of(state: State) -> Place | None:
    """Return where a session works, as far as that is known."""
    match state:
        case Queued():
            return None
        case Starting(place=place) | Done(place=place):
            return place
        case Running(place=place) | Stopping(place=place):
            return place
        case _:
            assert_never(state)
