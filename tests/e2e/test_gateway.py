"""Real workers through the gateway: counted exactly, and never told the real key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.real_workers import KILO, KIMI, served, write_plan
from e2e.swarm_cli import Swarm
from fakes.scripted_model import Limits, ScriptedModel
from kimi_swarm.store.database import open_database
from kimi_swarm.store.requests import RequestRow, metered_of, requests_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

KEY = "a-planted-key-of-this-test"


@pytest.fixture
def keyed(workers: Swarm, model: ScriptedModel) -> Swarm:
    """A user whose every worker is set up with a key that the model asks for."""
    model.limits = Limits(api_key=KEY)
    workers.env["KIMI_MODEL_API_KEY"] = KEY
    workers.env["MOONSHOT_API_KEY"] = KEY
    settings = Path(workers.env["KILO_CONFIG"])
    settings.write_text(
        settings.read_text().replace('"scripted-key"', '"{env:MOONSHOT_API_KEY}"')
    )
    return workers


@contextmanager
def watched(swarm: Swarm) -> Iterator[dict[str, str]]:
    """Keep the first environment of every process of a worker that shows itself."""
    seen: dict[str, str] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    env = (folder / "environ").read_bytes()
                    words = (folder / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"KIMI_SWARM_SESSION=" in env and str(swarm.room).encode() in env:
                    seen[folder.name] = (words + b"\0" + env).decode(errors="replace")

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def rows_of(swarm: Swarm, session: str) -> list[RequestRow]:
    store = open_database(str(swarm.state), create=False)
    assert store is not None
    try:
        return requests_of(store, session)
    finally:
        store.close()


def tokens_of(swarm: Swarm, session: str) -> dict[str, int]:
    store = open_database(str(swarm.state), create=False)
    assert store is not None
    try:
        parts = metered_of(store, session)
    finally:
        store.close()
    tokens = [part.tokens for part in parts if part.tokens is not None]
    assert len(tokens) == len(parts)
    return {
        "input_tokens": sum(one.input for one in tokens),
        "cached_tokens": sum(one.cached for one in tokens),
        "output_tokens": sum(one.output + one.reasoning for one in tokens),
    }


def files_with(folder: Path, text: str) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("profile", [KIMI, KILO])
def test_tokens_are_what_was_served_and_the_key_is_nowhere(
    profile: str, keyed: Swarm, model: ScriptedModel, repository: Path
) -> None:
    tasks: dict[str, Any] = {
        name: {"prompt": f"WRITE {name}.txt {name}\nRUN sleep 1\nSAY {name} is done"}
        for name in ("one", "two")
    }
    tasks["one"]["check"] = "env > seen.txt; test -s one.txt"
    plan = write_plan(repository, tasks, defaults={"profile": profile})
    with watched(keyed) as seen:
        run = keyed.spawn(plan)
        sessions = keyed.ended(run)
    assert {one["outcome"] for one in sessions.values()} == {"succeeded"}, sessions
    assert set(model.count_by_status()) == {"200"}
    for session in sessions.values():
        wanted = served(model, session["conversation"])
        assert tokens_of(keyed, session["id"]) == wanted
        rows = rows_of(keyed, session["id"])
        asked = [
            one
            for one in model.requests
            if one["conversation"] == session["conversation"]
        ]
        assert [row.tries for row in rows] == [1] * len(asked)
    assert len(seen) >= 2
    assert [one for one in seen.values() if KEY in one] == []
    assert files_with(keyed.state, KEY) == []
    kept = [
        path
        for path in files_with(Path(keyed.env["HOME"]), KEY)
        if path != Path(keyed.env["KILO_CONFIG"])
    ]
    assert kept == []


@pytest.mark.parametrize("profile", [KIMI, KILO])
def test_what_the_provider_refuses_for_a_while_the_worker_never_sees(
    profile: str, keyed: Swarm, model: ScriptedModel, repository: Path
) -> None:
    tasks = {"one": {"prompt": "WRITE one.txt 1\nSAY done\nFAULT 429x1ra3"}}
    plan = write_plan(repository, tasks, defaults={"profile": profile})
    run = keyed.spawn(plan)
    session = keyed.ended(run)["one"]
    assert session["outcome"] == "succeeded", session
    assert session["retries"] == 0
    rows = rows_of(keyed, session["id"])
    assert max(row.tries for row in rows) == 2
    assert sum(row.held_s for row in rows) >= 2.5
    assert model.count_by_status()["429"] == 1
