"""How to run one kind of worker: data in manifest.yaml, applied to a task."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from kimi_swarm.core.task import Expect, PromptVia, Recipe
from kimi_swarm.core.written import Line, Text, Word, Written, quoted
from kimi_swarm.errors import SwarmError

MODEL = "{model}"
PROMPT = "{prompt}"
PROMPT_FILE = "{prompt_file}"

# What any program may need to find its home, its language and the way out.
BASIC_ENV = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "XDG_RUNTIME_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
)


class ProfileError(SwarmError):
    """Raised when a profile cannot do what a task asks of it."""

    code = "profile"

    def __init__(self, profile: str, fact: str, *, remedy: str = "") -> None:
        super().__init__(f'Profile "{profile}" {fact}.', remedy=remedy)


class Kind(StrEnum):
    """What sort of worker a profile runs."""

    DEMO = "demo"
    CLI = "cli"
    COMMAND = "command"


def _word_alone(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"{quoted(text)} is no pattern: {error}") from None
    if groups != 1:
        raise ValueError(f"{quoted(text)} must have exactly one group: the version")
    return text


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)*", text):
        raise ValueError(f"{quoted(text)} is no version like 22.19")
    return text


def _env_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError(f"{quoted(text)} is no name of a variable")
    return text


EnvName = Annotated[str, AfterValidator(_env_name)]
Lines = Annotated[tuple[Line, ...], Field(strict=False)]
Group = Annotated[Lines, BeforeValidator(_word_alone)]
Pattern = Annotated[Line, AfterValidator(_pattern)]
Version = Annotated[Line, AfterValidator(_version)]


class Environment(Written):
    """Variables a worker gets: literal ones, and names passed on beside the basics."""

    values: dict[EnvName, Word] = Field(default_factory=dict, alias="set")
    passed: tuple[EnvName, ...] = Field(default=(), strict=False, alias="pass")


class VersionProbe(Written):
    """How a program tells its version, and which version was tested (or at least)."""

    argv: Lines = ("--version",)
    pattern: Pattern = r"(\d+(?:\.\d+)+)"
    tested: Version | None = None
    at_least: Version | None = None


class Interpreter(Written):
    """What runs the program when it is a script: its name and the oldest that works."""

    name: Line
    at_least: Version


class Profile(Written):
    """One kind of worker.

    An item of `argv` that is a list stands or falls as a whole: it is left out when it
    mentions `{model}` and the task names none. Without `expect` the workspace decides.
    """

    name: Line
    summary: Line
    kind: Annotated[Kind, Field(strict=False)]
    program: Line | None = None
    interpreter: Interpreter | None = None
    argv: Annotated[tuple[Group, ...], Field(strict=False)] = ()
    prompt_via: Annotated[PromptVia, Field(strict=False)]
    prompt_limit_bytes: Annotated[int, Field(ge=1_000, le=100_000_000)] = 100_000
    long_prompt: Line = f"Read {PROMPT_FILE} to its end and do what it says."
    env: Environment = Environment()
    dialect: Line = "text"
    merge_stderr: bool = False
    ok_exit_codes: Annotated[tuple[int, ...], Field(strict=False, min_length=1)] = (0,)
    expect: Annotated[Expect, Field(strict=False)] | None = None
    grace_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    max_parallel: Annotated[int, Field(ge=1, le=10_000)] | None = None
    spacing_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    version: VersionProbe | None = None
    install: Line | None = None
    sends_to: Text

    @property
    def takes_model(self) -> bool:
        """Whether a task may name a model."""
        return any(MODEL in word for group in self.argv for word in group)

    @property
    def install_line(self) -> str | None:
        """The line that installs the program, and what it needs beside it."""
        if self.install is None or self.interpreter is None:
            return self.install
        needed = f"{self.interpreter.name} {self.interpreter.at_least} or newer"
        return f"{self.install} (needs {needed})"

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Profile:
        words = [word for group in self.argv for word in group]
        if (self.kind is Kind.COMMAND) is not (self.program is None):
            raise ValueError("a program belongs to every kind but command")
        if self.kind is Kind.COMMAND and (
            words or self.prompt_via is not PromptVia.NONE
        ):
            raise ValueError("kind command takes argv from the task and no prompt")
        told = any(PROMPT in word for word in words)
        if (self.prompt_via is PromptVia.ARGUMENT) is not told:
            raise ValueError(f"{PROMPT} belongs in argv when prompt_via is argument")
        if self.prompt_via is PromptVia.FILE and not any(
            PROMPT_FILE in word for word in words
        ):
            raise ValueError(f"{PROMPT_FILE} belongs in argv when prompt_via is file")
        if PROMPT_FILE not in self.long_prompt:
            raise ValueError(f"long_prompt must name {PROMPT_FILE}")
        return self


def make_recipe(
    profile: Profile,
    *,
    program_argv: tuple[str, ...],
    extra_path: str | None,
    model: str | None,
    argv: tuple[str, ...] | None,
) -> Recipe:
    """Apply a profile to one task.

    `program_argv` is the found program (absolute, behind its interpreter), `argv` the
    task's own words for kind `command`. A given `extra_path` becomes the worker's PATH.
    Raises ProfileError when the profile cannot take the model or the argv.
    """
    if (profile.kind is Kind.COMMAND) is not (argv is not None):
        wanted = "needs argv" if argv is None else "takes a prompt, not argv"
        raise ProfileError(profile.name, wanted)
    if model is not None and not profile.takes_model:
        raise ProfileError(
            profile.name,
            f"takes no model, but {quoted(model)} is asked for",
            remedy="Leave the model out, or choose a profile that takes one.",
        )
    words = argv[1:] if argv else _filled(profile, model)
    path = {} if extra_path is None else {"PATH": extra_path}
    return Recipe(
        profile=profile.name,
        argv=(*program_argv, *words),
        prompt_via=profile.prompt_via,
        prompt_limit_bytes=profile.prompt_limit_bytes,
        long_prompt=profile.long_prompt,
        env_set={**profile.env.values, **path},
        env_pass=(*BASIC_ENV, *profile.env.passed),
        dialect=profile.dialect,
        merge_stderr=profile.merge_stderr,
        ok_exit_codes=profile.ok_exit_codes,
        grace_s=profile.grace_s,
        max_parallel=profile.max_parallel,
        spacing_s=profile.spacing_s,
    )


def _filled(profile: Profile, model: str | None) -> tuple[str, ...]:
    words: list[str] = []
    for group in profile.argv:
        if model is None and any(MODEL in word for word in group):
            continue
        words += [word.replace(MODEL, model or "") for word in group]
    return tuple(words)
