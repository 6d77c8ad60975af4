"""The terms a profile is written in: what each of its mappings holds and refuses."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from kimi_swarm.core.output import FailureClass
from kimi_swarm.core.written import Line, Text, Word, Written, quoted
from kimi_swarm.workers.usage import UsageFormat

CONVERSATION = "{conversation}"
STATE = "{state}"
UNTESTED = "none"


def _word_alone(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{quoted(text)} is no pattern: {error}") from None
    return text


def _one_group(text: str) -> str:
    if re.compile(_pattern(text)).groups != 1:
        raise ValueError(f"{quoted(text)} must have exactly one group: the version")
    return text


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)*", text):
        raise ValueError(f"{quoted(text)} is no version like 22.19")
    return text


def _tested(text: str) -> str:
    if text != UNTESTED and not re.fullmatch(r"\d+(\.\d+)*( to \d+(\.\d+)*)?", text):
        raise ValueError(
            f'{quoted(text)} is no version like 22.19, range like "22.1 to 22.19" '
            f"or {UNTESTED}"
        )
    return text


def _env_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError(f"{quoted(text)} is no name of a variable")
    return text


def _below_state(text: str) -> str:
    if text != STATE and not text.startswith(f"{STATE}/"):
        raise ValueError(f"{quoted(text)} must begin with {STATE}")
    return text


def _usage_file(text: str) -> str:
    if not text.startswith(("/", "~/", "${")):
        raise ValueError(f"{quoted(text)} must begin with /, ~/ or a variable")
    if CONVERSATION not in text:
        raise ValueError(f"{quoted(text)} must hold {CONVERSATION}")
    return text


EnvName = Annotated[str, AfterValidator(_env_name)]
Lines = Annotated[tuple[Line, ...], Field(strict=False)]
Group = Annotated[Lines, BeforeValidator(_word_alone)]
Groups = Annotated[tuple[Group, ...], Field(strict=False)]
Pattern = Annotated[Line, AfterValidator(_pattern)]
VersionPattern = Annotated[Line, AfterValidator(_one_group)]
Version = Annotated[Line, AfterValidator(_version)]
Tested = Annotated[Line, AfterValidator(_tested)]
StatePath = Annotated[Line, AfterValidator(_below_state)]
UsageFile = Annotated[Line, AfterValidator(_usage_file)]
Failure = Annotated[FailureClass, Field(strict=False)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Environment(Written):
    """Variables a worker gets: literal ones, and names passed on beside the basics."""

    values: dict[EnvName, Word] = Field(default_factory=dict, alias="set")
    passed: tuple[EnvName, ...] = Field(default=(), strict=False, alias="pass")


class VersionProbe(Written):
    """How a program tells its version, and which versions this profile is for.

    `at_least` is included and `below` is not; `tested` is a version, a range
    ("1.40 to 1.49") or "none", and says nothing of what is refused.
    """

    argv: Lines = ("--version",)
    pattern: VersionPattern = r"(\d+(?:\.\d+)+)"
    tested: Tested | None = None
    at_least: Version | None = None
    below: Version | None = None


class Interpreter(Written):
    """What runs the program when it is a script: its name and the oldest that works."""

    name: Line
    at_least: Version


class Hold(Written):
    """How a worker is held to one permission, and one true sentence on what holds."""

    argv: Lines = ()
    values: dict[EnvName, Word] = Field(default_factory=dict, alias="env")
    holds: Text


class WarmUp(Written):
    """What must once run alone in a new state folder before workers share it."""

    argv: Annotated[Lines, Field(min_length=1)]
    limit_s: Seconds = 120.0


class Cost(Written):
    """What one start costs: seconds of one core, MiB while it runs."""

    cpu_s: Annotated[float, Field(ge=0, le=3600)]
    memory_mib: Annotated[int, Field(ge=1, le=1_000_000)]


class Room(Written):
    """What a machine carries: workers per core, and MiB of memory for each worker."""

    core: Annotated[float, Field(gt=0, le=1000)] | None = None
    memory_mib: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class Symptom(Written):
    """What a line of output, or an exit code, says about a failure."""

    pattern: Pattern | None = None
    exit_code: Annotated[int, Field(ge=1, le=255)] | None = None
    failure: Failure = Field(alias="class")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Symptom:
        if (self.pattern is None) is (self.exit_code is None):
            raise ValueError("needs either a pattern or an exit_code")
        return self


class UsageFiles(Written):
    """Where a program writes its token counts when it does not print them."""

    files: Annotated[tuple[UsageFile, ...], Field(strict=False, min_length=1)]
    format: Annotated[UsageFormat, Field(strict=False)]


class Gateway(Written):
    """How requests are led through kimi-swarm's gateway, where they can be.

    `url_env` and `key_env` hold the provider's base URL and key; where there is only a
    key, `default_urls` gives the URL by the value of `kind_env` ("" if unset). Or
    `content_env` holds a JSON document, or `file_env` names its file, with
    `provider.*.options.baseURL` and `apiKey` in it. `set`: variables that are set then.
    """

    url_env: EnvName | None = None
    key_env: EnvName | None = None
    kind_env: EnvName | None = None
    default_urls: dict[Word, Line] = Field(default_factory=dict)
    content_env: EnvName | None = None
    file_env: EnvName | None = None
    values: dict[EnvName, Word] = Field(default_factory=dict, alias="set")

    @model_validator(mode="after")
    def _names_a_way(self) -> Gateway:
        if (self.url_env is None) is not (self.key_env is None):
            raise ValueError("url_env and key_env belong together")
        if (self.key_env is None) is (self.content_env is None):
            raise ValueError("needs either url_env and key_env, or content_env")
        return self


class Login(Written):
    """What shows, without spending anything, that the program has an account to use.

    Any of the variables or files (globs; only looked for, never read) is enough; `how`
    is the command that logs in. Not `needed` means that it works without.
    """

    env: Annotated[tuple[EnvName, ...], Field(strict=False)] = ()
    files: Lines = ()
    how: Line
    needed: bool = True


class ModelList(Written):
    """Where the models that are offered can be asked for, in OpenAI's shape.

    `url` may hold `${NAME:-else}`; an empty one means that nobody can be asked. Of the
    ids, each with `prefix` before it, the first that matches a pattern of `prefer` is
    the model of tasks that name none, unless one of `unless_env` is set.
    """

    url: Line
    key_env: EnvName | None = None
    prefix: Word = ""
    prefer: Lines = ()
    unless_env: Annotated[tuple[EnvName, ...], Field(strict=False)] = ()
