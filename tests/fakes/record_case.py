"""One run of a real program before the scripted model, kept as a transcript.

What the recorders of single programs share: how a case is run and stopped, and where
its outputs go: `CASE.out`, `CASE.err`, and how it ended to `exit_codes.json`. Paths,
ids, moments and ports are replaced by fixed ones. Token counts stay as they came: they
follow the size of what the program sent, which holds its own instructions, so recording
again may move them a little.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

RUN_LIMIT_S = 120
PATIENCE_S = 60
TRANSCRIPTS = Path(__file__).resolve().parents[1] / "transcripts"
WORK = "WRITE notes.txt hello\nSAY All done."
STARTED = "started"
SLEEP = f"RUN echo $$ > {STARTED}; exec sleep 300\nSAY Woke up."


class Case(NamedTuple):
    """One run: the script its prompt holds, and what is unusual about it.

    `stop` is a signal sent to the program once its shell command runs; `follows` names
    the case whose conversation and workspace this one goes on with.
    """

    script: str = WORK
    args: tuple[str, ...] = ()
    is_configured: bool = True
    is_reachable: bool = True
    stop: signal.Signals | None = None
    follows: str | None = None


CASES = {
    "success": Case("WRITE notes.txt hello\nRUN cat notes.txt\nSAY All done."),
    "tool_error": Case("READ missing.txt\nRUN false\nSAY Nothing worked."),
    "400": Case(f"FAULT 400\n{WORK}"),
    "401": Case(f"FAULT 401\n{WORK}"),
    "402": Case(f"FAULT 402\n{WORK}"),
    "403": Case(f"FAULT 403\n{WORK}"),
    "404": Case(f"FAULT 404\n{WORK}"),
    "429": Case(f"FAULT 429ra1\n{WORK}"),
    "429_twice": Case(f"FAULT 429x2ra1\n{WORK}"),
    "500": Case(f"FAULT 500\n{WORK}"),
    "empty": Case(f"FAULT badjson\n{WORK}"),
    "early_end": Case(f"FAULT dropeof\n{WORK}"),
    "unknown_model": Case(),
    "not_configured": Case(is_configured=False),
    "sigterm_in_shell": Case(SLEEP, stop=signal.SIGTERM),
    "resumed": Case("WRITE more.txt again\nSAY Went on.", follows="success"),
}


Fixes = Sequence[tuple[str, str | Callable[[re.Match[str]], str]]]


class Program(Protocol):
    """What a recorder knows of its program: its name on PATH, and how to ask it."""

    name: str
    reads_prompt: bool

    @property
    def cases(self) -> Mapping[str, Case]: ...

    def argv(self, name: str, case: Case, conversation: str) -> Sequence[str]: ...

    def environment(self, case: Case, state: Path, url: str) -> Mapping[str, str]: ...

    def conversation_in(self, said: str) -> str: ...

    def fixes(self) -> Fixes: ...


def prompt_of(name: str, case: Case) -> str:
    """Return what the program is told in a case."""
    return f"Recording {name}:\n{case.script}"


class Recorder:
    """Runs cases of one program in workspaces below a folder and keeps what it said."""

    def __init__(self, program: Program, folder: Path, url: str) -> None:
        self.program, self.folder, self.url = program, folder, url
        self.state = folder / "state"
        self.state.mkdir(exist_ok=True)
        self.conversations: dict[str, str] = {}

    def run(self, name: str, case: Case) -> tuple[str, str, int]:
        """Run one case; gives its standard output, standard error and exit code."""
        workspace = self.folder / f"{case.follows or name}-ws"
        workspace.mkdir(exist_ok=True)
        known = self.conversations.get(case.follows or "", "")
        with tempfile.TemporaryFile("w+b") as prompt:
            if self.program.reads_prompt:
                prompt.write(prompt_of(name, case).encode())
                prompt.seek(0)
            process = subprocess.Popen(
                self.program.argv(name, case, known),
                cwd=workspace,
                env=self.program.environment(case, self.state, self.url),
                stdin=prompt,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            if case.stop is not None:
                _stop(process, workspace / STARTED, case.stop)
            out, err = process.communicate(timeout=RUN_LIMIT_S)
        texts = out.decode(), err.decode()
        self.conversations[name] = self.program.conversation_in("\n".join(texts))
        return self._fixed(texts[0]), self._fixed(texts[1]), process.returncode

    def _fixed(self, text: str) -> str:
        folder = re.escape(str(self.folder).lstrip("/"))  # some leave the slash out
        found = re.sub(folder + r"/[\w.-]+-ws", "ws", text)
        found = found.replace(str(self.state), "/state")
        found = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", found)
        for pattern, fix in self.program.fixes():
            found = re.sub(pattern, fix, found)
        return found


def _stop(
    process: subprocess.Popen[bytes], started: Path, sign: signal.Signals
) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not (started.exists() and started.read_text().strip()):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            sys.exit("the shell command never began")
        time.sleep(0.05)
    time.sleep(1)  # what it printed so far is still on its way
    process.send_signal(sign)
    process.wait(PATIENCE_S)
    with contextlib.suppress(ProcessLookupError):  # some leave their commands behind
        os.kill(int(started.read_text()), signal.SIGKILL)


def record(program: Program, names: Sequence[str], url: str, folder: Path) -> Path:
    """Record the named cases, or all; gives `tests/transcripts/NAME-VERSION/`."""
    if unknown := [name for name in names if name not in program.cases]:
        sys.exit(f"no such case: {', '.join(unknown)}")
    into = TRANSCRIPTS / f"{program.name}-{_version_of(program.name)}"
    into.mkdir(parents=True, exist_ok=True)
    codes_file = into / "exit_codes.json"
    codes = json.loads(codes_file.read_text()) if codes_file.exists() else {}
    recorder = Recorder(program, folder, url)
    for name in names or program.cases:
        out, err, codes[name] = recorder.run(name, program.cases[name])
        (into / f"{name}.out").write_text(out, encoding="utf-8")
        (into / f"{name}.err").write_text(err, encoding="utf-8")
        sys.stderr.write(f"{name}: exit code {codes[name]}\n")
    codes_file.write_text(json.dumps(codes, indent=2, sort_keys=True) + "\n")
    return into


def _version_of(program: str) -> str:
    asked = [program, "--version"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True)
    return told.stdout.split()[-1]


def keep_token_lines(
    wires: Iterable[Path], into: Path, *, case: str, mark: str
) -> None:
    """Keep what the program wrote of a case's tokens, if that case was recorded."""
    for text in (wire.read_text(encoding="utf-8") for wire in wires):
        if f"Recording {case}:" in text:
            lines = [line for line in text.splitlines() if mark in line]
            (into / "wire.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
