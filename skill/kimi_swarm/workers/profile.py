"""How to run one kind of worker: data in manifest.yaml, applied to a task."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from kimi_swarm.core.task import Expect, Permission, PromptVia
from kimi_swarm.core.written import Line, Text, Written
from kimi_swarm.errors import SwarmError
from kimi_swarm.workers.dialect import dialect_names
from kimi_swarm.workers.profile_terms import (
    CONVERSATION,
    Cost,
    Environment,
    EnvName,
    Gateway,
    Groups,
    Hold,
    Interpreter,
    Lines,
    Login,
    ModelList,
    Pattern,
    Room,
    Seconds,
    StatePath,
    Symptom,
    UsageFiles,
    VersionProbe,
    WarmUp,
)

__all__ = [
    "BASIC_ENV",
    "Kind",
    "Profile",
    "ProfileError",
    "VersionProbe",
]

MODEL = "{model}"
PROMPT = "{prompt}"
PROMPT_FILE = "{prompt_file}"
PERMISSION = "{permission}"

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


class Profile(Written):
    """One kind of worker.

    An item of `argv`, `resume`, `resume_last` or `attach` that is a list stands or
    falls as a whole: it is left out when it mentions `{model}` and the task names none;
    the item `{permission}` becomes the words of the permission's `argv`. Without
    `expect` the workspace decides. What each field is for stands at the head of
    manifest.yaml.
    """

    name: Line
    summary: Line
    kind: Annotated[Kind, Field(strict=False)]
    program: Line | None = None
    also_named: Lines = ()
    interpreter: Interpreter | None = None
    argv: Groups = ()
    resume: Groups = ()
    resume_last: Groups = ()
    attach: Groups = ()
    prompt_via: Annotated[PromptVia, Field(strict=False)]
    prompt_limit_bytes: Annotated[int, Field(ge=1_000, le=100_000_000)] = 100_000
    long_prompt: Line = f"Read {PROMPT_FILE} to its end and do what it says."
    env: Environment = Environment()
    isolate: dict[EnvName, StatePath] = Field(default_factory=dict)
    permissions: dict[Annotated[Permission, Field(strict=False)], Hold] = Field(
        default_factory=dict
    )
    dialect: Line = "text"
    merge_stderr: bool = False
    errors: Annotated[tuple[Symptom, ...], Field(strict=False)] = ()
    asks: Pattern | None = None
    pty: bool = False
    usage: UsageFiles | None = None
    ok_exit_codes: Annotated[tuple[int, ...], Field(strict=False, min_length=1)] = (0,)
    expect: Annotated[Expect, Field(strict=False)] | None = None
    grace_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    first_output_s: Seconds | None = None
    silence_s: Seconds | None = None
    max_parallel: Annotated[int, Field(ge=1, le=10_000)] | None = None
    max_parallel_per: Room = Room()
    start: Cost | None = None
    spacing_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    warm_up: WarmUp | None = None
    version: VersionProbe | None = None
    login: Login | None = None
    gateway: Gateway | None = None
    models: ModelList | None = None
    limits: Text | None = None
    install: Line | None = None
    sends_to: Text

    @property
    def takes_model(self) -> bool:
        """Whether a task may name a model."""
        return any(MODEL in word for word in _words_of(self.argv))

    @property
    def install_line(self) -> str | None:
        """The line that installs the program, and what it needs beside it."""
        if self.install is None or self.interpreter is None:
            return self.install
        needed = f"{self.interpreter.name} {self.interpreter.at_least} or newer"
        return f"{self.install} (needs {needed})"

    def holds(self, permission: Permission) -> str:
        """Return one true sentence on what holds a worker to the permission."""
        if known := self.permissions.get(permission):
            return known.holds
        if permission is Permission.FULL:
            return "It may do whatever your user may do."
        return "Nothing holds it: it may do whatever your user may do."

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Profile:
        if (self.kind is Kind.COMMAND) is not (self.program is None):
            raise ValueError("a program belongs to every kind but command")
        if self.kind is Kind.COMMAND and (
            self.argv or self.prompt_via is not PromptVia.NONE
        ):
            raise ValueError("kind command takes argv from the task and no prompt")
        _check_words("argv", self.argv, self.prompt_via)
        if PROMPT_FILE not in self.long_prompt:
            raise ValueError(f"long_prompt must name {PROMPT_FILE}")
        if self.dialect not in dialect_names():
            known = ", ".join(dialect_names())
            raise ValueError(f"dialect must be one of {known}")
        return self

    @model_validator(mode="after")
    def _comes_back_as_it_says(self) -> Profile:
        for field, groups in (
            ("resume", self.resume),
            ("resume_last", self.resume_last),
        ):
            if groups:
                _check_words(field, groups, self.prompt_via)
        for field, groups in (("resume", self.resume), ("attach", self.attach)):
            if groups and not _mentions(groups, CONVERSATION):
                raise ValueError(f"{CONVERSATION} belongs in {field}")
        for field, groups in (("argv", self.argv), ("resume_last", self.resume_last)):
            if _mentions(groups, CONVERSATION):
                raise ValueError(
                    f"{CONVERSATION} belongs in resume and attach, not in {field}"
                )
        if _mentions(self.attach, PROMPT) or _mentions(self.attach, PROMPT_FILE):
            raise ValueError("attach takes no prompt: a person goes on there")
        return self

    @model_validator(mode="after")
    def _hears_its_prompt(self) -> Profile:
        if self.pty and self.prompt_via is PromptVia.STDIN:
            raise ValueError("with pty, prompt_via must be argument or file")
        return self

    @model_validator(mode="after")
    def _permissions_are_whole(self) -> Profile:
        if self.permissions and Permission.EDIT not in self.permissions:
            raise ValueError("permissions must tell of edit, which is the default")
        if any(hold.argv for hold in self.permissions.values()) and not _mentions(
            self.argv, PERMISSION
        ):
            raise ValueError(f"{PERMISSION} belongs in argv when permissions have argv")
        return self


def _check_words(field: str, groups: Groups, via: PromptVia) -> None:
    if (via is PromptVia.ARGUMENT) is not _mentions(groups, PROMPT):
        raise ValueError(f"{PROMPT} belongs in {field} when prompt_via is argument")
    if via is PromptVia.FILE and not _mentions(groups, PROMPT_FILE):
        raise ValueError(f"{PROMPT_FILE} belongs in {field} when prompt_via is file")


def _mentions(groups: Groups, word: str) -> bool:
    return any(word in one for one in _words_of(groups))


def _words_of(groups: Groups) -> Iterator[str]:
    return (word for group in groups for word in group)
