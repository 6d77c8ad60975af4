"""Sessions whose requests go through the gateway, from spawn to their end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import KEY
from fakes.model_users import ask, requests_in, teach_to_ask
from fakes.raw_provider import Heard, RawProvider, Say, whole
from fakes.scripted_model import Limits, ScriptedModel
from fakes.swarm import Swarm, is_live, until, with_session
from kimi_swarm.location import gateway_lock_path
from kimi_swarm.process.locks import is_locked


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel(Limits(api_key=KEY)) as served:
        yield served


SUCCEEDED = ("succeeded", "answer", None)


def told(session: dict[str, Any]) -> tuple[str, str, str | None]:
    return session["outcome"], session["reason"], session.get("message")


def gateways(swarm: Swarm) -> list[int]:
    return [
        pid
        for pid in swarm.processes()
        if b"kimi_swarm.lanes.gateway" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_what_was_asked_is_counted_as_the_provider_served_it(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model, questions=3)
    run = swarm.spawn({"a": ask("FAULT slow1"), "b": ask("FAULT slow2")})
    for done in swarm.ended(run).values():
        assert (done["outcome"], done["reason"]) == ("succeeded", "answer"), done
        rows = requests_in(swarm, done["id"])
        assert len(rows) == 3
        assert done["usage"]["requests"] == 3
        assert done["usage"]["input_tokens"] == sum(
            row.input_tokens or 0 for row in rows
        )
    served = [one["usage"]["prompt_tokens"] for one in model.requests]
    kept = [
        row.input_tokens
        for name in ("a", "b")
        for row in requests_in(swarm, f"{run}/{name}")
    ]
    assert sorted(kept, key=str) == sorted(served, key=str)


def environments_of(session: str) -> bytes:
    """Return what a session's processes were given, once its worker is among them."""
    found = b""
    for pid in with_session(session):
        with suppress(OSError):  # gone meanwhile, as a setup line is
            found += Path(f"/proc/{pid}/environ").read_bytes()
    return found if b"MODEL_KEY=" in found else b""


def holders_of_the_key(swarm: Swarm) -> list[bytes]:
    """Return what of ours has the key where any process of this user can read it."""
    found = []
    for pid in swarm.processes():
        with suppress(OSError):  # gone meanwhile
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            given = Path(f"/proc/{pid}/environ").read_bytes()
            found += [words] if KEY.encode() in words + given else []
    return found


def test_a_supervisor_that_starts_with_a_key_shows_it_nobody(
    swarm: Swarm, model: ScriptedModel
):
    """Whoever revives it gives it all that runs may need; it is read from memory."""
    teach_to_ask(swarm, model)
    run = swarm.spawn({"a": ask("FAULT slow300"), "b": ask("Go", needs=["a"])})
    swarm.until_state(f"{run}/a", "running")
    assert holders_of_the_key(swarm) == []
    swarm.kill_supervisor()
    assert swarm.ask("list", run)["sessions"]
    swarm.supervisor()
    assert holders_of_the_key(swarm) == []
    assert {told(one) for one in swarm.ended(run).values()} == {SUCCEEDED}


def test_a_worker_never_has_the_key_and_nothing_keeps_it(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    tasks = {
        "a": ask("FAULT slow600", check="env > seen.txt", workspace="fresh"),
    }
    tasks["a"]["workspace"] = {"mode": "fresh", "setup": "env > before.txt"}
    run = swarm.spawn(tasks)
    session = f"{run}/a"
    words = until(lambda: environments_of(session))
    assert b"MODEL_KEY=swarm-" in words
    assert KEY.encode() not in words
    assert holders_of_the_key(swarm) == []
    assert swarm.ended(run)["a"]["outcome"] == "succeeded"
    files = [path for path in swarm.home.rglob("*") if path.is_file()]
    assert any(path.name == "before.txt" for path in files)
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def files_with_the_key(swarm: Swarm) -> list[Path]:
    files = [path for path in swarm.folder.rglob("*") if path.is_file()]
    return [path for path in files if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("status", "reason"), [("401 Unauthorized", "auth"), ("402 Payment", "quota")]
)
def test_a_key_that_the_provider_says_back_is_kept_nowhere(
    status: str, reason: str, swarm: Swarm
):
    def answer(heard: Heard, say: Say) -> None:
        key = (heard.header("authorization") or "").removeprefix("Bearer ")
        message = f"No balance for the API key {key}"
        body = json.dumps({"error": {"type": "x", "message": message}}).encode()
        say(whole(f"{status} {key}", body, f"X-Key: {key}"))

    with RawProvider(answer) as provider:
        teach_to_ask(swarm, provider.origin)
        done = swarm.ended(swarm.spawn({"a": ask("Go")}))["a"]
        until(lambda: not swarm.supervisors() and not gateways(swarm))
    assert (done["outcome"], done["reason"]) == ("failed", reason)
    assert "No balance for the API key" in done["message"]
    assert (swarm.home / "gateway.pools.json").exists()
    assert files_with_the_key(swarm) == []


def test_a_refused_key_fails_the_session_as_without_the_gateway(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    swarm.env["MODEL_KEY"] = "another-key-than-that"
    done = swarm.ended(swarm.spawn({"a": ask("Go")}))["a"]
    assert (done["outcome"], done["reason"]) == ("failed", "auth")
    assert "Invalid Authentication" in done["message"]


def test_a_held_worker_is_not_taken_for_hung(swarm: Swarm, model: ScriptedModel):
    """Its provider makes it wait for longer than it may be silent."""
    teach_to_ask(swarm, model, first_output_s=1.5, silence_s=1.5)
    run = swarm.spawn({"a": ask("FAULT 429x1ra3")})
    done = swarm.ended(run)["a"]
    assert told(done) == SUCCEEDED
    (row,) = requests_in(swarm, done["id"])
    assert row.held_s > 2


def test_a_worker_that_hangs_by_itself_still_is(swarm: Swarm, model: ScriptedModel):
    teach_to_ask(swarm, model, first_output_s=1.5)
    done = swarm.ended(swarm.spawn({"a": ask("FAULT hang30")}))["a"]
    assert (done["outcome"], done["reason"]) == ("timed_out", "first_output")


def test_without_a_key_of_ours_a_worker_is_left_alone(
    swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model)
    del swarm.env["MODEL_KEY"]
    done = swarm.ended(swarm.spawn({"a": ask("Go")}))["a"]
    assert done["outcome"] == "failed"
    assert not Path(gateway_lock_path(str(swarm.home))).exists()


def test_a_crowd_at_a_narrow_provider_all_get_their_answers(
    swarm: Swarm, model: ScriptedModel
):
    model.limits = Limits(api_key=KEY, max_concurrency=2)
    teach_to_ask(swarm, model, questions=2)
    tasks = {f"t{number}": ask("FAULT slow20") for number in range(8)}
    run = swarm.spawn(tasks, limits={"concurrency": 8})
    for done in swarm.ended(run).values():
        assert told(done) == SUCCEEDED
        rows = requests_in(swarm, done["id"])
        assert [row.status for row in rows] == [200, 200]
    counts = model.count_by_status()
    assert counts["200"] == 16
    # It learns from what is refused, and soon asks for no more than is given.
    assert counts.get("429", 0) <= 8


@pytest.mark.parametrize("struck", ["gateway", "supervisor", "both"])
def test_whoever_dies_a_session_goes_on_to_its_answer(
    struck: str, swarm: Swarm, model: ScriptedModel
):
    teach_to_ask(swarm, model, questions=4)
    run = swarm.spawn({"a": ask("FAULT slow200"), "b": ask("FAULT slow150")})
    model.wait_for(lambda seen: len(seen) >= 2, limit_s=60)
    if struck in ("supervisor", "both"):
        swarm.kill_supervisor()
    if struck in ("gateway", "both"):
        (pid,) = gateways(swarm)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_live(pid))
    for done in swarm.ended(run).values():
        assert told(done) == SUCCEEDED
        rows = requests_in(swarm, done["id"])
        lost = [row for row in rows if row.ending == "lost"]
        assert len(rows) == 4 + len(lost)
        assert len([row for row in rows if row.sent_again]) == len(lost)
    until(lambda: not is_locked(gateway_lock_path(str(swarm.home))))


def test_it_ends_with_its_supervisor(swarm: Swarm, model: ScriptedModel):
    teach_to_ask(swarm, model)
    swarm.env["KIMI_SWARM_IDLE_S"] = "0.2"
    assert swarm.ended(swarm.spawn({"a": ask("Go")}))["a"]["outcome"] == "succeeded"
    until(lambda: not swarm.supervisors() and not gateways(swarm))
    log = swarm.home / "gateway.log"
    assert log.read_text() == ""
