from __future__ import annotations

import http.client
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fakes.scripted_model import Limits, ScriptedModel, content_for, instructions

TOOLS = [
    {"function": {"name": name, "parameters": {"properties": fields, "required": []}}}
    for name, fields in {
        "Write": {"path": {"type": "string"}, "content": {"type": "string"}},
        "Read": {"path": {"type": "string"}, "line_offset": {"type": "integer"}},
        "Bash": {"command": {"type": "string"}},
    }.items()
]


def ask(
    model: ScriptedModel,
    prompt: str,
    *later: dict[str, Any],
    key: str = "k",
    **more: Any,
) -> tuple[int, dict[str, str], bytes]:
    messages = [{"role": "user", "content": prompt}, *later]
    body = {"model": "scripted", "messages": messages, "tools": TOOLS, **more}
    connection = http.client.HTTPConnection("127.0.0.1", model.port, timeout=10)
    try:
        connection.request(
            "POST",
            "/v1/chat/completions",
            json.dumps(body),
            {"authorization": f"Bearer {key}"},
        )
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()
    finally:
        connection.close()


def message(model: ScriptedModel, prompt: str, *later: dict[str, Any]) -> Any:
    status, _, raw = ask(model, prompt, *later)
    assert status == 200
    return json.loads(raw)["choices"][0]["message"]


def called(model: ScriptedModel, prompt: str, *later: dict[str, Any]) -> Any:
    function = message(model, prompt, *later)["tool_calls"][0]["function"]
    return function["name"], json.loads(function["arguments"])


def done(result: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c"}]},
        {"role": "tool", "tool_call_id": "c", "content": result},
    )


def test_each_request_does_the_next_step_and_the_last_one_speaks() -> None:
    prompt = "Do this:\nWRITE a/b.txt one\\ntwo\nRUN make all\nSAY that is all"
    with ScriptedModel() as model:
        assert called(model, prompt) == (
            "Write",
            {"path": "a/b.txt", "content": "one\ntwo\n"},
        )
        assert called(model, prompt, *done("ok")) == ("Bash", {"command": "make all"})
        last = message(model, prompt, *done("ok"), *done("ok"))
    assert last == {"role": "assistant", "content": "that is all"}


def test_plain_language_asks_for_files_and_reads_their_parts_first() -> None:
    line = "Update `src/App.tsx` so that it shows all, from `src/A.tsx`, `src/B.tsx`."
    prompt = f"Arrange the page.\n\n{line}\n"
    with ScriptedModel() as model:
        assert called(model, prompt) == ("Read", {"path": "src/A.tsx"})
        assert called(model, prompt, *done("1\tx")) == ("Read", {"path": "src/B.tsx"})
        name, arguments = called(model, prompt, *done("1\tx"), *done("1\ty"))
    assert (name, arguments["path"]) == ("Write", "src/App.tsx")
    assert arguments["content"] == content_for("src/App.tsx", line)
    assert "src/A.tsx" in arguments["content"]
    assert "src/B.tsx" in arguments["content"]


def test_instructions_are_found_with_their_bullets_and_nothing_else_is() -> None:
    prompt = "Create nothing.\n- Create `a.css` in blue\n1. Write `b.md` from `a.css`\n"
    assert [(one.path, one.parts) for one in instructions(prompt)] == [
        ("a.css", ()),
        ("b.md", ("a.css",)),
    ]


@pytest.mark.parametrize("path", ["package.json", "a.tsx", "a.css", "a.html", "a.py"])
def test_the_content_is_fit_for_its_kind_of_file(path: str) -> None:
    text = content_for(path, f"Create `{path}` with care")
    assert "with care" in text
    if path.endswith(".json"):
        assert json.loads(text)["name"] == path
    if path.endswith(".py"):
        compile(text, path, "exec")


def test_a_file_that_the_prompt_points_to_is_read_to_its_end_and_obeyed() -> None:
    pointer = "Your task is in /somewhere/prompt.md. Read it, then do what it says."
    first = done("1\tWRITE a.txt hi\n2\tlong\n<system>Total lines in file: 3.</system>")
    second = done("3\tSAY the end\n<system>Total lines in file: 3.</system>")
    with ScriptedModel() as model:
        assert called(model, pointer) == ("Read", {"path": "/somewhere/prompt.md"})
        assert called(model, pointer, *first)[1]["line_offset"] == 3
        assert called(model, pointer, *first, *second)[1]["path"] == "a.txt"
        last = message(model, pointer, *first, *second, *done("ok"))
    assert last["content"] == "the end"


def test_newer_messages_win_and_reminders_of_the_client_are_not_obeyed() -> None:
    reminder = "<system-reminder>\nRUN nothing\n</system-reminder>"
    later = [{"role": "user", "content": "SAY newer"}]
    later.append({"role": "user", "content": reminder})
    with ScriptedModel() as model:
        assert message(model, "SAY older", *later)["content"] == "newer"


def test_a_stream_holds_the_same_call_and_ends_with_usage() -> None:
    prompt = "WRITE a.txt " + "x" * 300
    with ScriptedModel() as model:
        _, headers, raw = ask(model, prompt, stream=True)
        model.wait_for(bool, limit_s=10)  # it is noted only after its last byte
        plain = called(model, prompt)
    assert headers["content-type"] == "text/event-stream"
    lines = [line[6:] for line in raw.decode().split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    assert chunks[-1]["usage"] == model.requests[0]["usage"]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    calls = [one["tool_calls"][0]["function"] for one in deltas if "tool_calls" in one]
    assert "".join(one["arguments"] for one in calls) == json.dumps(plain[1])
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500, 529])
def test_a_status_fault_lasts_for_ever(status: int) -> None:
    with ScriptedModel() as model:
        got = [ask(model, f"FAULT {status}\nSAY hi")[0] for _ in range(3)]
    assert got == [status] * 3
    assert model.count_by_status() == {str(status): 3}


def test_a_counted_fault_ends_and_says_when_to_come_back() -> None:
    with ScriptedModel() as model:
        got = [ask(model, "FAULT 429x2ra1\nSAY hi") for _ in range(3)]
        other = ask(model, "FAULT 500x2\nSAY hi")
    assert [status for status, _, _ in got] == [429, 429, 200]
    assert got[0][1]["retry-after"] == "1"
    assert other[0] == 500


def test_a_fault_may_wait_until_some_steps_are_done() -> None:
    prompt = "FAULT 500x1@1\nWRITE a.txt a\nWRITE b.txt b"
    with ScriptedModel() as model:
        got = [ask(model, prompt)[0]]
        got += [ask(model, prompt, *done("ok"))[0] for _ in range(2)]
    assert got == [200, 500, 200]


def test_a_dropped_end_looks_whole_and_a_dropped_middle_does_not() -> None:
    with ScriptedModel() as model:
        _, _, raw = ask(model, "FAULT dropeof\nSAY hi", stream=True)
        assert b"par" in raw
        assert b"[DONE]" not in raw
        with pytest.raises(http.client.IncompleteRead):
            ask(model, "FAULT drop\nSAY hi", stream=True)
        assert ask(model, "FAULT drop\nSAY hi", stream=True)[0] == 200


def test_a_page_instead_of_json_and_a_slow_stream() -> None:
    with ScriptedModel() as model:
        assert ask(model, "FAULT badjson\nSAY hi")[2].startswith(b"<html>")
        assert b"[DONE]" in ask(model, "FAULT slow1\nSAY hi", stream=True)[2]


def test_leaving_ends_a_silence_at_once() -> None:
    def client() -> None:
        with suppress(ConnectionError):  # answered or cut off: both end the silence
            ask(model, "FAULT hang600\nSAY hi")

    with ScriptedModel() as model:
        thread = threading.Thread(target=client)
        thread.start()
        with model.changed:
            assert model.changed.wait_for(lambda: model.in_flight == 1, 10)
    thread.join(5)
    assert not thread.is_alive()


def test_a_wrong_key_too_many_at_once_and_too_many_a_minute_are_refused() -> None:
    with ScriptedModel(Limits(api_key="right", rpm=1)) as model:
        assert ask(model, "SAY hi", key="wrong")[0] == 401
        assert ask(model, "SAY hi", key="right")[0] == 200
        status, headers, raw = ask(model, "SAY hi", key="right")
    assert (status, headers["retry-after"]) == (429, "1")
    assert b"max RPM: 1" in raw


def test_conversations_that_must_meet_wait_for_each_other() -> None:
    with ScriptedModel(Limits(meet=("a.txt", "b.txt"))) as model:
        threads = [
            threading.Thread(target=ask, args=(model, f"Create `{name}`"))
            for name in ("a.txt", "b.txt", "c.txt")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    met = {one["step"][1]: one["met"] for one in model.requests}
    assert met == {"a.txt": True, "b.txt": True, "c.txt": None}


def test_the_log_holds_what_the_caller_sees(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with ScriptedModel(log=log) as model:
        ask(model, "RUN ls")
    assert [json.loads(line) for line in log.read_text().splitlines()] == model.requests
    record = model.requests[0]
    assert record["tools"] == 3
    assert record["step"] == ["RUN", "ls"]
    assert record["usage"]["prompt_tokens"] == record["bytes"] // 4
    assert record["began_at"] <= record["ended_at"]


def test_models_are_listed_and_other_pages_are_not_there() -> None:
    with ScriptedModel() as model:
        connection = http.client.HTTPConnection("127.0.0.1", model.port, timeout=10)
        connection.request("GET", "/v1/models")
        listed = json.loads(connection.getresponse().read())
        connection.request("GET", "/elsewhere")
        assert connection.getresponse().status == 404
        connection.close()
    assert {"id": "scripted", "object": "model", "created": 1} in listed["data"]


def test_without_tools_a_chat_is_answered_and_a_title_is_made_up() -> None:
    system = {"role": "system", "content": "Write a short title for this talk."}
    with ScriptedModel() as model:
        _, _, chat = ask(model, "SAY the answer", tools=[])
        _, _, title = ask(model, "FAULT 500\nSAY hi", system, tools=[])
    assert json.loads(chat)["choices"][0]["message"]["content"] == "the answer"
    assert json.loads(title)["choices"][0]["message"]["content"] == "Scripted title"


def test_a_result_fits_the_schema_that_the_prompt_quotes() -> None:
    schema = (
        '{"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}}'
    )
    with ScriptedModel() as model:
        last = message(model, f"Count.\n   JSON schema: {schema}\n")
    assert json.loads(last["content"]) == {"n": 3}


def test_a_prompt_chooses_the_answer_of_one_task_and_what_a_judge_prefers() -> None:
    schema = 'JSON schema: {"properties": {"choice": {"enum": ["first"]}}}'
    answers = 'ANSWER review-1 {"n": 1}\nANSWER review-2 {"n": 2}'
    pair = "PREFER sea\nCandidate 1. A.\n> +river\nCandidate 2. B.\n> +sea"
    with ScriptedModel() as model:
        role = "the name of this task is\nreview-2. Nobody"
        chosen = message(model, f"{role}\n{schema}\n{answers}")
        judged = message(model, f"{schema}\n{pair}")
    assert json.loads(chosen["content"]) == {"n": 2}
    assert json.loads(judged["content"]) == {"choice": "second"}


def test_a_quoted_finding_is_done_and_the_rest_of_a_quotation_is_not() -> None:
    quoted = '>   "Update `a.txt` with an end.",\n> Create `b.txt`'
    with ScriptedModel() as model:
        _, arguments = called(model, f"Mend it.\n{quoted}")
        last = message(model, f"Mend it.\n{quoted}", *done("ok"))
    assert arguments["content"] == content_for("a.txt", "Update `a.txt` with an end.")
    assert last["content"] == "DONE 1 step(s)"


def test_what_is_to_be_done_in_some_way_says_so() -> None:
    prompt = "Create `a.txt`.\n\nDo it in this way: in verse. Others do it too."
    with ScriptedModel() as model:
        _, arguments = called(model, prompt)
    assert "asked: Create `a.txt`. In this way: in verse\n" in arguments["content"]
