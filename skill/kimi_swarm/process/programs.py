"""Where a worker's program is, what runs it, and how old it is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kimi_swarm.errors import SwarmError
from kimi_swarm.process.command import ProgramMissingError, run_command
from kimi_swarm.workers.profile import Profile, VersionProbe
from kimi_swarm.workers.version import judge_version, numbers_of

_PROBE_LIMIT_S = 20.0
_PROBE_KEEP_BYTES = 65_536
_SHEBANG_BYTES = 512
_ENV = re.compile(r"#!\s*/usr/bin/env\s+(?:-S\s+)?(\S.*)")


class FoundProgram(NamedTuple):
    """How to start a program by absolute paths.

    `extra_path` is the whole PATH its worker must get, None when the given one does.
    """

    argv: tuple[str, ...]
    extra_path: str | None = None


class VersionReport(NamedTuple):
    """What a program and its interpreter say of their age.

    `problem` is a sentence that says why it cannot be used, `warning` one that says
    what to know before it is.
    """

    program: str | None = None
    interpreter: str | None = None
    problem: str | None = None
    warning: str | None = None


def find_program(name: str, *, path: str, install: str | None = None) -> FoundProgram:
    """Find a program on `path` (folders as in PATH) without starting anything.

    A script that asks `env` for its interpreter comes back behind that interpreter, so
    that no later change of PATH can swap it. The one beside the script goes before the
    first on PATH: what installed both knows which fits, and a login shell may have put
    an older one first. A relative path with a slash comes back as it is: it names a
    file of the workspace. Raises ProgramMissingError; `install` is the line that would
    mend it.
    """
    if "/" in name and not Path(name).is_absolute():
        return FoundProgram((name,))
    remedy = f"Install it with: {install}" if install else ""
    program = name if Path(name).is_absolute() else _on_path(name, path)
    if program is None or not _is_program(program):
        raise ProgramMissingError(name, remedy=remedy)
    words = _interpreter_words(program)
    if not words:
        return FoundProgram((program,))
    folder = os.path.dirname(program)  # noqa: PTH120 a Path would fold `..` and links
    first = _on_path(words[0], path)
    interpreter = _on_path(words[0], folder) or first
    if interpreter is None:
        raise ProgramMissingError(
            f"{words[0]}, which runs {name},",
            remedy=f"Install {words[0]} and make sure it is on PATH.",
        )
    argv = (interpreter, *words[1:], program)
    if interpreter == first:
        return FoundProgram(argv)
    return FoundProgram(argv, os.pathsep.join((folder, path)) if path else folder)


async def probe_version(
    profile: Profile, found: FoundProgram, *, env: Mapping[str, str], cwd: Path
) -> VersionReport:
    """Ask a profile's program, and its interpreter, for their versions.

    Never raises for a program that misbehaves: the report's `problem` says it.
    """
    needed = profile.interpreter
    interpreter = None
    if needed is not None and len(found.argv) > 1:
        probe = VersionProbe(at_least=needed.at_least)
        interpreter, problem = await _ask(
            needed.name, found.argv[:1], probe, env=env, cwd=cwd
        )
        if problem:
            return VersionReport(None, interpreter, problem)
    if profile.version is None:
        return VersionReport(None, interpreter)
    program, problem = await _ask(
        profile.name, found.argv, profile.version, env=env, cwd=cwd
    )
    if problem or program is None:
        return VersionReport(program, interpreter, problem)
    fit = judge_version(profile, program)
    return VersionReport(program, interpreter, fit.problem or None, fit.warning or None)


async def _ask(
    name: str,
    argv: tuple[str, ...],
    probe: VersionProbe,
    *,
    env: Mapping[str, str],
    cwd: Path,
) -> tuple[str | None, str | None]:
    line = " ".join(probe.argv)
    try:
        done = await run_command(
            (*argv, *probe.argv),
            cwd=cwd,
            env=env,
            keep_bytes=_PROBE_KEEP_BYTES,
            limit_s=_PROBE_LIMIT_S,
        )
    except SwarmError as error:
        return None, str(error)
    text = (done.stdout + b"\n" + done.stderr).decode(errors="replace")
    match = re.search(probe.pattern, text)
    if done.exit_code != 0:
        return None, f"{name} {line} ended with exit code {done.exit_code}."
    if match is None:
        return None, f"{name} {line} printed no version."
    version = match.group(1)
    if probe.at_least and numbers_of(version) < numbers_of(probe.at_least):
        wanted = f"{probe.at_least} or newer is needed"
        return version, f"{name} {version} is too old; {wanted}."
    return version, None


def _on_path(name: str, path: str) -> str | None:
    for folder in path.split(os.pathsep):
        if Path(folder).is_absolute():  # an empty entry would mean the current folder
            program = os.path.join(folder, name)  # noqa: PTH118 kept as PATH spells it
            if _is_program(program):
                return program
    return None


def _is_program(program: str) -> bool:
    return Path(program).is_file() and os.access(program, os.X_OK)


def _interpreter_words(program: str) -> tuple[str, ...]:
    try:
        with Path(program).open("rb") as file:
            first = file.read(_SHEBANG_BYTES).split(b"\n", 1)[0]
    except OSError:
        return ()  # executable but unreadable: the system will start it
    match = _ENV.fullmatch(first.decode(errors="replace").rstrip())
    words = tuple(match.group(1).split()) if match else ()
    if words and (words[0].startswith("-") or "=" in words[0] or "/" in words[0]):
        return ()  # options and assignments of `env` are its own business
    return words
