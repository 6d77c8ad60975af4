"""Getting a session ready: its workspace, its prompt, its environment, its argv."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kimi_swarm.core.names import SessionId, salvage_branch, task_branch
from kimi_swarm.core.session import Place
from kimi_swarm.core.task import PromptVia, Task, WorkspaceMode, may_resume_last
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import session_folder, workspace_folder
from kimi_swarm.process.command import FolderMissingError
from kimi_swarm.process.records import LaunchSpec
from kimi_swarm.store.database import Connection
from kimi_swarm.store.runs import task_of
from kimi_swarm.store.views import latest_sessions, repository_of, session_row
from kimi_swarm.supervisor.repositories import opened_repository
from kimi_swarm.workspace.copying import copy_into
from kimi_swarm.workspace.errors import NotARepositoryError, RepositoryGoneError
from kimi_swarm.workspace.identity import identity_env
from kimi_swarm.workspace.merge import start_from
from kimi_swarm.workspace.renew import renew_worktree
from kimi_swarm.workspace.tree import Repository, Worktree
from kimi_swarm.workspace.worktree import create_fresh

# A line that ends like a question or a prompt, where the profile does not say better.
ASKS = r"[?:>\])]\s*$"

FOLDER_VARIABLE = "KIMI_SWARM_FOLDER"
"""Names the session's folder: what bears it belongs to this session and no other."""


class NeedConflictError(SwarmError):
    """Raised when the work of two needs cannot be merged into one beginning."""

    code = "need_conflict"
    exit_code = 1

    def __init__(self, conflicts: Mapping[str, tuple[str, ...]]) -> None:
        told = "; ".join(
            f"{branch} in {', '.join(paths)}" for branch, paths in conflicts.items()
        )
        super().__init__(
            f"The work of its needs does not merge: {told}.",
            remedy="Let fewer tasks write the same files, or merge them by hand.",
        )


class CannotResumeError(SwarmError):
    """Raised when a worker's conversation cannot be gone on with."""

    code = "cannot_resume"

    def __init__(self, session: str, why: str) -> None:
        super().__init__(
            f"Session {session} cannot be continued: {why}.",
            remedy="Spawn a new task that says all it needs.",
        )


class Former(NamedTuple):
    """The session before, whose place and conversation a session goes on with."""

    session: str
    place: Place | None
    conversation: str | None


class Seat(NamedTuple):
    """A session's id, task and run folder: what all preparation needs to know.

    `message` takes the place of the task's prompt where a session goes on with a former
    one's conversation; `before` tells of the tasks that it needs. `prompt_name` is the
    file's in which the prompt is kept.
    """

    id: SessionId
    task: Task
    home: str
    message: str | None = None
    former: Former | None = None
    prompt_name: str = "prompt.md"
    before: str = ""

    @property
    def prompt(self) -> str:
        """What the worker is to be told."""
        if self.message is not None:
            return self.message
        return f"{self.task.prompt}\n{self.before}" if self.before else self.task.prompt

    @property
    def folder(self) -> str:
        """The folder of the session's prompt, logs and records."""
        return session_folder(self.home, self.id.run, self.id.slug)

    @property
    def prompt_file(self) -> str:
        """The file that holds the whole prompt."""
        return f"{self.folder}/{self.prompt_name}"


def former_of(connection: Connection, session: str) -> Former:
    """Look up the session that is continued, as it ended."""
    row = session_row(connection, session)
    detail = json.loads(row.detail) if row.detail else {}
    place = Place(row.workspace, row.branch, row.base) if row.workspace else None
    return Former(session, place, detail.get("conversation"))


async def make_place(connection: Connection, seat: Seat) -> Place:
    """Make a session's workspace; doing it again after a crash gives the same.

    Raises NeedConflictError and the workspace room's errors.
    """
    if seat.former is not None:
        return _place_of_former(seat.former)
    path = Path(workspace_folder(seat.home, seat.id.run, seat.id.slug))
    mode = seat.task.workspace.mode
    if mode is WorkspaceMode.NONE:
        path.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 one local mkdir
        return Place(str(path))
    root, run_base = repository_of(connection, seat.id.run)
    if mode is WorkspaceMode.SHARED:
        return Place(root or str(path))
    branch = task_branch(seat.id)
    if mode is WorkspaceMode.FRESH:
        tree = await create_fresh(path, branch=branch)
        return Place(str(path), branch, tree.base)
    repo = await opened_repository(root)
    tree = await renew_worktree(
        repo,
        path,
        branch=branch,
        base=seat.task.base or run_base or "HEAD",
        salvage=salvage_branch(seat.id),
    )
    base = tree.base
    branches = _need_branches(connection, seat)
    if branches:
        start = await start_from(tree, branches)
        if start.conflicts:
            raise NeedConflictError(
                {each.branch: each.paths for each in start.conflicts}
            )
        base = start.head
    if seat.task.workspace.copy:
        await copy_into(tree, seat.task.workspace.copy)
    return Place(str(path), branch, base)


def _place_of_former(former: Former) -> Place:
    if former.place is None or not Path(former.place.workspace).is_dir():
        raise CannotResumeError(former.session, "its workspace is gone")
    return former.place


def _need_branches(connection: Connection, seat: Seat) -> list[str]:
    """Return the branches of a session's needs that live in the run's repository."""
    return [
        row.branch
        for row in latest_sessions(connection, seat.id.run)
        if row.task in seat.task.needs
        and row.branch is not None
        and row.head is not None
        and _is_worktree(connection, row.run, row.task)
    ]


def _is_worktree(connection: Connection, run: str, task: str) -> bool:
    return task_of(connection, run, task).workspace.mode is WorkspaceMode.WORKTREE


async def tree_of(connection: Connection, seat: Seat, place: Place) -> Worktree | None:
    """Return the git side of a session's workspace, None where there is none.

    Raises RepositoryGoneError.
    """
    if place.branch is None or place.base is None:
        return None
    path = Path(place.workspace)
    if seat.task.workspace.mode is WorkspaceMode.FRESH:
        # Not to be found by looking: a worker may have deleted its `.git`.
        repo = Repository(path, path / ".git")
    else:
        root, _ = repository_of(connection, seat.id.run)
        try:
            repo = await opened_repository(root)
        except (FolderMissingError, NotARepositoryError):
            raise RepositoryGoneError(Path(root or ""), path) from None
    return Worktree(repo, path, place.branch, place.base, seat.task.workspace.copy)


async def make_spec(
    seat: Seat, place: Place, environ: Mapping[str, str], ports: tuple[int, ...]
) -> LaunchSpec:
    """Write the prompt down and say how the worker is started."""
    recipe = seat.task.recipe
    argv = recipe.argv
    Path(seat.folder).mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 one local mkdir
    prompt = seat.prompt
    if recipe.prompt_via is not PromptVia.NONE:
        Path(seat.prompt_file).write_text(prompt, "utf-8")  # noqa: ASYNC240 as above
    if len(prompt.encode()) > recipe.prompt_limit_bytes:
        prompt = recipe.long_prompt.replace("{prompt_file}", seat.prompt_file)
    values = {"{prompt}": prompt, "{prompt_file}": seat.prompt_file}
    if recipe.prompt_via is PromptVia.NONE:
        values = {}
    if seat.former is not None:
        argv = _way_back(seat, seat.former)
        if seat.former.conversation is not None:
            values["{conversation}"] = seat.former.conversation
    env = await make_environment(seat, place, environ, ports)
    return LaunchSpec(
        argv=[_filled(part, values) for part in argv],
        cwd=place.workspace,
        env=env,
        stdin=seat.prompt_file if recipe.prompt_via is PromptVia.STDIN else None,
        merge_stderr=recipe.merge_stderr,
        time_limit_s=seat.task.time_limit_s,
        grace_s=recipe.grace_s,
        asks=(recipe.asks or ASKS) if recipe.pty else None,
        first_output_s=seat.task.first_output_s,
        silence_s=seat.task.silence_s,
    )


def _way_back(seat: Seat, former: Former) -> tuple[str, ...]:
    """Return the command line that goes on with a former session's conversation."""
    recipe = seat.task.recipe
    if former.conversation is not None:
        return recipe.resume_argv
    # The last conversation of a folder is surely the former's where nobody else works.
    if may_resume_last(seat.task):
        return recipe.resume_last_argv
    raise CannotResumeError(former.session, "it told no conversation id")


def _filled(part: str, values: Mapping[str, str]) -> str:
    # One look at the template only: a prompt may itself hold such words.
    if part in values:
        return values[part]
    for placeholder, value in values.items():
        if placeholder in part:
            return part.replace(placeholder, value)
    return part


async def make_environment(
    seat: Seat, place: Place, environ: Mapping[str, str], ports: tuple[int, ...]
) -> dict[str, str]:
    """Return the worker's whole environment: allowed names, set values, and ours."""
    recipe = seat.task.recipe
    env = {name: environ[name] for name in recipe.env_pass if name in environ}
    env |= recipe.env_set
    if place.branch is not None:
        env |= await identity_env(Path(place.workspace))
    env |= {
        "KIMI_SWARM_SESSION": str(seat.id),
        "KIMI_SWARM_TASK": seat.id.task,
        FOLDER_VARIABLE: seat.folder,
        "PWD": place.workspace,
    }
    for number, port in enumerate(ports, start=1):
        env[f"PORT_{number}"] = str(port)
    if ports:
        env["PORT"] = str(ports[0])
    return env


def shell_spec(
    line: str, place: Place, env: Mapping[str, str], *, time_limit_s: float
) -> LaunchSpec:
    """Say how a plan's own shell line (setup, check) is run in a workspace."""
    shell = "/bin/sh" if os.path.exists("/bin/sh") else "sh"  # noqa: PTH110 one look
    return LaunchSpec(
        argv=[shell, "-c", line],
        cwd=place.workspace,
        env=dict(env),
        stdin=None,
        merge_stderr=True,
        time_limit_s=time_limit_s,
        grace_s=2.0,
    )
