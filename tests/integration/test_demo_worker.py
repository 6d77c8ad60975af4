"""The demo worker as a process: what it writes, says, refuses, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import kimi_swarm
from kimi_swarm.core.output import FailureClass, Finished, Transcript
from kimi_swarm.workers.dialect import fold

ARGV = [sys.executable, "-P", "-m", "kimi_swarm.workers.demo"]
SOURCE_ROOT = str(Path(kimi_swarm.__file__).parents[1])


RECORDED = Path(__file__).parents[1] / "transcripts" / "swarm" / "demo.out"


def environment(pace_s: str = "0") -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": SOURCE_ROOT,
        "PYTHONDONTWRITEBYTECODE": "1",
        "KIMI_SWARM_DEMO_PACE_S": pace_s,
    }


def run(
    prompt: str | bytes, folder: Path, pace_s: str = "0"
) -> tuple[int, Transcript, bytes]:
    ended = subprocess.run(
        ARGV,
        input=prompt.encode() if isinstance(prompt, str) else prompt,
        cwd=folder,
        env=environment(pace_s),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.stderr == b""
    return ended.returncode, fold("swarm", [ended.stdout], []), ended.stdout


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}


def test_it_writes_the_files_it_is_asked_for_and_tells_them(tmp_path: Path):
    prompt = (
        "Build a page.\n"
        "- Create `parts/header.html`: a header\n"
        "- Create `parts/footer.html`: a footer\n"
        "- Write `index.html` from `parts/header.html` and `parts/footer.html`\n"
    )
    code, told, _ = run(prompt, tmp_path)
    assert code == 0
    assert files(tmp_path) == {"parts/header.html", "parts/footer.html", "index.html"}
    page = (tmp_path / "index.html").read_text()
    assert page.index("a header") < page.index("a footer")
    assert told.tool_calls == 3
    assert told.finished == Finished("stop")
    assert told.usage is not None
    size = (tmp_path / "index.html").stat().st_size
    assert told.last_text.startswith("Wrote 3 files: `parts/header.html` (")
    assert f"`index.html` ({size} bytes)" in told.last_text


def test_the_same_prompt_gives_the_same_bytes(tmp_path: Path):
    prompt = "Create `a.tsx`: ünï\nWrite `b.json` from `a.tsx`"
    outputs = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        _, _, out = run(prompt, folder)
        outputs.append((out, *(p.read_bytes() for p in sorted(folder.iterdir()))))
    assert outputs[0] == outputs[1]


def test_it_speaks_as_its_recording_says(tmp_path: Path):
    prompt = (
        "Build it.\n"
        "- Create `src/Header.tsx`: a header\n"
        "- Create `index.html` from `src/Header.tsx`\n"
    )
    _, _, out = run(prompt, tmp_path)
    assert out == RECORDED.read_bytes()


def test_it_answers_in_a_sentence_when_no_file_is_asked_for(tmp_path: Path):
    code, told, _ = run("\n  Why is the sky blue?\nBe brief.", tmp_path)
    assert code == 0
    assert "“Why is the sky blue?”" in told.last_text
    assert files(tmp_path) == set()
    assert told.finished == Finished("stop")


@pytest.mark.parametrize(
    "path", ["/etc/none", "../out.txt", "a/../../b", ".git/x", "C:\\x", "", ".", "a\0b"]
)
def test_a_path_outside_is_refused_before_anything_is_written(
    path: str, tmp_path: Path
):
    code, told, _ = run(f"Create `fine.txt`\nCreate `{path}`", tmp_path)
    assert code == 1
    assert told.failure is not None
    assert told.failure.failure is FailureClass.BAD_REQUEST
    assert "is not a file inside the workspace" in told.failure.message
    assert told.finished is None
    assert files(tmp_path) == set()


def test_a_link_that_leads_out_is_refused(tmp_path: Path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "loop").symlink_to("loop")
    code, told, _ = run("Create `link/a.txt`", inside)
    assert (code, files(outside)) == (1, set())
    assert told.failure is not None
    code, told, _ = run("Create `loop`", inside)
    assert code == 1
    assert told.failure is not None


def test_a_missing_part_is_named(tmp_path: Path):
    code, told, _ = run("Write `all.md` from `a.md`", tmp_path)
    assert code == 1
    assert told.failure is not None
    assert told.failure.message == "`a.md` is not there to work from."
    assert files(tmp_path) == set()


def test_a_folder_in_the_way_is_an_error_and_no_traceback(tmp_path: Path):
    (tmp_path / "a.txt").mkdir()
    code, told, _ = run("Create `a.txt`", tmp_path)
    assert code == 1
    assert told.failure is not None
    assert told.failure.message == "a.txt: Is a directory"


@pytest.mark.parametrize("prompt", ["", " \n\t\n"])
def test_an_empty_prompt_is_refused(prompt: str, tmp_path: Path):
    code, told, _ = run(prompt, tmp_path)
    assert code == 1
    assert told.failure is not None


@pytest.mark.parametrize("pace_s", ["soon", "-1", "nan", "1e9"])
def test_a_pace_that_is_no_pause_is_refused(pace_s: str, tmp_path: Path):
    code, told, _ = run("Create `a.txt`", tmp_path, pace_s)
    assert code == 1
    assert told.failure is not None
    assert "KIMI_SWARM_DEMO_PACE_S" in told.failure.message


def test_a_prompt_in_another_encoding_is_still_read(tmp_path: Path):
    code, _, _ = run(b"Create `a.txt`: \xe9t\xe9\n", tmp_path)
    assert code == 0
    assert (
        tmp_path / "a.txt"
    ).read_text() == "\N{REPLACEMENT CHARACTER}t\N{REPLACEMENT CHARACTER}\n"


def test_a_workspace_cannot_replace_the_standard_library(tmp_path: Path):
    (tmp_path / "json.py").write_text("raise SystemExit(9)\n")
    code, _, _ = run("Create `a.txt`", tmp_path)
    assert code == 0


def test_term_ends_it_at_once(tmp_path: Path):
    with subprocess.Popen(
        ARGV,
        cwd=tmp_path,
        env=environment("60"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(b"Create `a.txt`")
        worker.stdin.close()
        assert json.loads(worker.stdout.readline())["event"] == "started"
        assert json.loads(worker.stdout.readline())["event"] == "tool"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=60) == 143
    assert files(tmp_path) == set()


def test_it_answers_with_the_words_that_it_is_given(tmp_path: Path):
    prompt = 'JSON schema: {"type": "object"}\nAnswer with `{"n": 3}`\n'
    code, transcript, _ = run(prompt, tmp_path)
    assert (code, transcript.last_text) == (0, '{"n": 3}')
