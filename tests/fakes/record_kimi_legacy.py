"""Record what the real kimi-cli prints, for `tests/transcripts/kimi-cli-VERSION/`.

    python tests/fakes/record_kimi_legacy.py [CASE ...]

Needs `kimi-cli` on PATH, nothing else: the model is the scripted one beside this file.
The token lines of the recorded conversations go to `wire.jsonl`.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":  # as a script, the folder above is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.record_case import CASES, Case, Fixes, keep_token_lines, record
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
    cases = CASES
    reads_prompt = True

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

    def fixes(self) -> Fixes:
        """Return what to replace so that two recordings are alike."""
        return ((UUID, "00000000-0000-4000-8000-000000000001"),)


def main(names: list[str]) -> None:
    """Record the named cases, or all."""
    legacy = KimiLegacy()
    with tempfile.TemporaryDirectory() as temporary, ScriptedModel() as model:
        folder = Path(temporary).resolve()
        into = record(legacy, names, model.url, folder)
        wires = folder.glob("state/configured/.kimi/sessions/*/*/wire.jsonl")
        keep_token_lines(wires, into, case="resumed", mark="token_usage")


if __name__ == "__main__":
    main(sys.argv[1:])
