"""Tells the usage that its prompt holds as JSON objects, one a line, and ends."""

from __future__ import annotations

import json
import sys


def say(**event: object) -> None:
    sys.stdout.write(json.dumps(event) + "\n")


spoken = [json.loads(line) for line in sys.stdin if line.startswith("{")]
for usage in spoken:
    say(event="usage", **{name: usage[name] for name in usage if name != "fails"})
say(event="text", text="Told.")
if any(usage.get("fails") for usage in spoken):
    sys.exit(1)
say(event="finished")
