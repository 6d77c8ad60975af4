"""A made-up coding CLI that tells the id of a conversation only when all went well.

    tells_id_last.py HOME [--last]      reads a prompt; says all it was told in there

It keeps the last conversation of each folder below HOME. A prompt `wait` lets it stay
until it is ended, `wait mutely` the same without a word before.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def say(**fields: str) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


home, *words = sys.argv[1:]
memory = Path(home, str(Path.cwd()).replace("/", "-"))
before = memory.read_text("utf-8") if "--last" in words and memory.exists() else ""
heard = sys.stdin.read().strip()
memory.write_text(f"{before}{heard}\n", "utf-8")
if heard != "wait mutely":
    told = " | ".join(memory.read_text("utf-8").split("\n")).strip(" |")
    say(event="text", text=f"I was told: {told}")
    Path("heard.txt").write_text(told, "utf-8")
if heard.startswith("wait"):
    time.sleep(600)
say(event="started", conversation=memory.name)
say(event="finished", reason="stop")
