"""What a worker said, from its log files and the records it keeps of itself."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread

from kimi_swarm.core.output import Transcript, UsageCounted
from kimi_swarm.core.result import RESULT_BYTES, Answer
from kimi_swarm.core.task import Recipe
from kimi_swarm.process.records import ExitRecord, LaunchFiles
from kimi_swarm.workers.dialect import fold
from kimi_swarm.workers.fields import MAX_TEXT_CHARS
from kimi_swarm.workers.patterns import failure_by_exit
from kimi_swarm.workers.plain import plain
from kimi_swarm.workers.usage import UsageFormat, read_usage, usage_glob

CHUNK_BYTES = 65_536
INLINE_BYTES = 262_144
USAGE_FILES = 50


class Turn(NamedTuple):
    """A worker's turn that is over: what it said, how it ended, its last words."""

    transcript: Transcript
    record: ExitRecord | None
    answer: Answer


async def hear_turn(
    files: LaunchFiles,
    recipe: Recipe,
    record: ExitRecord | None,
    env: Mapping[str, str],
) -> Turn:
    """Return what a worker's turn came to; see `hear`."""
    transcript = await hear(files, recipe, record, env)
    if recipe.dialect == "text":
        # All it printed: no line of that is known to be the last message.
        return Turn(transcript, record, Answer(_end(files.out), is_log=True))
    text = transcript.last_text
    return Turn(transcript, record, Answer(text, is_cut=len(text) > MAX_TEXT_CHARS))


async def hear(
    files: LaunchFiles,
    recipe: Recipe,
    record: ExitRecord | None,
    env: Mapping[str, str],
) -> Transcript:
    """Return what a worker's whole output means; large output is read in a thread.

    Where the output tells no usage, the program's own records of the conversation are
    asked; `env` is the worker's environment, which says where they are.
    """

    def read() -> Transcript:
        return _hear(files, recipe, record, env)

    if _size(files.out) + _size(files.err) <= INLINE_BYTES and not recipe.usage_files:
        return read()
    return await anyio.to_thread.run_sync(read)


def _hear(
    files: LaunchFiles,
    recipe: Recipe,
    record: ExitRecord | None,
    env: Mapping[str, str],
) -> Transcript:
    out, err = _chunks(files.out), _chunks(files.err)
    transcript = fold(recipe.dialect, out, err, errors=recipe.errors)
    if record is None:
        return transcript
    if transcript.failure is None and record.exit_code not in recipe.ok_exit_codes:
        failure = failure_by_exit(recipe.exit_errors, record.exit_code)
        if failure is not None:
            transcript = transcript.after(failure)
    if transcript.usage is None:
        usage = _recorded_usage(recipe, transcript.conversation, record, env)
        transcript = transcript._replace(usage=usage)
    return transcript


def _recorded_usage(
    recipe: Recipe,
    conversation: str | None,
    record: ExitRecord,
    env: Mapping[str, str],
) -> UsageCounted | None:
    if conversation is None or recipe.usage_format is None:
        return None
    form = UsageFormat(recipe.usage_format)
    total = Transcript()
    for pattern in recipe.usage_files:
        found = usage_glob(pattern, conversation=conversation, env=env)
        for path in sorted(glob.glob(found))[:USAGE_FILES] if found else ():  # noqa: PTH207 the pattern is absolute
            counted = _usage_in(form, path, since_s=record.started_at)
            if counted is not None:
                total = total.after(counted)
    return total.usage


def _usage_in(form: UsageFormat, path: str, *, since_s: float) -> UsageCounted | None:
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as lines:
            return read_usage(form, lines, since_s=since_s)
    except OSError:
        return None


def _end(path: str) -> str:
    """Return the end of what a program printed."""
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, _size(path) - RESULT_BYTES))
            return plain(file.read(RESULT_BYTES).decode("utf-8", "replace"))
    except FileNotFoundError:
        return ""


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _chunks(path: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        return
