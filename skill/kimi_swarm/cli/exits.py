"""How every verb ends: exit codes by meaning, errors in a sentence, no traceback."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Sequence

from kimi_swarm.calls.answer import NOT_ALL, OK
from kimi_swarm.errors import SwarmError

__all__ = ["INTERRUPTED", "NOT_ALL", "OK", "guarded", "tell"]

BAD_INPUT = 2
INTERRUPTED = 130


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
    from kimi_swarm.telling.refusals import sentence_of  # noqa: PLC0415 only for errors

    sys.stderr.write(f"kimi-swarm: {sentence_of(error)}\n")


def _tell_defect(error: Exception, *, is_json: bool) -> int:
    from kimi_swarm.telling.refusals import defect_of  # noqa: PLC0415 only for a defect

    defect = defect_of(error)
    tell(defect, is_json=is_json)
    return defect.exit_code
