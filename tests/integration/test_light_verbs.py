"""Verbs that are called often stay light: they import nothing that is dear."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).parents[2] / "skill"
# Each of these costs a light verb several per cent of a bare interpreter start.
DEAR = "argparse asyncio anyio dataclasses inspect json pathlib pydantic re typing"
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
    # -S: what is installed beside the interpreter may import such things at its start.
    start = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(CODE), DEAR]
    done = subprocess.run(
        [*start, *words],
        env={"KIMI_SWARM_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == "", done
