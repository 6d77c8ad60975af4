"""Token counts out of the files in which some programs keep them.

Pure: whoever reads the files gives their text. Counts are of one conversation, which
may have been gone on with; `since_s` leaves out what earlier sessions spent.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from kimi_swarm.core.output import Transcript, UsageCounted
from kimi_swarm.workers.fields import count_in, json_object, model_in

_CONVERSATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class UsageFormat(StrEnum):
    """The formats that can be read."""

    KIMI_WIRE = "kimi-wire"
    KIMI_LEGACY_WIRE = "kimi-legacy-wire"


def usage_glob(
    pattern: str, *, conversation: str, env: Mapping[str, str]
) -> str | None:
    """Return the glob that finds a conversation's usage files, or None if none can.

    `${NAME:-else}` is the variable's value, or `else` if it is unset or empty; `~` at
    the start is HOME. The id is a worker's own word, so only one that cannot lead to
    other files is taken.
    """
    if not _CONVERSATION.fullmatch(conversation):
        return None
    home = env.get("HOME", "")
    parts, at = [], 0
    for found in _VARIABLE.finditer(pattern):
        value = glob.escape(env.get(found[1]) or "") or (found[2] or "")
        parts += [pattern[at : found.start()], value]
        at = found.end()
    path = "".join((*parts, pattern[at:])).replace("{conversation}", conversation)
    if path.startswith("~/"):
        path = glob.escape(home) + path[1:] if home else ""
    return path if path.startswith("/") else None


def read_usage(
    form: UsageFormat, lines: Iterable[str], *, since_s: float = 0.0
) -> UsageCounted | None:
    """Add up what the lines of one file tell, from a moment on (seconds, Unix time).

    None if they tell nothing: that is not the same as no tokens.
    """
    read = _READERS[form]
    transcript = Transcript()
    for line in lines:
        spoken = json_object(line)
        for at_s, counted in read(spoken) if spoken is not None else ():
            if at_s >= since_s:
                transcript = transcript.after(counted)
    return transcript.usage


def _kimi(spoken: dict[str, object]) -> Iterator[tuple[float, UsageCounted]]:
    match spoken:
        case {"type": "usage.record", "usage": dict(usage)}:
            yield (
                _moment(spoken.get("time")) / 1000,
                _counted(
                    other=usage.get("inputOther"),
                    cache_read=usage.get("inputCacheRead"),
                    cache_written=usage.get("inputCacheCreation"),
                    output=usage.get("output"),
                    model=model_in(spoken.get("model")),
                ),
            )
        case _:
            pass


def _kimi_legacy(spoken: dict[str, object]) -> Iterator[tuple[float, UsageCounted]]:
    match spoken:
        case {"message": {"payload": {"token_usage": dict(usage)}}}:
            yield (
                _moment(spoken.get("timestamp")),
                _counted(
                    other=usage.get("input_other"),
                    cache_read=usage.get("input_cache_read"),
                    cache_written=usage.get("input_cache_creation"),
                    output=usage.get("output"),
                ),
            )
        case _:
            pass


def _counted(
    *,
    other: object,
    cache_read: object,
    cache_written: object,
    output: object,
    model: str | None = None,
) -> UsageCounted:
    read, written = count_in(cache_read), count_in(cache_written)
    return UsageCounted(
        input_tokens=count_in(other) + read + written,
        cached_tokens=read,
        output_tokens=count_in(output),
        requests=1,
        model=model,
    )


def _moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value)


_READERS = {
    UsageFormat.KIMI_WIRE: _kimi,
    UsageFormat.KIMI_LEGACY_WIRE: _kimi_legacy,
}
