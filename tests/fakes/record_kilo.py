"""Record what the real Kilo prints, for `tests/transcripts/kilo-VERSION/`.

    python tests/fakes/record_kilo.py [CASE ...]

Needs `kilo` and the Node it asks for on PATH, nothing else: the model is the scripted
one beside this file. All cases share one state folder, warmed up once before them: two
first starts at once would fight for Kilo's database.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":  # as a script, the folder above is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.record_case import CASES, Case, Fixes, record
from fakes.scripted_model import ScriptedModel

QUIET = (
    *("KILO_DISABLE_MODELS_FETCH", "KILO_DISABLE_AUTOUPDATE"),
    *("KILO_DISABLE_DEFAULT_PLUGINS", "KILO_DISABLE_CODEBASE_INDEXING"),
    *("KILO_DISABLE_LSP_DOWNLOAD", "KILO_DISABLE_SESSION_INGEST"),
    *("KILO_DISABLE_PRESENCE", "KILO_NO_DAEMON"),
)
MODEL = {
    "name": "Scripted",
    "tool_call": True,
    "limit": {"context": 262_144, "output": 32_768},
    "cost": {"input": 0.6, "output": 3.0, "cache_read": 0.1},
}
MOMENT = 1_790_000_000_000


def config(url: str) -> str:
    """Return a configuration with the scripted model as its only provider."""
    options = {"baseURL": url, "apiKey": "no-real-key"}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Scripted",
        "options": options,
        "models": {"kimi-k2.5": MODEL},
    }
    model = "scripted/kimi-k2.5"
    return json.dumps(
        {"provider": {"scripted": provider}, "model": model, "small_model": model}
    )


class Kilo:
    """The real Kilo, asked without a screen and told nothing of whoever records."""

    name = "kilo"
    cases = CASES
    reads_prompt = True

    def argv(self, name: str, case: Case, conversation: str) -> Sequence[str]:
        """Return the words of one case."""
        words = ["kilo", "run", "--auto", "--format", "json", "--title", "Recording"]
        words += ["--session", conversation] if case.follows else []
        named = {"unknown_model": "scripted/nope", "not_configured": "scripted/k"}
        return [*words, "-m", named.get(name, "scripted/kimi-k2.5")]

    def environment(self, case: Case, state: Path, url: str) -> Mapping[str, str]:
        """Return all that the program may see."""
        env = {"PATH": os.environ["PATH"], "HOME": str(state), "LANG": "C.UTF-8"}
        env |= dict.fromkeys(QUIET, "1")
        env |= {"KILO_TELEMETRY_LEVEL": "off", "KILO_SESSION_RETRY_LIMIT": "2"}
        if case.is_configured:
            env["KILO_CONFIG_CONTENT"] = config(url)
        return env

    def conversation_in(self, said: str) -> str:
        """Return the id that stands on every event."""
        found = re.search(r"ses_\w+", said)
        return found[0] if found else ""

    def fixes(self) -> Fixes:
        """Return what to replace so that two recordings are alike."""
        return (
            (r"\b(ses|msg|prt|err)_\w+", r"\g<1>_1"),
            (r'"(timestamp|start|end)":\d{13}', rf'"\g<1>":{MOMENT}'),
            (r'"(snapshot|hash)":"[0-9a-f]{40}"', r'"\g<1>":"' + "0" * 40 + '"'),
            (r'"(elapsed|generation)":[\d.]+', r'"\g<1>":1'),
            (r'"date":"[^"]+"', '"date":"Fri, 20 Nov 2026 12:00:00 GMT"'),
            (r'"server":"[^"]+"', '"server":"scripted"'),
        )

    def warm_up(self, state: Path, url: str) -> None:
        """Let it make its database alone."""
        env = self.environment(Case(), state, url)
        subprocess.run(["kilo", "models"], env=env, capture_output=True, check=True)


def main(names: list[str]) -> None:
    """Record the named cases, or all."""
    kilo = Kilo()
    with tempfile.TemporaryDirectory() as temporary, ScriptedModel() as model:
        folder = Path(temporary).resolve()
        state = folder / "state"
        state.mkdir()
        kilo.warm_up(state, model.url)
        record(kilo, names, model.url, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
