"""Command lines run one after another in one process: a call without its start-up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_PROGRAM = """
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from kimi_swarm.__main__ import main

answers = sys.stdout
for line in sys.stdin:
    asked = json.loads(line)
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.argv[1:] = asked["words"]
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main()
        except SystemExit as left:
            code = left.code
    os.chdir("/")  # or this process seems to be one that the folder's owner left
    answers.write(json.dumps([code, out.getvalue(), err.getvalue()]) + "\\n")
    answers.flush()
"""


class Answer(NamedTuple):
    """How a call ended: its exit code, and the one object that it printed."""

    code: int
    told: dict[str, Any]

    @property
    def error(self) -> str:
        """The code of the error that was told, empty where there was none."""
        return str(self.told.get("error", {}).get("code", ""))


class Caller:
    """A live process that runs command lines as `kimi-swarm` does, in any folder."""

    def __init__(self, code: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            env={"PYTHONPATH": str(code), "LANG": "C.UTF-8"},
            cwd=code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, env: Mapping[str, str], cwd: Path, *words: object) -> Answer:
        """Run one command line with `--json`; fails on a traceback."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        asked = {
            "env": dict(env),
            "cwd": str(cwd),
            "words": [*map(str, words), "--json"],
        }
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        code, out, err = json.loads(process.stdout.readline())
        assert "Traceback" not in err, err
        assert code != 3, (words, out, err)
        return Answer(code, json.loads(out))

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()
