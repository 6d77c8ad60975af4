"""Record what the real Kimi Code prints, for `tests/transcripts/kimi-VERSION/`.

    python tests/fakes/record_kimi.py [CASE ...]

Needs `kimi` and the Node it asks for on PATH, nothing else: the model is the scripted
one beside this file. All cases share one state folder; `wire.jsonl` holds the
token lines of the case `success`.
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

from fakes.record_case import (
    CASES,
    WORK,
    Case,
    Fixes,
    keep_token_lines,
    prompt_of,
    record,
)
from fakes.scripted_model import ScriptedModel

UNREACHABLE = "http://127.0.0.1:9/v1"  # the discard port, where nothing listens
ECHO = (
    "printf 'error: failed to run prompt: provider.auth_error: 401 Echoed\\n"
    "See log: old.log\\n'"
)
SHARED = (
    *("success", "400", "401", "402", "403", "404", "429", "500"),
    *("empty", "early_end", "not_configured"),
)
KIMI_CASES = {
    **{name: CASES[name] for name in SHARED},
    "answer_only": Case("SAY Just an answer."),
    "tool_errors": CASES["tool_error"],
    "echoed_error": Case(f"RUN {ECHO}\nSAY Only looked at an old log."),
    "429_once": Case(f"FAULT 429x1ra1\n{WORK}"),
    "529": Case(f"FAULT 529\n{WORK}"),
    "stream_cut": Case(f"FAULT drop\n{WORK}"),
    "unreachable": Case(is_reachable=False),
    "unknown_model": Case(args=("-m", "nope")),
    "refused_flag": Case(args=("-y",)),
}


class Kimi:
    """The real Kimi Code, asked without a screen and told nothing of who records."""

    name = "kimi"
    cases = KIMI_CASES
    reads_prompt = False

    def argv(self, name: str, case: Case, conversation: str) -> Sequence[str]:
        """Return the words of one case; none goes on with a conversation."""
        assert not conversation
        words = ["kimi", "--output-format", "stream-json", *case.args]
        return [*words, "-p", prompt_of(name, case)]

    def environment(self, case: Case, state: Path, url: str) -> Mapping[str, str]:
        """Return all that the program may see."""
        env = {"PATH": os.environ["PATH"], "HOME": str(state), "LANG": "C.UTF-8"}
        env |= {"KIMI_CODE_HOME": str(state / "kimi-code")}
        env |= dict.fromkeys(
            ("KIMI_DISABLE_TELEMETRY", "KIMI_CODE_NO_AUTO_UPDATE"), "1"
        )
        env |= {"KIMI_LOOP_MAX_ATTEMPTS_PER_STEP": "2"}
        if case.is_configured:
            env |= {"KIMI_MODEL_NAME": "kimi-k2.5", "KIMI_MODEL_API_KEY": "no-real-key"}
            env |= {"KIMI_MODEL_BASE_URL": url if case.is_reachable else UNREACHABLE}
        return env

    def conversation_in(self, said: str) -> str:
        """Return the id of the hint at the end."""
        found = re.search(r"kimi -r (session_[0-9a-f-]+)", said)
        return found[1] if found else ""

    def fixes(self) -> Fixes:
        """Return what to replace so that two recordings are alike."""
        calls: dict[str, int] = {}

        def numbered(found: re.Match[str]) -> str:
            number = calls.setdefault(found[2], len(calls) + 1)
            return f'"{found[1]}":"call_{number}"'

        return (
            (
                r"session_[0-9a-f]{8}(?:-[0-9a-f]+)+",
                "session_00000000-0000-4000-8000-000000000001",
            ),
            (r'"delay_ms":[0-9.]+', '"delay_ms":500'),
            (r'"(id|tool_call_id)":"([^"]+)"', numbered),
        )


def main(names: list[str]) -> None:
    """Record the named cases, or all."""
    with tempfile.TemporaryDirectory() as temporary, ScriptedModel() as model:
        folder = Path(temporary).resolve()
        into = record(Kimi(), names, model.url, folder)
        wires = folder.glob("state/kimi-code/sessions/*/*/agents/main/wire.jsonl")
        keep_token_lines(wires, into, case="success", mark='"type":"usage.record"')


if __name__ == "__main__":
    main(sys.argv[1:])
