"""What a plan is made of: its tasks, defaults and limits, as people write them."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
)

from kimi_swarm.core.budget import Act
from kimi_swarm.core.budget_terms import TaskLimits
from kimi_swarm.core.names import MERGED
from kimi_swarm.core.task import Expect, Permission, WorkspaceMode, WorkspaceNeed
from kimi_swarm.core.written import Line, Text, Word, Written, quoted

RESERVED_NAMES = frozenset({MERGED})
UNTRACKED = (WorkspaceMode.SHARED, WorkspaceMode.NONE)


class Role(StrEnum):
    """Which working rules a worker is given beside its prompt."""

    WORKER = "worker"
    ASSEMBLER = "assembler"
    SYNTHESISER = "synthesiser"
    PLANNER = "planner"
    REVIEWER = "reviewer"
    JUDGE = "judge"
    NONE = "none"


def _task_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,40}", name):
        raise ValueError(
            "is no task name: use at most 41 small letters, digits, - and _, "
            "the first a letter or digit"
        )
    if name in RESERVED_NAMES:
        raise ValueError("is kept for the merged result; choose another name")
    return name


def _inside(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ValueError(f"{quoted(path)} must be a path inside the repository")
    return path


def _revision(text: str) -> str:
    if text.startswith("-") or any(c.isspace() for c in text):
        raise ValueError(f"{quoted(text)} is no commit, branch or tag")
    return text


def _program(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv or not argv[0].strip():
        raise ValueError("must begin with the name of a program")
    return argv


def _mode_alone(value: object) -> object:
    return {"mode": value} if isinstance(value, str) else value


def _line_alone(value: object) -> object:
    return {"line": value} if isinstance(value, str) else value


Name = Annotated[str, AfterValidator(_task_name)]
Arguments = Annotated[tuple[Word, ...], AfterValidator(_program), Field(strict=False)]
Needs = Annotated[tuple[str, ...], Field(strict=False)]
InsidePath = Annotated[Line, AfterValidator(_inside)]
Seconds = Annotated[float, Field(gt=0, le=604_800)]
SecondsOrNone = Annotated[float, Field(ge=0, le=604_800)]
Retries = Annotated[int, Field(ge=0, le=20)]
Wanted = Annotated[Expect, Field(strict=False)]
May = Annotated[Permission, Field(strict=False)]
Revision = Annotated[Line, AfterValidator(_revision)]


RANKED = frozenset(
    (Role.PLANNER, Role.ASSEMBLER, Role.SYNTHESISER, Role.REVIEWER, Role.JUDGE)
)
"""Roles whose work others wait for, or a person: it goes before more of the parts."""


class Sees(StrEnum):
    """What a worker is told of the tasks that its own needs: words, or changes too."""

    WORDS = "words"
    CHANGES = "changes"


class WorkspaceSpec(Written):
    """Where a task works and what is prepared there; a mapping means worktree."""

    mode: Annotated[WorkspaceMode, Field(strict=False)] = WorkspaceMode.WORKTREE
    copied: Annotated[
        tuple[InsidePath, ...], Field(strict=False, alias="copy", max_length=1000)
    ] = ()
    setup: Text | None = None
    ports: Annotated[int, Field(ge=0, le=64)] = 0

    def need(self) -> WorkspaceNeed:
        """Return the record that the machine keeps of it."""
        return WorkspaceNeed(self.mode, self.copied, self.setup, self.ports)


Workspace = Annotated[WorkspaceSpec, BeforeValidator(_mode_alone)]


class Defaults(Written):
    """What holds for every task that does not say otherwise.

    Of `first_output_s` and `silence_s`, 0 lifts the profile's own bound.
    """

    profile: Line | None = None
    model: Line | None = None
    workspace: Workspace | None = None
    check: Text | None = None
    expect: Wanted | None = None
    result: dict[str, JsonValue] | None = None
    timeout_s: Seconds | None = None
    queue_s: Seconds | None = None
    first_output_s: SecondsOrNone | None = None
    silence_s: SecondsOrNone | None = None
    retries: Retries | None = None
    retry_delay_s: SecondsOrNone | None = None


class Limits(TaskLimits):
    """What the whole run keeps to; seconds, tokens, US dollars.

    `at_limit` is what happens when tokens, money or requests are used up.
    """

    concurrency: Annotated[int, Field(ge=1, le=1000)] | None = None
    spacing_s: Annotated[float, Field(ge=0, le=3600)] | None = None
    wall_s: Annotated[float, Field(gt=0, le=2_592_000)] | None = None
    sessions: Annotated[int, Field(ge=1, le=10**9)] | None = None
    at_limit: Annotated[Act, Field(strict=False)] = Act.STOP_STARTING


class MergeCheckSpec(Written):
    """What the merged work must pass: a shell line, and how often it is run.

    `every` is after how many branches; left out, that depends on how many there are.
    """

    line: Text
    timeout_s: Seconds | None = None
    every: Annotated[int, Field(ge=1, le=5_000)] | None = None


MergeCheck = Annotated[MergeCheckSpec, BeforeValidator(_line_alone)]


class PlanTask(Written):
    """One unit of work as written; `Plan.effective` fills in the defaults."""

    title: Annotated[Line, Field(max_length=200)] | None = None
    prompt: Text | None = None
    prompt_file: Line | None = None
    argv: Arguments | None = None
    profile: Line | None = None
    model: Line | None = None
    needs: Needs = ()
    when: Annotated[dict[str, dict[str, JsonValue]], Field(max_length=20)] | None = None
    sees: Annotated[Sees, Field(strict=False)] = Sees.WORDS
    judges: Annotated[Needs, Field(min_length=2, max_length=2)] | None = None
    workspace: Workspace | None = None
    check: Text | None = None
    expect: Wanted | None = None
    role: Annotated[Role, Field(strict=False)] = Role.WORKER
    result: dict[str, JsonValue] | None = None
    timeout_s: Seconds | None = None
    queue_s: Seconds | None = None
    first_output_s: SecondsOrNone | None = None
    silence_s: SecondsOrNone | None = None
    retries: Retries | None = None
    retry_delay_s: SecondsOrNone | None = None
    limits: TaskLimits = TaskLimits()

    def expected(self, *, by_profile: Expect | None = None) -> Expect:
        """Return what must be left: as written, else the profile's, else by mode.

        Ask it of an effective task.
        """
        if self.expect or by_profile:
            return self.expect or by_profile or Expect.CHANGES
        mode = (self.workspace or WorkspaceSpec()).mode
        return Expect.ANSWER if mode in UNTRACKED else Expect.CHANGES
