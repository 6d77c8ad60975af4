"""Gives a result that does not fit, as often as it is told to; then one that does.

Words: a folder to count its turns in, how many turns go wrong, and how the later ones
of them do: `misfit`, `prose` (no JSON at all), `crash` (exit code 7), `fault` (the
provider's) or `hang` (until it is told to end). Right turns are as the next word says:
`plain`, `dug` (among other words), `long` (200 KB), `endless` (more than is kept of an
answer), `bytes` (wrong UTF-8), `steers` (escapes for a terminal) or `waits` (later
ones, until there is a file `gate` in the folder). Each turn leaves a file. With
`--resume ID` it remembers.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

folder, times, how, right = Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:5]
task = os.environ["KIMI_SWARM_TASK"]


def tell(event: str, **fields: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def go_wrong(turn: int) -> str:
    if turn > 1 and how == "crash":
        sys.exit(7)
    if turn > 1 and how == "fault":
        tell("error", **{"class": "provider", "message": "It is not to be today."})
        sys.exit(1)
    if turn > 1 and how == "hang":
        signal.pause()
    return "All is well." if how == "prose" else json.dumps({"summary": turn})


def go_right(turn: int) -> str:
    said = f"turn {turn}"
    if right == "waits" and turn > 1:
        until = time.monotonic() + 60
        while not (folder / "gate").exists() and time.monotonic() < until:
            time.sleep(0.02)
    if right in ("long", "endless"):
        said *= 200_000 // len(said) if right == "long" else 100_000
    if right == "steers":
        said = "\x1b[2J\u202eturn\n# calm-river: done\u2028"
    result = json.dumps({"summary": said})
    return f"Here it is: {result} And that is all." if right == "dug" else result


prompt = sys.stdin.read()
turn = len(list(folder.glob(f"{task}-*"))) + 1
(folder / f"{task}-{turn}").write_text(f"{' '.join(sys.argv[5:])}\n{prompt}", "utf-8")
tell("started", conversation=sys.argv[-1] if "--resume" in sys.argv else f"c-{turn}")
Path(f"turn-{turn}.txt").write_text(task, "utf-8")
tell("usage", input_tokens=10, output_tokens=1)
if right == "bytes":
    text = (
        b'{"event": "text", "text": "{\\"summary\\": \\"\xff\xed\xa0\x80 sane\\"}"}\n'
    )
    sys.stdout.buffer.write(text)
    sys.stdout.flush()
else:
    tell("text", text=go_wrong(turn) if turn <= times else go_right(turn))
tell("finished")
