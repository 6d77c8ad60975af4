"""What people give for a strategy's parameters: in words, from a file, or piped in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from kimi_swarm.core.items import Given
from kimi_swarm.core.parameter import FROM_FILES
from kimi_swarm.core.strategy import Strategy
from kimi_swarm.errors import UsageError
from kimi_swarm.strict_yaml import PlanFileError, read_text, read_yaml

LIMIT_BYTES = 20_000_000
PIPED = "-"
Read = Callable[[int], bytes]


def given_values(
    strategy: Strategy, values: Mapping[str, str], *, cwd: Path, read_piped: Read | None
) -> dict[str, Given]:
    """Return what was given, files and standard input read.

    `@FILE` (relative to `cwd`) and `-` mean that only for parameters of the types text,
    mapping and items; elsewhere they are words. `read_piped` reads at most so many
    bytes of standard input, None if nothing comes from there. Raises ParameterError,
    PlanFileError, YamlError, UsageError.
    """
    given: dict[str, Given] = {}
    for name, value in values.items():
        reads = strategy.parameter(name).type in FROM_FILES
        if reads and value == PIPED:
            if any(one.source == PIPED for one in given.values()):
                raise UsageError("Only one parameter can be piped in.")
            given[name] = Given(_piped(name, read_piped), PIPED)
        elif reads and value.startswith("@"):
            given[name] = _from_file(cwd / Path(value[1:]).expanduser())
        else:
            given[name] = Given(value)
    return given


def _from_file(path: Path) -> Given:
    if path.suffix in {".yaml", ".yml"}:
        return Given(json.dumps(read_yaml(path), ensure_ascii=False), f"{path}.json")
    return Given(read_text(path, limit_bytes=LIMIT_BYTES), str(path))


def _piped(name: str, read: Read | None) -> str:
    if read is None:
        raise UsageError(
            f"{name} is to be read from standard input, but nothing is piped in.",
            remedy="Name a file instead: @FILE.",
        )
    content = read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        raise PlanFileError("standard input", f"is bigger than {LIMIT_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fact = f"is not UTF-8 text (byte {error.start + 1})"
        raise PlanFileError("standard input", fact) from None
