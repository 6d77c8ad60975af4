"""A made-up coding CLI that speaks the `swarm` dialect and remembers conversations.

    parrot --version             3.2.1
    parrot --warm-up FOLDER      signs FOLDER/ledger; two at once spoil each other
    parrot [--resume ID]         reads a prompt; writes parrot.txt; says it back

With PARROT_GATE set to a path it waits until that file exists before it ends.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def say(**fields: str) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def warm_up(folder: Path) -> None:
    busy = folder / "busy"
    busy.mkdir()  # fails when another one is at it
    with (folder / "ledger").open("a") as ledger:
        ledger.write("warm\n")
    busy.rmdir()


def work() -> None:
    words = sys.argv[1:]
    heard = sys.stdin.read().strip()
    resumed = words[words.index("--resume") + 1] if "--resume" in words else None
    conversation = resumed or f"c-{os.getpid()}"
    say(event="started", conversation=conversation)
    with Path("parrot.txt").open("a") as file:
        file.write(f"{conversation}: {heard}\n")
    gate = os.environ.get("PARROT_GATE")
    until = time.monotonic() + 60
    while gate and not Path(gate).exists() and time.monotonic() < until:
        time.sleep(0.02)
    say(event="text", text=f"{'Again' if resumed else 'First'}: {heard}")
    say(event="finished", reason="stop")


if __name__ == "__main__":
    if "--version" in sys.argv:
        sys.stdout.write("parrot 3.2.1\n")
    elif "--warm-up" in sys.argv:
        warm_up(Path(sys.argv[-1]))
    else:
        work()
