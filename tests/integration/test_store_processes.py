"""Many short processes write at once: none fails, and what is written is true."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.runs import BORN_AT, RUN, opened, written
from kimi_swarm.core.session import MOVES, replay
from kimi_swarm.store.inbox import cursor_of
from kimi_swarm.store.moves import move_of, state_of
from kimi_swarm.store.views import events_after, run_row, sessions_of

PROCESSES = 20
WRITES = 50
SESSIONS = 24

WRITER = f"""
import json, random, sys
from pathlib import Path
from fakes.runs import RUN, life, opened
from kimi_swarm.store.moves import StaleSessionError, move_session
from kimi_swarm.store.views import session_row
from kimi_swarm.store.wishes import move_cursor, wish_stop

number = int(sys.argv[2])
dice = random.Random(number)
print("ready", flush=True)
sys.stdin.read()
connection = opened(Path(sys.argv[1]))
told = {{"moves": 0, "stale": 0, "cursor": 0}}
for turn in range({WRITES}):
    session = f"{{RUN}}/t{{dice.randrange({SESSIONS})}}"
    kind = dice.choice(["move", "move", "wish", "cursor"])
    if kind == "wish":
        wish_stop(connection, session, f"by_{{number}}")
    elif kind == "cursor":
        told["cursor"] = max(told["cursor"], position := dice.randrange(10**6))
        move_cursor(connection, "everybody", RUN, position)
    else:
        row = session_row(connection, session)
        if row.state != "done":
            try:
                move_session(connection, row, life()[row.revision])
                told["moves"] += 1
            except StaleSessionError:
                told["stale"] += 1
connection.close()
print(json.dumps(told))
"""


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Start writers that begin together once their standard input ends."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for number in range(PROCESSES)
    ]
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def begin_together(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None


def test_twenty_processes_write_at_once_without_an_error(
    tmp_path: Path, writers: list[subprocess.Popen[str]]
):
    with closing(written(tmp_path, *(f"t{i}" for i in range(SESSIONS)))):
        begin_together(writers)
        told: list[dict[str, int]] = []
        for process in writers:
            out, err = process.communicate(timeout=60)
            assert (process.returncode, err) == (0, "")
            told.append(json.loads(out))
    with closing(opened(tmp_path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        moves = 0
        for row in sessions_of(connection, RUN):
            events = events_after(connection, row.id, 0, names=list(MOVES))
            moves += len(events)
            assert len(events) == row.revision
            assert replay(BORN_AT, [move_of(e) for e in events]) == state_of(row)
        assert moves == sum(each["moves"] for each in told)
        furthest = max(each["cursor"] for each in told)
        assert cursor_of(connection, "everybody", RUN) == furthest
        run = run_row(connection, RUN)
        assert (run.state == "done") == (run.done == SESSIONS)
