"""Record what the real kimi-cli prints, for `tests/transcripts/kimi-cli-VERSION/`.

    python tests/fakes/record_kimi_legacy.py [CASE ...]

Needs `kimi-cli` on PATH, nothing else: the model is the scripted one beside this file.
The token lines of the recorded conversations go to `wire.jsonl`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":  # as a script, the folder above is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.record_case import TRANSCRIPTS, Case, record
from fakes.scripted_model import ScriptedModel

CONFIG = """\
default_model = "scripted"
[providers.scripted]
type = "kimi"
base_url = "{url}"
api_key = "no-real-key"
[models.scripted]
provider = "scripted"
model = "kimi-k2.5"
max_context_size = 262144
"""
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
WIDE = "4000"


class KimiLegacy:
    """The real kimi-cli in print mode, told nothing of whoever records."""

    name = "kimi-cli"

    def version(self) -> str:
        """Ask the program."""
        asked = ["kimi-cli", "--version"]
        told = subprocess.run(asked, capture_output=True, text=True, check=True)
        return told.stdout.split()[-1]

    def argv(self, name: str, case: Case, conversation: str) -> Sequence[str]:
        """Return the words of one case."""
        words = ["kimi-cli", "--print", "--output-format", "stream-json"]
        words += ["--session", conversation] if case.follows else []
        return [*words, "-m", "nope"] if name == "unknown_model" else words

    def environment(self, case: Case, state: Path, url: str) -> Mapping[str, str]:
        """Return all that the program may see."""
        home = state / ("configured" if case.is_configured else "bare")
        settings = home / ".kimi"
        settings.mkdir(parents=True, exist_ok=True)
        if case.is_configured:
            (settings / "config.toml").write_text(CONFIG.format(url=url))
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
        return {**env, "COLUMNS": WIDE}  # its errors are wrapped to this width

    def conversation_in(self, said: str) -> str:
        """Return the id that it tells last, on standard error."""
        found = re.search(rf"kimi -r ({UUID})", said)
        return found[1] if found else ""

    def fixes(self) -> Sequence[tuple[str, str | Callable[[re.Match[str]], str]]]:
        """Return what to replace so that two recordings are alike."""
        return ((UUID, "00000000-0000-4000-8000-000000000001"),)


def main(names: list[str]) -> None:
    """Record the named cases, or all."""
    legacy = KimiLegacy()
    with tempfile.TemporaryDirectory() as temporary, ScriptedModel() as model:
        folder = Path(temporary).resolve()
        record(legacy, names, model.url, folder)
        wires = sorted(folder.glob("state/configured/.kimi/sessions/*/*/wire.jsonl"))
        texts = (wire.read_text() for wire in wires)
        resumed = next((text for text in texts if "Recording resumed" in text), "")
    into = TRANSCRIPTS / f"{legacy.name}-{legacy.version()}"
    if resumed:
        lines = [line for line in resumed.splitlines() if "token_usage" in line]
        (into / "wire.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
