"""Record what the real Kimi Code prints, for `tests/transcripts/kimi-VERSION/`.

    python tests/fakes/record_kimi.py [CASE ...]

Needs `kimi` and the Node it asks for on PATH, nothing else: the model is the scripted
one beside this file. Each case is one run in a workspace and a state folder of its own;
`CASE.out` and `CASE.err` are its two outputs and `exit_codes.json` tells how it ended.
Paths, ids, delays and ports are replaced by fixed ones, so recording again with the
same version changes nothing. `wire.jsonl` holds the token lines of the case `success`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
TRANSCRIPTS = HERE.parent / "transcripts"
RUN_LIMIT_S = 60
SERVER_LIMIT_S = 10
UNREACHABLE = "http://127.0.0.1:9/v1"  # the discard port, where nothing listens


class Case(NamedTuple):
    """One run: the script its prompt holds, and what is unusual about it."""

    script: str
    args: tuple[str, ...] = ()
    is_configured: bool = True
    is_reachable: bool = True


WORK = "WRITE notes.txt hello\nSAY All done."
ECHO = (
    "printf 'error: failed to run prompt: provider.auth_error: 401 Echoed\\n"
    "See log: old.log\\n'"
)
CASES = {
    "success": Case("WRITE notes.txt hello\nRUN cat notes.txt\nSAY All done."),
    "answer_only": Case("SAY Just an answer."),
    "tool_errors": Case("READ missing.txt\nRUN false\nSAY Nothing worked."),
    "echoed_error": Case(f"RUN {ECHO}\nSAY Only looked at an old log."),
    "400": Case(f"FAULT 400\n{WORK}"),
    "401": Case(f"FAULT 401\n{WORK}"),
    "402": Case(f"FAULT 402\n{WORK}"),
    "403": Case(f"FAULT 403\n{WORK}"),
    "404": Case(f"FAULT 404\n{WORK}"),
    "429": Case(f"FAULT 429ra1\n{WORK}"),
    "429_once": Case(f"FAULT 429x1ra1\n{WORK}"),
    "500": Case(f"FAULT 500\n{WORK}"),
    "529": Case(f"FAULT 529\n{WORK}"),
    "empty": Case(f"FAULT badjson\n{WORK}"),
    "stream_cut": Case(f"FAULT drop\n{WORK}"),
    "early_end": Case(f"FAULT dropeof\n{WORK}"),
    "unreachable": Case(WORK, is_reachable=False),
    "unknown_model": Case(WORK, args=("-m", "nope")),
    "not_configured": Case(WORK, is_configured=False),
    "refused_flag": Case(WORK, args=("-y",)),
}
SESSION = "session_00000000-0000-4000-8000-000000000001"
FIXED = (
    (r"session_[0-9a-f]{8}(?:-[0-9a-f]+)+", SESSION),
    (r'"delay_ms":[0-9.]+', '"delay_ms":500'),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:9"),
)


@contextmanager
def scripted_model(folder: Path) -> Iterator[str]:
    """Run the scripted model on a free port; gives its base URL."""
    port_file = folder / "port"
    argv = [sys.executable, str(HERE / "scripted_model.py")]
    argv += ["--port", "0", "--port-file", str(port_file)]
    server = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + SERVER_LIMIT_S
        while not (port_file.exists() and port_file.read_text().strip()):
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("the scripted model did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}/v1"
    finally:
        server.terminate()
        server.wait()


def environment(case: Case, state: Path, url: str) -> dict[str, str]:
    """Return all that the program may see: nothing of whoever records."""
    env = {"PATH": os.environ["PATH"], "HOME": str(state), "LANG": "C.UTF-8"}
    env["KIMI_CODE_HOME"] = str(state / "kimi-code")
    for quiet in ("KIMI_DISABLE_TELEMETRY", "KIMI_CODE_NO_AUTO_UPDATE"):
        env[quiet] = "1"
    env["KIMI_LOOP_MAX_ATTEMPTS_PER_STEP"] = "2"
    if case.is_configured:
        env["KIMI_MODEL_NAME"] = "kimi-k2.5"
        env["KIMI_MODEL_API_KEY"] = "no-real-key"
        env["KIMI_MODEL_BASE_URL"] = url if case.is_reachable else UNREACHABLE
    return env


def fixed(text: str, places: dict[str, Path]) -> str:
    """Return the text without anything that differs from run to run."""
    for name, path in places.items():
        text = text.replace(str(path), name)
    for pattern, fix in FIXED:
        text = re.sub(pattern, fix, text)
    calls = list(dict.fromkeys(re.findall(r'"id":"([^"]+)"', text)))
    for number, call in enumerate(calls, 1):
        text = text.replace(f'"{call}"', f'"call_{number}"')
    return text


def record(name: str, case: Case, folder: Path, url: str) -> tuple[str, str, int]:
    """Run one case; gives its standard output, standard error and exit code."""
    workspace, state = folder / f"{name}-ws", folder / f"{name}-state"
    workspace.mkdir()
    state.mkdir()
    prompt = f"Recording {name}:\n{case.script}"
    ended = subprocess.run(
        ["kimi", "--output-format", "stream-json", *case.args, "-p", prompt],
        cwd=workspace,
        env=environment(case, state, url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=RUN_LIMIT_S,
        check=False,
    )
    places = {"/ws": workspace, "/state": state}
    return (
        fixed(ended.stdout, places),
        fixed(ended.stderr, places),
        ended.returncode,
    )


def keep_token_lines(state: Path, into: Path) -> None:
    """Keep what the program wrote of its tokens, if the case was recorded."""
    for wire in state.glob("kimi-code/sessions/*/*/agents/main/wire.jsonl"):
        lines = wire.read_text(encoding="utf-8").splitlines()
        told = [line for line in lines if '"type":"usage.record"' in line]
        (into / "wire.jsonl").write_text("\n".join(told) + "\n", encoding="utf-8")


def main(names: list[str]) -> None:
    """Record the named cases, or all."""
    if shutil.which("kimi") is None:
        sys.exit("kimi is not on PATH")
    if unknown := [name for name in names if name not in CASES]:
        sys.exit(f"no such case: {', '.join(unknown)}")
    asked = ["kimi", "--version"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True)
    into = TRANSCRIPTS / f"kimi-{version.stdout.split()[-1]}"
    into.mkdir(parents=True, exist_ok=True)
    codes_file = into / "exit_codes.json"
    codes = json.loads(codes_file.read_text()) if codes_file.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        with scripted_model(folder) as url:
            for name in names or CASES:
                out, err, codes[name] = record(name, CASES[name], folder, url)
                (into / f"{name}.out").write_text(out, encoding="utf-8")
                (into / f"{name}.err").write_text(err, encoding="utf-8")
                sys.stderr.write(f"{name}: exit code {codes[name]}\n")
        keep_token_lines(folder / "success-state", into)
    codes_file.write_text(json.dumps(codes, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
