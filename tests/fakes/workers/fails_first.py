"""Fails as often as it is told to, in the way it is told to; then does its work.

Words: a folder to count its lives in, how often to fail, and how: a failure class,
`crash` (a signal, before a word), `exit` (code 7, before a word), `cut` (its output
stops without an end) or `mute` (for ever). With `--resume ID` it goes on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path


def say(event: str, **fields: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


folder, times, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
task = os.environ["KIMI_SWARM_TASK"]
life = len(list(folder.glob(f"{task}-*"))) + 1
(folder / f"{task}-{life}").write_text(" ".join(sys.argv[4:]), "utf-8")
prompt = sys.stdin.read()

if life <= times:
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "exit":
        sys.exit(7)
    if how == "mute":
        signal.pause()
    say("started", conversation=f"talk-{task}-{life}")
    Path("half-done.txt").write_text("one half", "utf-8")
    say("text", text="I have begun.")
    if how != "cut":
        say("error", **{"class": how, "message": "It is not to be today."})
        sys.exit(1)
    sys.exit(0)

is_resumed = "--resume" in sys.argv
say("started", conversation=sys.argv[-1] if is_resumed else f"talk-{task}-{life}")
Path("done.txt").write_text(f"{task} {life} {is_resumed} {prompt}", "utf-8")
say("text", text=f"Done in life {life}.")
say("finished")
