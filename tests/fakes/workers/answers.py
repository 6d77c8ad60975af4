"""Says the words it was given, in the swarm dialect, and is done."""

from __future__ import annotations

import json
import sys

for event in ({"event": "text", "text": sys.argv[1]}, {"event": "finished"}):
    sys.stdout.write(json.dumps(event) + "\n")
