"""How every verb ends: exit codes by meaning, errors in a sentence, no traceback."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Sequence

from kimi_swarm.calls.answer import NOT_ALL, OK
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import state_home

__all__ = ["INTERRUPTED", "NOT_ALL", "OK", "guarded", "tell"]

BAD_INPUT = 2
DEFECT = 3
INTERRUPTED = 130
SENTENCE_CHARS = 2_000


def guarded(verb: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Run a verb and return its exit code, whatever happens in it."""
    is_json = "--json" in argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character gets a stand-in, not a failure.
            stream.reconfigure(errors="replace")
    try:
        code = verb(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
    except SwarmError as error:
        tell(error, is_json=is_json)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader left; nothing more can be told, not even at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return OK
    except Exception as error:  # noqa: BLE001 the last place that can tell
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO):
            return _tell_full_output()
        return _tell_defect(error, is_json=is_json)
    return code


def _tell_full_output() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stderr.write("kimi-swarm: standard output takes no more. [output_full]\n")
    return BAD_INPUT


def tell(error: SwarmError, *, is_json: bool) -> None:
    """Print an error: a sentence and a remedy, or a JSON object on standard output."""
    if is_json:
        import json  # noqa: PLC0415 light verbs that succeed in text need none

        from kimi_swarm.telling.as_json import (  # noqa: PLC0415 only for --json
            error_object,
        )

        print(json.dumps(error_object(error)))
        return
    from kimi_swarm.workers.plain import clip  # noqa: PLC0415 only for an error

    # One line, whatever somebody typed or a plan holds.
    sentence = clip(str(error), SENTENCE_CHARS)
    if not sentence.endswith((".", "?", "!")):
        sentence += "."
    remedy = f" {error.remedy}" if error.remedy else ""
    sys.stderr.write(f"kimi-swarm: {sentence}{remedy} [{error.code}]\n")


def _tell_defect(error: Exception, *, is_json: bool) -> int:
    import traceback  # noqa: PLC0415 only for a defect

    path = state_home() + "/defects.log"
    try:
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 light
            file.write("".join(traceback.format_exception(error)) + "\n")
    except OSError:
        path = "nowhere, since the state folder cannot be written"
    defect = SwarmError(
        f"A defect in kimi-swarm: {type(error).__name__}: {error}.",
        remedy=f"Please report it; the details are in {path}.",
    )
    defect.code = "defect"
    tell(defect, is_json=is_json)
    return DEFECT
