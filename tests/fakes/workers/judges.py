"""A judge with a mind of its own: chooses what holds a word, or what stands first.

Says what it heard if it is told to `echo`.
"""

from __future__ import annotations

import json
import sys

wanted, heard = sys.argv[1], sys.stdin.read()
_, first, second = heard.split("Candidate ")
choice = "first" if wanted in ("first", "echo") or wanted in first else "second"
why = heard if wanted == "echo" else f"It has what I want: {wanted}."
answer = json.dumps({"choice": choice, "why": why})
for event in ({"event": "text", "text": answer}, {"event": "finished"}):
    sys.stdout.write(json.dumps(event) + "\n")
