"""A reviewer: keeps what it is shown, and gives the verdicts that it was told to.

Words: a folder to keep what it hears, then `yes` or `no: finding` for each review.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

folder, verdicts = Path(sys.argv[1]), sys.argv[2:]
folder.mkdir(exist_ok=True)
number = len(list(folder.iterdir())) + 1
(folder / str(number)).write_text(sys.stdin.read(), "utf-8")
verdict, _, finding = verdicts[number - 1].partition(": ")
answer = {"accept": verdict == "yes", "findings": [finding] if finding else []}
for event in ({"event": "text", "text": json.dumps(answer)}, {"event": "finished"}):
    sys.stdout.write(json.dumps(event) + "\n")
