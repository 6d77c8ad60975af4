"""Ids: two plain words for a run, run and task for a session.

Standard library only and light: hot verbs read ids.
"""

# ruff: noqa: SIM905 two hundred quoted words would be harder to read
from __future__ import annotations

from kimi_swarm.core.row import Row
from kimi_swarm.errors import SwarmError

COMMAND = "command"
"""The profile of programs of one's own: no agents, which ask no model of ours."""

ADJECTIVES = (
    "able amber apt bold brave brief bright brisk calm candid civil clear clever cosy "
    "crisp curious deft direct eager early easy even fair fast fine firm fleet fond "
    "frank free fresh gentle glad golden good grand green handy happy hardy honest "
    "humble jolly keen kind lively lucid lucky major mellow merry mild modest neat "
    "nimble noble north open patient plain prime proud prudent quick quiet rapid ready "
    "rosy sage serene sharp silver simple sleek smart smooth snug sober solid sound "
    "south spry steady still stout strong sturdy subtle sunny sure swift tidy trim "
    "true trusty upbeat valid vivid warm west wide wise witty young zesty"
).split()
NOUNS = (
    "acorn alder anchor apple arbor aspen badger bank barn basin bay beach beacon "
    "birch bloom bluff branch breeze bridge brook canal canyon cape cedar cliff cloud "
    "clover "
    "coast comet coral cove crane creek crest dale dawn delta dune eagle elm ember "
    "falcon fern field finch fjord flint forest fox garden glade glen grove harbor "
    "hawk hazel heath heron hill holly inlet island ivy juniper lagoon lake lark "
    "laurel leaf ledge linden lotus lynx maple marsh meadow mesa mill moon moss "
    "oak ocean olive orchard otter owl path peak pearl pebble pine plain pond poplar "
    "prairie quail rapids raven reef ridge river robin rock rowan sage shore sky "
    "slope spring spruce stone stream summit thicket tide trail valley wave willow wren"
).split()


_DIGITS = 10


MERGED = "merged"
"""What no task is called: the name of what belongs to a run's merged work."""


class BadIdError(SwarmError):
    """Raised when an id cannot be a run or a session."""

    code = "bad_id"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not an id of a run (calm-river) or session "
            "(calm-river/header).",
            remedy="Run `list` to see the ids there are.",
        )


class SessionId(Row):
    """A session's id in parts: `calm-river/header.2` is run, task and attempt."""

    run: str
    task: str
    attempt: int = 1

    def __str__(self) -> str:
        suffix = "" if self.attempt == 1 else f".{self.attempt}"
        return f"{self.run}/{self.task}{suffix}"

    @property
    def slug(self) -> str:
        """The id without its run, fit for a folder or branch: `header.2`."""
        return str(self).partition("/")[2]


def run_name(number: int) -> str:
    """Return the two plain words that stand for a number, 0 upwards; it wraps."""
    adjective = ADJECTIVES[number % len(ADJECTIVES)]
    noun = NOUNS[number // len(ADJECTIVES) % len(NOUNS)]
    return f"{adjective}-{noun}"


RUN_NAMES = len(ADJECTIVES) * len(NOUNS)


def parse_session(text: str) -> SessionId:
    """Read `run/task` or `run/task.attempt`; raises BadIdError."""
    run, slash, rest = text.partition("/")
    task, dot, attempt = rest.partition(".")
    if not (slash and is_word(run) and is_word(task)):
        raise BadIdError(text)
    if not dot:
        return SessionId(run, task)
    is_number = attempt.isascii() and attempt.isdigit() and len(attempt) < _DIGITS
    session = SessionId(run, task, int(attempt) if is_number else 0)
    # One spelling each: `.1`, `.0` and `.02` are no ids.
    if session.attempt < 1 or str(session) != text:
        raise BadIdError(text)
    return session


def is_session(text: str) -> bool:
    """Whether an id means one session rather than a whole run."""
    return "/" in text


def is_word(text: str) -> bool:
    """Whether a run's or task's name is made of the characters that names may have."""
    return (
        bool(text)
        and text.isascii()
        and text.replace("-", "").replace("_", "").isalnum()
    )


def task_branch(session: SessionId) -> str:
    """Name the branch on which a session works."""
    return f"swarm/{session}"


def merged_branch(run: str) -> str:
    """Name the branch that holds a run's merged work.

    Not `swarm/<run>`: git cannot hold that beside `swarm/<run>/<task>`.
    """
    return f"swarm/{run}/{MERGED}"


def salvage_branch(session: SessionId) -> str:
    """Name the branch that keeps what would otherwise be lost with a workspace."""
    return f"swarm-salvage/{session}"
