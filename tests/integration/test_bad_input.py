"""Bad input: one sentence with a code and a remedy, exit 2, and nothing changed."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.swarm import Swarm
from kimi_swarm.__main__ import run

PROBE = {"argv": ["true"], "workspace": "none"}
Words = tuple[object, ...]


def written(swarm: Swarm, text: str | bytes) -> Path:
    path = swarm.folder / "bad.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def spawn_text(text: str | bytes) -> Callable[[Swarm], Words]:
    return lambda swarm: ("spawn", written(swarm, text))


def spawn_tasks(tasks: dict[str, object]) -> Callable[[Swarm], Words]:
    return lambda swarm: ("spawn", swarm.plan(tasks))


def says(*words: object) -> Callable[[Swarm], Words]:
    return lambda _: words


CASES: dict[str, tuple[Callable[[Swarm], Words], str, str]] = {
    "unknown strategy": (
        says("spawn", "--strategy", "researhc"),
        "unknown_strategy",
        'did you mean "research"?',
    ),
    "a parameter without a value": (
        says("plan", "research", "--set", "question"),
        "parameter",
        "Strategy \"research\": --set takes KEY=VALUE, not 'question'",
    ),
    "a parameter of nothing without a value": (
        says("plan", "--task", "x", "--set", "question"),
        "usage",
        "--set takes KEY=VALUE, not 'question'.",
    ),
    "missing parameter": (
        says("spawn", "--strategy", "research"),
        "parameter",
        "",
    ),
    "cyclic needs": (
        spawn_tasks({"a": {**PROBE, "needs": ["b"]}, "b": {**PROBE, "needs": ["a"]}}),
        "plan",
        "a",
    ),
    "unknown need": (spawn_tasks({"a": {**PROBE, "needs": ["zz"]}}), "plan", "zz"),
    "unknown profile": (
        spawn_tasks({"a": {"prompt": "x", "profile": "dmeo"}}),
        "unknown_profile",
        'did you mean "demo"?',
    ),
    "unknown field": (spawn_text("tasks: {a: {prmpt: x}}\n"), "plan", "prompt"),
    "YAML error with its line": (spawn_text("name: x\ntasks: [\n"), "yaml", "line"),
    "prompt file outside": (
        spawn_text("tasks: {a: {prompt_file: ../../etc/hosts, profile: demo}}\n"),
        "plan",
        "leads out of",
    ),
    "copied path outside": (
        spawn_text("tasks: {a: {argv: [x], workspace: {copy: [../x]}}}\n"),
        "plan",
        "inside the repository",
    ),
    "not a repository": (
        spawn_tasks({"a": {"argv": ["true"]}}),
        "not_a_repository",
        "git",
    ),
    "unknown session": (says("log", "calm-river/header"), "unknown_session", "header"),
    "unknown run": (says("wait", "calm-river"), "unknown_run", "calm-river"),
    "no such plan": (says("spawn", "nowhere.yaml"), "plan_file", "nowhere.yaml"),
    "binary plan": (spawn_text(bytes(range(256)) * 40), "plan_file", "bad.yaml"),
    "recursive YAML": (spawn_text("tasks: &a {a: *a}\n"), "yaml", "bad.yaml"),
    "exploding YAML": (
        spawn_text(
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{name}: &{name} [{', '.join(['*' + chr(ord(name) - 1)] * 9)}]\n"
                for name in "bcdefghi"
            )
        ),
        "yaml",
        "bad.yaml",
    ),
    "empty plan": (spawn_text(""), "plan", "empty"),
    "missing program": (
        spawn_tasks({"a": {**PROBE, "argv": ["no-such-program-here"]}}),
        "program_missing",
        "no-such-program-here",
    ),
    "unknown verb": (says("spwn"), "usage", "spwn"),
    "unknown option": (says("list", "--everything"), "usage", "--everything"),
    "unknown words with line breaks": (
        says("list", "a", "b\n\x1b[31mc"),
        "usage",
        "b",
    ),
    "a number that is none": (says("poll", "a-b", "--timeout-s", "nan"), "usage", ""),
    "negative offset": (says("log", "a-b/c", "--offset", "-1"), "usage", "-1"),
    "nothing to run": (says("spawn"), "usage", "one thing to run"),
    "nothing to kill": (says("kill"), "usage", "`all`"),
    "no concurrency": (
        says("spawn", "--task", "x", "--concurrency", "0"),
        "usage",
        "at least 1",
    ),
    "set without strategy": (says("spawn", "--set", "a=b"), "usage", "`strategy`"),
}


@pytest.fixture
def used(swarm: Swarm) -> Swarm:
    """A state folder that holds a run that is over, and no supervisor."""
    swarm.env["KIMI_SWARM_IDLE_S"] = "0"
    swarm.ended(swarm.spawn({"a": PROBE}))
    return swarm


def rows(swarm: Swarm) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(f"file:{swarm.home}/state.db?mode=ro", uri=True) as state:
        tables = ("runs", "tasks", "sessions", "events", "cursors")
        return {
            name: state.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 ours
            for name in tables
        }


def tree(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.suffix not in {".db-shm", ".db-wal", ".sock"}
    )


def is_one_sentence(text: str, code: str) -> bool:
    return (
        text.startswith("kimi-swarm: ")
        and text.endswith(f"[{code}]\n")
        and text.count("\n") == 1
        and "\x1b" not in text
    )


def test_each_is_refused_in_a_sentence_and_changes_nothing(used: Swarm):
    before, files = rows(used), tree(used.home)
    wrong: list[object] = []

    for name, (words_of, code, sign) in CASES.items():
        words = words_of(used)
        done = used.call(*words, code=None)
        fine = done.code == 2 and done.out == "" and is_one_sentence(done.err, code)
        if not fine or sign not in done.err:
            wrong.append((name, done))

    assert wrong == []
    assert rows(used) == before
    assert tree(used.home) == files


@pytest.mark.parametrize("name", CASES)
def test_with_json_it_is_an_error_object(
    name: str,
    swarm: Swarm,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    words_of, code, sign = CASES[name]
    monkeypatch.setenv("KIMI_SWARM_HOME", str(swarm.home))
    monkeypatch.chdir(swarm.folder)

    exit_code = run([*map(str, words_of(swarm)), "--json"])

    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert (exit_code, printed.err) == (2, "")
    assert answer.keys() == {"version", "error"}
    assert answer["error"].keys() == {"code", "message", "remedy"}
    assert answer["error"]["code"] == code
    assert answer["version"] == 1
    assert sign in answer["error"]["message"] + answer["error"]["remedy"]
    assert not swarm.home.exists()


@pytest.mark.parametrize(
    "words", [("log", "calm-river/a", "--follow"), ("mcp", "--prepare"), ("mcp",)]
)
def test_what_prints_no_object_refuses_to_print_one(swarm: Swarm, words: Words):
    assert swarm.ask(*words, code=2)["error"]["code"] == "usage"


def test_a_state_folder_that_cannot_be_made_is_refused(swarm: Swarm):
    (swarm.folder / "file").write_text("")
    places = [swarm.folder / "file" / "state", "/proc/kimi-swarm-state"]
    plan = swarm.plan({"a": PROBE})

    for place in places:
        env = {"KIMI_SWARM_HOME": str(place)}
        error = swarm.ask("spawn", plan, code=2, env=env)["error"]
        assert error["code"] == "state_unwritable", error
        assert str(place) in error["message"]
        assert swarm.call("list", env=env).out == "No runs yet.\n"


def test_a_disk_without_room_is_refused_before_anything_is_made(swarm: Swarm):
    swarm.own_config(limits={"min_free_mib": 1 << 30})

    error = swarm.ask("spawn", swarm.plan({"a": PROBE}), code=2)["error"]

    assert error["code"] == "disk_low"
    assert f"The disk of {swarm.home} has" in error["message"]
    assert "less than the 1073741824 MiB" in error["message"]
    assert not swarm.home.exists()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_state_folder_without_write_permission_is_refused(swarm: Swarm):
    swarm.home.mkdir(mode=0o500)

    error = swarm.ask("spawn", swarm.plan({"a": PROBE}), code=2)["error"]

    assert error["code"] == "state_unwritable"
    assert list(swarm.home.iterdir()) == []


def test_a_damaged_database_is_told_and_left_alone(swarm: Swarm):
    swarm.home.mkdir()
    state = swarm.home / "state.db"
    state.write_bytes(b"This is no database. " * 500)
    before = state.read_bytes()

    for words in (("list",), ("spawn", swarm.plan({"a": PROBE})), ("log", "a-b/c")):
        assert swarm.ask(*words, code=2)["error"]["code"] == "state_corrupt"

    assert state.read_bytes() == before
    state.unlink()
