"""Secrets that workers are given, or find, reach no screen, report or store."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from fakes.swarm import Swarm, until
from kimi_swarm.process.fingerprints import keep_fingerprints, read_fingerprints

# Made up; no part of them tells by its shape that they are secrets.
GIVEN = "swordfish-of-ada"
SEEN = "pass-word-of-the-reader"
SHAPED = "sk-" + "a1B2c3D4e5" * 3


def tells_its_key(swarm: Swarm, line: str, **fields: object) -> str:
    swarm.own_profile(
        "command",
        **{
            "summary": "Is given a key.",
            "kind": "command",
            "prompt_via": "none",
            "merge_stderr": True,
            "expect": "exit",
            "sends_to": "Nothing.",
            "env": {"pass": ["ADAS_API_KEY"]},
            **fields,
        },
    )
    where = "worktree" if (swarm.folder / "repo").exists() else "none"
    plan = swarm.plan({"a": {"argv": ["sh", "-c", line], "workspace": where}})
    spawned = swarm.ask("spawn", plan, env={"ADAS_API_KEY": GIVEN})
    return str(spawned["run"])


def test_what_a_worker_was_given_is_in_its_log_and_in_no_view(swarm: Swarm):
    swarm.repository()
    line = (
        f'echo "it is $ADAS_API_KEY, or {SHAPED}, or {SEEN}"; '
        'echo "key: $ADAS_API_KEY" > "note $ADAS_API_KEY.txt"; exit 3'
    )
    run = tells_its_key(swarm, line)
    session = f"{run}/a"
    swarm.ended(run)
    mine = {"MY_PASSWORD": SEEN}

    views = [
        swarm.call(*words, code=None, env=mine)
        for words in (
            *(("log", session), ("log", session, "--raw"), ("log", session, "--json")),
            *(("log", session, "--follow"), ("log", session, "--offset", "0")),
            *(("poll", session), ("poll", session, "--as", "b", "--json")),
            *(("poll", run), ("poll", run, "--as", "b", "--json")),
            *(("list", run), ("list", run, "--json"), ("wait", run, "--json")),
            *(("aggregate", run), ("aggregate", run, "--merge", "--json")),
            *(("diff", session), ("diff", session, "--json")),
        )
    ]  # fmt: skip

    for view in views:
        assert not [each for each in (GIVEN, SHAPED, SEEN) if each in view.out], view
    assert views[0].lines == ["| it is [redacted], or [redacted], or [redacted]"]
    assert views[-2].lines[-1].endswith(" secrets redacted]")
    assert json.loads(views[-1].out)["redacted"] >= 2
    log = swarm.home / "runs" / run / "a" / "work" / "out.log"
    assert GIVEN in log.read_text()


def test_the_secret_is_in_no_other_file_of_the_state_folder(swarm: Swarm):
    run = tells_its_key(swarm, 'echo "it is $ADAS_API_KEY"')
    swarm.ended(run)

    logs = {path for path in files_of(swarm.home) if path.name == "out.log"}
    holding = {
        path for path in files_of(swarm.home) if GIVEN.encode() in path.read_bytes()
    }
    kept = swarm.home / "runs" / run / ".fingerprints"

    assert holding == logs
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "[redacted]" in swarm.ask("list", run)["sessions"][0]["summary"]
    swarm.call("clear", run, "--force")
    assert not kept.exists()


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_new_supervisor_that_has_no_values_still_keeps_them_in(swarm: Swarm):
    gate = swarm.folder / "gate"
    line = f'until [ -e {gate} ]; do sleep 0.05; done; echo "it is $ADAS_API_KEY"'
    run = tells_its_key(swarm, line)
    swarm.until_state(f"{run}/a", "running")
    swarm.kill_supervisor()
    gate.touch()

    done = swarm.ended(run)["a"]

    assert done["summary"] == "it is [redacted]"


def test_a_question_with_a_secret_is_told_without_it(swarm: Swarm):
    line = 'printf "Use $ADAS_API_KEY? "; read answer; echo "$answer"'
    run = tells_its_key(swarm, line, pty=True)
    session = f"{run}/a"

    asked = until(lambda: swarm.ask("list", run)["sessions"][0]["asking"])
    told = swarm.call("poll", session)
    swarm.call("send", session, "yes")
    swarm.ended(run)

    assert asked == "Use [redacted]?"
    assert "It asks: > Use [redacted]?" in told.out
    assert GIVEN not in swarm.call("poll", run).out


def test_fingerprints_of_several_supervisors_add_up(tmp_path: Path):
    home = str(tmp_path)
    keep_fingerprints(home, "calm-river", [GIVEN])
    first = read_fingerprints(home, "calm-river")
    keep_fingerprints(home, "calm-river", [SEEN, GIVEN])
    second = read_fingerprints(home, "calm-river")

    assert set(second.digests) == {len(GIVEN), len(SEEN)}
    assert second.digests[len(GIVEN)] == first.digests[len(GIVEN)]
    text = (tmp_path / "runs" / "calm-river" / ".fingerprints").read_text()
    assert GIVEN not in text
    assert SEEN not in text
