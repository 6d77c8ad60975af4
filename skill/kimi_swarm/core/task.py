"""A task as the machine keeps it: everything resolved, nothing left to look up."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class WorkspaceMode(StrEnum):
    """Where a session works."""

    WORKTREE = "worktree"
    FRESH = "fresh"
    SHARED = "shared"
    NONE = "none"


class Expect(StrEnum):
    """What a task must leave behind to count as done."""

    CHANGES = "changes"
    ANSWER = "answer"
    EXIT = "exit"


class PromptVia(StrEnum):
    """How the prompt travels to the worker."""

    STDIN = "stdin"
    ARGUMENT = "argument"
    FILE = "file"
    NONE = "none"


class Permission(StrEnum):
    """What a worker may do: look only, change its workspace, or anything it can."""

    READ = "read"
    EDIT = "edit"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class WorkspaceNeed:
    """The workspace a task asks for.

    `copy` holds paths relative to the repository root, `setup` a shell line run once in
    the new workspace, `ports` how many free TCP ports the worker is told of.
    """

    mode: WorkspaceMode = WorkspaceMode.WORKTREE
    copy: tuple[str, ...] = ()
    setup: str | None = None
    ports: int = 0


@dataclass(frozen=True, slots=True)
class GatewayTerms:
    """How a worker's requests are led through our gateway.

    Either two variables hold the provider's URL and key; without a URL the one of
    `default_urls` counts that stands for the value of `kind_env` ("" if it is unset).
    Or a JSON document does, in the variable `content_env` or the file that `file_env`
    names, for each of its providers. `env_set` is what else is set then.
    """

    url_env: str | None = None
    key_env: str | None = None
    kind_env: str | None = None
    default_urls: dict[str, str] = field(default_factory=dict)
    content_env: str | None = None
    file_env: str | None = None
    env_set: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to start one worker: a Profile applied to one task on this machine.

    `argv[0]` is absolute; other items may hold `{prompt}`, `{prompt_file}`, `{model}`.
    A prompt longer than `prompt_limit_bytes` goes by file and the worker gets a short
    prompt that names it. `env_set` holds literal values, `env_pass` names whose values
    come from the environment of whoever spawned the run and never enter the store.

    `resume_argv` goes on with the conversation whose id stands for `{conversation}`
    and takes a prompt as `argv` does; `resume_last_argv` goes on with the last one that
    this folder knows, whose id nobody told; `attach_argv` puts a person into one and
    takes no prompt. `warm_up_argv` must once run alone per state folder, for
    `warm_up_limit_s` at most. All are whole command lines; empty means that there is no
    such way.
    `usage_files` are globs (`~`, `${NAME:-else}`, `{conversation}`) of files that hold
    token counts in `usage_format`. `asks` matches a last line that waits for an answer.
    Each of `errors` is a pattern of output and the failure class that it means, each
    of `exit_errors` an exit code and its class. `model` is the one that was asked for.
    With `gateway` its requests are led through ours where they can be; then they draw
    on `pools`. `spends_on` are the pools whose budgets it draws on for sure, its
    provider's host among them. A worker takes about `memory_mib` and `cores` of the
    machine, 0 where nobody says.
    """

    profile: str
    argv: tuple[str, ...]
    prompt_via: PromptVia
    prompt_limit_bytes: int = 100_000
    long_prompt: str = "Read {prompt_file} to its end and do what it says."
    env_set: dict[str, str] = field(default_factory=dict)
    env_pass: tuple[str, ...] = ()
    dialect: str = "text"
    merge_stderr: bool = True
    ok_exit_codes: tuple[int, ...] = (0,)
    grace_s: float = 5.0
    max_parallel: int | None = None
    spacing_s: float = 0.0
    permission: Permission = Permission.EDIT
    resume_argv: tuple[str, ...] = ()
    resume_last_argv: tuple[str, ...] = ()
    attach_argv: tuple[str, ...] = ()
    warm_up_argv: tuple[str, ...] = ()
    warm_up_limit_s: float = 120.0
    usage_files: tuple[str, ...] = ()
    usage_format: str | None = None
    pty: bool = False
    asks: str | None = None
    errors: tuple[tuple[str, str], ...] = ()
    exit_errors: tuple[tuple[int, str], ...] = ()
    model: str | None = None
    gateway: GatewayTerms | None = None
    pools: tuple[str, ...] = ()
    memory_mib: float = 0.0
    cores: float = 0.0
    spends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work, resolved.

    `title` is for reading: the first line of what the person wrote, or their `label` if
    they gave one. `check` is a shell line run on the committed state; `time_limit_s`
    bounds the worker, and the check, each. A worker may be silent for `first_output_s`
    at first and `silence_s` later, the task wait `queue_s` for a place; None sets no
    bound. After a fault that may pass it is tried `retries` times more, the first time
    after about `retry_delay_s`.
    `result` is a JSON schema that the worker's answer must fit. `base` is the commit it
    begins from, None for the run's; there it finds the conflicts of the branch that it
    `resolves`. With `when` it is only
    wanted if the results of its needs say so (core/condition.py); with `hears_needs`
    its worker is told what they produced, with `sees_changes` also as patches. Of the
    two that it `judges` it sees only these, without names, in this order. Of what could
    start, a higher `rank` goes first.
    """

    name: str
    prompt: str
    recipe: Recipe
    title: str = ""
    label: str = ""
    needs: tuple[str, ...] = ()
    when: dict[str, dict[str, Any]] | None = None
    hears_needs: bool = False
    sees_changes: bool = False
    judges: tuple[str, ...] = ()
    rank: int = 0
    workspace: WorkspaceNeed = field(default_factory=WorkspaceNeed)
    expect: Expect = Expect.CHANGES
    check: str | None = None
    time_limit_s: float = 1800.0
    queue_s: float | None = None
    first_output_s: float | None = None
    silence_s: float | None = None
    retries: int = 0
    retry_delay_s: float = 5.0
    result: dict[str, Any] | None = None
    base: str | None = None
    resolves: str | None = None


def may_resume_last(task: Task) -> bool:
    """Whether the last conversation of a task's folder can be found without its id.

    That needs a profile that can, and a folder that no other session works in.
    """
    is_apart = task.workspace.mode is not WorkspaceMode.SHARED
    return is_apart and bool(task.recipe.resume_last_argv)


def has_way_back(task: Task, *, is_told: bool, has_output: bool) -> bool:
    """Whether the conversation that a session of a task had can be gone on with.

    Either its worker told the id, or it said or did something, and so had one.
    """
    if is_told:
        return bool(task.recipe.resume_argv)
    return has_output and may_resume_last(task)


def task_to_dict(task: Task) -> dict[str, Any]:
    """Turn a task into plain data that JSON can hold."""
    return asdict(task)


_WORDS = (
    *("argv", "env_pass", "ok_exit_codes", "usage_files", "pools"),
    "spends_on",
    *("resume_argv", "resume_last_argv", "attach_argv", "warm_up_argv"),
)
# What earlier releases kept with the recipe and never used.
_MOVED = ("first_output_s", "silence_s")


def task_from_dict(data: dict[str, Any]) -> Task:
    """Rebuild a task from what `task_to_dict` made.

    Raises KeyError, TypeError or ValueError on foreign data.
    """
    recipe = dict(data["recipe"])
    recipe["prompt_via"] = PromptVia(recipe["prompt_via"])
    recipe["permission"] = Permission(recipe.get("permission", Permission.EDIT))
    for key in _MOVED:
        recipe.pop(key, None)
    for key in _WORDS:
        if key in recipe:
            recipe[key] = tuple(recipe[key])
    for key in ("errors", "exit_errors"):
        if key in recipe:
            recipe[key] = tuple((what, str(failure)) for what, failure in recipe[key])
    if recipe.get("gateway") is not None:
        recipe["gateway"] = GatewayTerms(**recipe["gateway"])
    need = dict(data["workspace"])
    need["mode"] = WorkspaceMode(need["mode"])
    need["copy"] = tuple(need["copy"])
    return Task(
        **{
            **data,
            "needs": tuple(data["needs"]),
            "judges": tuple(data.get("judges", ())),
            "expect": Expect(data["expect"]),
            "recipe": Recipe(**recipe),
            "workspace": WorkspaceNeed(**need),
        }
    )
