"""A log is cut down to its end; whoever reads it piece by piece keeps the place."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.actions.output import Stream, every_line, last_lines, lines_after
from kimi_swarm.process.log_end import Cut, cut_of, keep_the_end
from kimi_swarm.workers.readable import OurLine

LIMIT_BYTES = 600


def a_stream(path: Path, dialect: str = "text", *, may_grow: bool = False) -> Stream:
    return Stream("work-out", str(path), "", dialect, False, may_grow)


def write(path: Path, text: str) -> None:
    with path.open("ab") as file:
        file.write(text.encode())


def test_a_short_log_is_left_alone(tmp_path: Path):
    path = tmp_path / "out.log"
    write(path, "one\ntwo\n")

    keep_the_end(str(path), LIMIT_BYTES)

    assert path.read_text() == "one\ntwo\n"
    assert cut_of(str(path)) == Cut()
    assert list(tmp_path.iterdir()) == [path]


def test_a_long_log_keeps_whole_lines_of_its_end_and_says_how_much_went(tmp_path: Path):
    path = tmp_path / "out.log"
    write(path, "".join(f"line {number}\n" for number in range(1000)))
    total = path.stat().st_size

    keep_the_end(str(path), LIMIT_BYTES)
    note, *lines = path.read_text().splitlines()
    cut = cut_of(str(path))

    assert lines[-1] == "line 999"
    assert lines[0].startswith("line 9")
    assert (
        note.rstrip() == f"[kimi-swarm left out {cut.gone_bytes} bytes of output here]"
    )
    assert cut.gone_bytes + sum(len(line) + 1 for line in lines) == total
    assert next(every_line([a_stream(path)])) == (
        f"[{cut.gone_bytes} bytes of output left out here]"
    )


def test_an_open_writer_goes_on_behind_the_cut(tmp_path: Path):
    path = tmp_path / "out.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"early\n" * 500)
        keep_the_end(str(path), LIMIT_BYTES)
        writer.write(b"late\n")
        keep_the_end(str(path), LIMIT_BYTES)

    assert path.read_text().endswith("early\nlate\n")


def test_a_worker_that_writes_our_note_is_not_believed(tmp_path: Path):
    path = tmp_path / "out.log"
    write(path, "[kimi-swarm left out 999999 bytes of output here]".ljust(71) + "\n")
    write(path, "its own\n")

    lines, place = lines_after(a_stream(path), 0)

    assert (len(lines), place) == (2, path.stat().st_size)
    assert not any(isinstance(line, OurLine) for line in lines)


STEPS = st.lists(
    st.tuples(st.just("write"), st.integers(1, 60))
    | st.sampled_from([("cut", 0), ("poll", 0)]),
    max_size=25,
)


@given(STEPS)
def test_each_line_is_told_once_or_said_to_be_left_out(steps: list[tuple[str, int]]):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.log"
        path.touch()
        told: list[str] = []
        place = written = 0
        for verb, count in [*steps, ("poll", 0)]:
            if verb == "write":
                numbers = range(written, written + count)
                write(path, "".join(f"{number} {'.' * 7}\n" for number in numbers))
                written += count
            elif verb == "cut":
                keep_the_end(str(path), LIMIT_BYTES)
            else:
                lines, place = lines_after(a_stream(path, may_grow=True), place)
                told += lines
    expected = 0
    for line in told:
        if isinstance(line, OurLine):
            expected = -1
            continue
        number = int(line.split()[0])
        assert number == expected or (expected == -1 and number < written)
        expected = number + 1
    assert expected == written


def test_what_is_too_much_to_tell_is_counted(tmp_path: Path):
    path = tmp_path / "out.log"
    write(path, "first\n" + "a line\n" * 100)

    lines, place = lines_after(a_stream(path), 6, limit_bytes=75)

    assert lines[0] == f"[{100 * 7 - 70} bytes of output left out here]"
    assert lines[1:] == ["a line"] * 10
    assert place == path.stat().st_size


@pytest.mark.parametrize("mebibytes", [2, 70])
def test_of_an_endless_line_the_end_is_told_and_then_nothing_twice(
    tmp_path: Path, mebibytes: int
):
    path = tmp_path / "out.log"
    with path.open("wb") as file:
        file.truncate(mebibytes << 20)  # zeros, which are dropped: no disk is filled
        file.seek(0, 2)
        file.write(b"the end")
    stream = a_stream(path, may_grow=True)

    lines, place = lines_after(stream, 0)
    assert isinstance(lines[0], OurLine)
    assert lines[1:] == ["the end"]
    assert last_lines([stream], 10)[0] == ["the end"]

    write(path, " and more")
    assert lines_after(stream, place) == ([], path.stat().st_size)
    write(path, "\nnext\n")
    assert lines_after(stream, place) == (["next"], path.stat().st_size)


def bytes_read() -> int:
    (line, *_) = Path("/proc/self/io").read_text().splitlines()
    return int(line.split()[1])


def test_the_end_of_a_huge_log_costs_no_more_than_that_of_a_long_one(tmp_path: Path):
    costs = []
    for size in (1 << 20, 1 << 30):
        path = tmp_path / f"{size}.log"
        with path.open("wb") as file:
            file.truncate(size)
        write(path, "\n" + "a line\n" * 5_000)
        before = bytes_read()
        lines, is_all = last_lines([a_stream(path)], 200)
        costs.append(bytes_read() - before)
        assert (len(lines) >= 200, is_all) == (True, False)
    assert costs[1] <= costs[0] + 1_000
    assert costs[0] < 40_000


def test_news_of_a_huge_log_cost_what_is_new(tmp_path: Path):
    path = tmp_path / "out.log"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    write(path, "\n")
    place = path.stat().st_size
    write(path, "new\n")

    before = bytes_read()
    lines, _ = lines_after(a_stream(path), place)

    assert lines == ["new"]
    assert bytes_read() - before < 10_000


TRANSCRIPTS = sorted((Path(__file__).parents[1] / "transcripts").glob("*/*.out"))
DIALECTS = {
    "kilo-7.7.7": "opencode",
    "kimi-2.1.0": "kimi",
    "kimi-cli-1.49.0": "kimi-legacy",
}


@pytest.mark.parametrize(
    "path", TRANSCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_every_dialect_reads_piece_by_piece_what_it_reads_at_once(
    path: Path, tmp_path: Path
):
    name = path.parent.name
    stream = a_stream(tmp_path / "out.log", DIALECTS.get(name, name), may_grow=True)
    raw = path.read_bytes()
    whole = list(every_line([stream._replace(path=str(path))]))
    told: list[str] = []
    place = 0
    (tmp_path / "out.log").touch()
    pieces = raw.splitlines(keepends=True)
    for piece in pieces:
        for half in (piece[: len(piece) // 2], piece[len(piece) // 2 :]):
            with (tmp_path / "out.log").open("ab") as file:
                file.write(half)
            lines, place = lines_after(stream, place)
            told += lines
    told += lines_after(stream._replace(may_grow=False), place)[0]
    assert told == whole
