"""Verbs that are called often stay light: they import nothing that is dear."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.runs import RUN, life, moved, written
from fakes.swarm import Swarm
from kimi_swarm.location import session_folder

CODE = Path(__file__).parents[2] / "skill"
# Each of these costs a light verb several per cent of a bare interpreter start.
DEAR = "argparse asyncio anyio dataclasses inspect json pathlib pydantic re typing"
SESSION = f"{RUN}/header"
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from kimi_swarm.cli.hot import main
code = main(sys.argv[3:])
print(*sorted(set(sys.argv[2].split()) & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("words", [["list"], ["list", "calm-river"], ["wait", "a-b"]])
def test_a_light_verb_imports_nothing_dear(words: list[str], tmp_path: Path):
    assert dear_imports(words, tmp_path) == ""


@pytest.mark.parametrize("words", [["list", RUN], ["log", SESSION], ["poll", SESSION]])
def test_reading_plain_output_imports_nothing_dear(words: list[str], tmp_path: Path):
    connection = written(tmp_path, "header")
    moved(connection, SESSION, *life())
    connection.close()
    folder = Path(session_folder(str(tmp_path), RUN, "header"), "work")
    folder.mkdir(parents=True)
    (folder / "out.log").write_text("one\ntwo\n")
    assert dear_imports(words, tmp_path) == ""


def dear_imports(words: list[str], home: Path) -> str:
    # -S: what is installed beside the interpreter may import such things at its start.
    start = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(CODE), DEAR]
    done = subprocess.run(
        [*start, *words],
        env={"KIMI_SWARM_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.splitlines()[-1]


def test_only_a_plan_that_wants_a_result_pays_for_schemas(swarm: Swarm):
    program = (
        "import sys; from kimi_swarm.__main__ import main; code = main();"
        " print('jsonschema' in sys.modules, file=sys.stderr); sys.exit(code)"
    )
    imported = {}
    for name in ("with", "without"):
        result: dict[str, Any] = {"result": {}} if name == "with" else {}
        task = {"profile": "demo", "prompt": "x", "workspace": "none", **result}
        path = swarm.plan({"a": task})
        done = subprocess.run(
            [sys.executable, "-c", program, "plan", str(path)],
            env=swarm.env,
            capture_output=True,
            text=True,
            check=False,
        )
        imported[name] = done.stderr.splitlines()[-1]
    assert imported == {"with": "True", "without": "False"}


def test_a_supervisor_imports_no_schemas_unless_it_needs_them():
    program = (
        "import sys, kimi_swarm.supervisor.serve, kimi_swarm.supervisor.loop;"
        " print('jsonschema' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(CODE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
