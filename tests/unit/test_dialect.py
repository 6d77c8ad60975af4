"""What holds for every dialect: cuts, junk and ends do not matter, nothing raises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.core.output import LineIgnored, TextWritten, Transcript
from kimi_swarm.workers.dialect import (
    Dialect,
    UnknownDialectError,
    dialect_named,
    dialect_names,
    fold,
)

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
NAMES = dialect_names()
OF_FOLDER = {
    "kilo-7.7.7": "opencode",
    "kimi-2.1.0": "kimi",
    "kimi-cli-1.49.0": "kimi-legacy",
}


class Recorded(NamedTuple):
    """One recorded run and the dialect it is in."""

    dialect: str
    case: str
    out: bytes
    err: bytes

    def folded(self) -> Transcript:
        return fold(self.dialect, [self.out], [self.err])


RECORDED = [
    Recorded(
        dialect=OF_FOLDER.get(out.parent.name, out.parent.name),
        case=out.stem,
        out=out.read_bytes(),
        err=out.with_suffix(".err").read_bytes(),
    )
    for out in sorted(TRANSCRIPTS.glob("*/*.out"))
]
each_recorded = pytest.mark.parametrize(
    "recorded", RECORDED, ids=lambda recorded: f"{recorded.dialect}-{recorded.case}"
)
each_name = pytest.mark.parametrize("name", NAMES)


def test_there_is_a_recording_for_every_dialect():
    assert {recorded.dialect for recorded in RECORDED} == set(NAMES)


@each_recorded
def test_a_cut_at_any_byte_changes_nothing(recorded: Recorded):
    whole = recorded.folded()
    out, err = recorded.out, recorded.err
    for at in range(len(out) + 1):
        assert fold(recorded.dialect, [out[:at], out[at:]], [err]) == whole
    for at in range(len(err) + 1):
        assert fold(recorded.dialect, [out], [err[:at], err[at:]]) == whole


@each_recorded
def test_output_that_comes_byte_by_byte_means_the_same(recorded: Recorded):
    out = [bytes([byte]) for byte in recorded.out]
    err = [bytes([byte]) for byte in recorded.err]
    assert fold(recorded.dialect, out, err) == recorded.folded()


@pytest.mark.parametrize(
    "recorded", [recorded for recorded in RECORDED if recorded.dialect != "text"]
)
@pytest.mark.parametrize(
    "junk", [b"INFO starting", b"{", b"{}", b"[1]", b"\xff\x00\x1b[31m", b'{"a":']
)
def test_junk_between_lines_changes_nothing_for_a_spoken_dialect(
    recorded: Recorded, junk: bytes
):
    out = b"".join(
        junk + b"\n" + line for line in recorded.out.splitlines(keepends=True)
    )
    assert fold(recorded.dialect, [out], [recorded.err]) == recorded.folded()


@each_recorded
def test_output_that_ends_after_any_line_can_be_read(recorded: Recorded):
    lines = recorded.out.splitlines(keepends=True)
    whole = recorded.folded()
    for count in range(len(lines)):
        part = fold(recorded.dialect, lines[:count], [])
        assert part.tool_calls <= whole.tool_calls
        assert part.retries <= whole.retries
    if whole.finished is not None and whole.finished.is_proper:
        assert fold(recorded.dialect, lines[:-1], []).finished is None


KEYS = (
    *("role", "type", "content", "tool_calls", "function", "name", "arguments"),
    *("event", "text", "class", "status", "status_code", "session_id", "reason"),
    *("error_message", "input_tokens", "cost_usd", "conversation", "summary"),
    *("part", "tool", "state", "sessionID", "tokens", "cache", "cost", "error", "data"),
    *("message", "statusCode", "subtype", "is_error", "result", "usage", "errors"),
    *("item", "thread_id", "changes", "path", "severity", "stats", "status", "delta"),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["assistant", "meta", "tool", "turn.step.retrying", "usage"])
    | st.sampled_from(["step_start", "step_finish", "tool_use", "error", "message"])
    | st.sampled_from(["system", "api_retry", "result", "item.completed", "init"])
    | st.sampled_from(["turn.completed", "turn.failed", "thread.started", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@each_name
@given(line=json_values.map(json.dumps) | st.text(), is_stderr=st.booleans())
def test_no_line_makes_a_dialect_raise(name: str, line: str, *, is_stderr: bool):
    dialect = dialect_named(name)
    transcript = Transcript()
    for event in [*dialect.read(line, is_stderr=is_stderr), *dialect.end()]:
        transcript = transcript.after(event)
        assert repr(event).isprintable()
    transcript.last_text.encode()


@each_name
def test_deep_nesting_and_huge_numbers_are_only_lines(name: str):
    dialect = dialect_named(name)
    for line in ('{"a":' * 100_000, '{"role":' + "9" * 10_000 + "}"):
        (event,) = dialect.read(line, is_stderr=False)
        assert isinstance(event, LineIgnored | TextWritten)


@each_name
def test_each_reader_is_a_fresh_one(name: str):
    first: Dialect = dialect_named(name)
    first.read("error: failed to run prompt: x", is_stderr=True)
    first.read("one", is_stderr=False)
    first.read("two", is_stderr=False)
    assert dialect_named(name).end() == []


def test_an_unknown_dialect_is_refused_with_those_that_exist():
    with pytest.raises(UnknownDialectError) as refused:
        dialect_named("klingon")
    assert refused.value.code == "unknown_dialect"
    assert refused.value.remedy == (
        "Use one of: claude, codex, gemini, kimi, kimi-legacy, opencode, swarm, text."
    )
