"""The actions as tools: the same schemas, answers and errors as the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError, types

from fakes.mcp_client import Lines, connected, text_of
from fakes.swarm import LIMIT_S, Swarm, worker
from kimi_swarm.calls.asked import PollCall
from kimi_swarm.calls.catalogue import CALLS
from kimi_swarm.calls.perform import perform
from kimi_swarm.calls.schema import answer_schema, input_schema
from kimi_swarm.mcp.wire import Deliveries

pytestmark = pytest.mark.anyio
NONE = {"workspace": "none"}
WITHOUT_SDK = (
    "import sys; sys.modules['mcp'] = None; sys.argv[0] = 'kimi-swarm';"
    "from kimi_swarm.__main__ import main; sys.exit(main())"
)


@pytest.fixture
def run(swarm: Swarm) -> str:
    """A run that is over: one task did what it should, the other did not."""
    swarm.repository()
    done = swarm.spawn(
        {
            "good": {"profile": "demo", "prompt": "Create `good.txt` with a word"},
            "bad": {"argv": ["sh", "-c", "echo no >&2; exit 3"], **NONE},
        }
    )
    swarm.ended(done)
    return done


async def test_every_action_is_a_tool_that_takes_what_it_takes(swarm: Swarm):
    async with connected(swarm) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}

    assert set(tools) == set(CALLS)
    for name, tool in tools.items():
        taken = input_schema(name)
        assert set(tool.input_schema["properties"]) == set(taken["properties"])
        assert tool.input_schema.get("required") == taken.get("required")
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema is None


async def test_the_server_offers_tools_and_nothing_else(swarm: Swarm):
    async with connected(swarm) as session:
        offered = session.server_capabilities
    assert offered is not None
    assert set(offered.model_dump(exclude_none=True)) - {"experimental"} == {"tools"}


async def test_descriptions_are_short_and_are_found_by_what_people_look_for(
    swarm: Swarm,
):
    async with connected(swarm) as session:
        tools = (await session.list_tools()).tools

    words = {tool.name: tool.description or "" for tool in tools}
    assert max(map(len, words.values())) <= 200
    for sought in ("background", "coding agents", "parallel", "worktree", "Kimi Code"):
        assert sought in words["spawn"]


async def test_a_client_is_told_what_only_reads_and_what_may_destroy(swarm: Swarm):
    async with connected(swarm) as session:
        tools = (await session.list_tools()).tools

    hints = {tool.name: tool.annotations for tool in tools if tool.annotations}
    reading = {name for name, hint in hints.items() if hint.read_only_hint}
    destroying = {name for name, hint in hints.items() if hint.destructive_hint}
    assert reading == {"plan", "list", "poll", "wait", "log", "diff", "stats"}
    works = {"spawn", "send", "retry", "resume", "aggregate"}
    assert destroying == works | {"kill", "clear", "doctor"}


CASES: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("list", {}, ["list"]),
    ("list", {"run": "RUN"}, ["list", "RUN"]),
    ("log", {"session": "RUN/bad", "limit": 1}, ["log", "RUN/bad", "--limit", 1]),
    ("poll", {"id": "RUN", "asker": "ASKER"}, ["poll", "RUN", "--as", "ASKER"]),
    ("wait", {"run": "RUN"}, ["wait", "RUN"]),
    ("diff", {"session": "RUN/good"}, ["diff", "RUN/good"]),
    ("aggregate", {"run": "RUN"}, ["aggregate", "RUN"]),
    ("aggregate", {"run": "RUN", "vote": True}, ["aggregate", "RUN", "--vote"]),
    ("plan", {"list": True}, ["plan", "--list"]),
    ("kill", {"id": "RUN"}, ["kill", "RUN"]),
    (
        "clear",
        {"run": ["RUN"], "dry_run": True, "force": True},
        ["clear", "RUN", "--dry-run", "--force"],
    ),
]


def of_run(asked: Any, run: str, asker: str) -> Any:
    """Put a run and an asker into what is asked."""
    return json.loads(json.dumps(asked).replace("RUN", run).replace("ASKER", asker))


async def test_objects_are_those_that_the_command_line_prints(swarm: Swarm, run: str):
    async with connected(swarm, "--structured") as session:
        await session.list_tools()  # holds every answer to its schema from now on
        for name, fields, words in CASES:
            told = await session.call_tool(name, of_run(fields, run, "ada"))
            done = swarm.call(*of_run(words, run, "bob"), "--json", code=None)

            assert told.structured_content == json.loads(done.out), name
            assert json.loads(text_of(told)) == told.structured_content
            assert not told.is_error


async def test_text_is_what_the_command_line_prints(swarm: Swarm, run: str):
    async with connected(swarm) as session:
        for name, fields, words in CASES:
            read = await session.call_tool(name, of_run(fields, run, "cleo"))
            done = swarm.call(
                *of_run(words, run, "dora"), code=None, env={"KIMI_SWARM_PROG": ""}
            )

            assert text_of(read).rstrip("\n") == done.out.rstrip("\n"), name
            assert read.structured_content is None
            assert not read.is_error


async def test_news_counts_as_told_once_it_was_handed_over(swarm: Swarm, run: str):
    asked = {"id": run, "asker": "ada"}
    async with connected(swarm) as session:
        first = text_of(await session.call_tool("poll", asked))
        again = text_of(await session.call_tool("poll", asked))
    assert "succeeded" in first
    assert "(no new output)" in again


async def test_what_the_server_asks_by_the_same_number_hands_no_news_over(
    swarm: Swarm, run: str
):
    asked = PollCall(id=run, asker="ada")
    news = await perform(str(swarm.home), asked)
    wire = Deliveries(str(swarm.home))
    wire.expect(2, news.marks)

    wire.handed_over(json.dumps({"id": 2, "method": "roots/list"}))
    again = await perform(str(swarm.home), asked)
    wire.handed_over(json.dumps({"id": 2, "result": {}}))
    last = await perform(str(swarm.home), asked)

    assert news.marks
    assert again.as_text() == news.as_text()
    assert "(no new output)" in last.as_text()


def test_news_that_nobody_could_read_is_told_again(swarm: Swarm, run: str):
    asked = {"name": "poll", "arguments": {"id": run, "asker": "ada"}}
    with Lines(swarm) as client:
        assert client.process.stdout is not None
        client.process.stdout.close()
        client.begin("tools/call", asked)
        client.process.wait(LIMIT_S)
    with Lines(swarm) as client:
        told = client.ask("tools/call", asked)
    assert "succeeded" in told["result"]["content"][0]["text"]


async def test_structured_answers_come_with_their_schemas(swarm: Swarm):
    async with connected(swarm, "--structured") as session:
        tools = (await session.list_tools()).tools

    assert {tool.name: tool.output_schema for tool in tools} == {
        name: answer_schema(name) for name in CALLS
    }


async def test_the_whole_job_is_done_by_tools_and_next_calls_are_tools(swarm: Swarm):
    repository = swarm.repository()
    tasks = {"a": {"profile": "demo", "prompt": "Create `a.txt` with a word"}}
    plan = {"plan": {"tasks": tasks}, "cwd": str(repository)}

    async with connected(swarm) as session:
        preview = text_of(await session.call_tool("plan", plan))
        spawned = text_of(await session.call_tool("spawn", plan))
        run = spawned.partition(":")[0]
        ended = text_of(await session.call_tool("wait", {"run": run}))
        merge = {"run": run, "merge": True}
        report = text_of(await session.call_tool("aggregate", merge))

    assert "1 task" in preview
    assert preview.splitlines()[-1] == (
        "Nothing has started. To start it: spawn with the same arguments."
    )
    assert f"Next: wait {run}" in spawned
    assert ended.startswith(f"{run}: 1 succeeded")
    assert ended.endswith(f" Next: aggregate {run} --merge")
    assert f"Merged 1 branch on `swarm/{run}/merged`" in report


async def test_what_is_named_to_try_first_is_a_tool(swarm: Swarm):
    where = {"cwd": str(swarm.folder)}
    async with connected(swarm) as session:
        seen = text_of(await session.call_tool("doctor", where))
        nothing = text_of(await session.call_tool("plan", where))
    assert "Works now: spawn " in seen
    assert "For example: spawn " in nothing


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("list", {"run": "calm-river"}, "unknown_run"),
    ("log", {"session": "calm-river/a"}, "unknown_session"),
    ("list", {"runs": "calm-river"}, "usage"),
    ("poll", {"id": "calm-river", "timeout_s": "soon"}, "usage"),
    ("wait", {"run": "calm-river"}, "unknown_run"),
    ("poll", {"id": "calm-river/a"}, "unknown_session"),
    ("kill", {}, "usage"),
    ("spawn", {"task": ["x"], "cwd": "nowhere"}, "usage"),
]


async def test_what_is_wrong_is_told_with_code_sentence_and_remedy(swarm: Swarm):
    async with connected(swarm) as session:
        read = [await session.call_tool(name, fields) for name, fields, _ in WRONG]
    async with connected(swarm, "--structured") as session:
        await session.list_tools()
        told = [await session.call_tool(name, fields) for name, fields, _ in WRONG]

    for (_, _, code), text, data in zip(WRONG, read, told, strict=True):
        assert (text.is_error, data.is_error) == (True, True)
        error = json.loads(text_of(data))["error"]
        assert error["code"] == code
        assert text_of(text).endswith(f" [{code}]")
        assert error["remedy"] in text_of(text)
        assert "\n" not in text_of(text)
    assert not (swarm.home / "state.db").exists()


async def test_a_tool_that_there_is_not_is_an_error_of_the_protocol(swarm: Swarm):
    async with connected(swarm) as session:
        with pytest.raises(MCPError, match="There is no tool 'attach'") as raised:
            await session.call_tool("attach", {})
    assert raised.value.error.code == types.INVALID_PARAMS


async def test_a_defect_is_told_without_a_traceback_and_written_down(
    swarm: Swarm, run: str
):
    swarm.sql("DROP TRIGGER done_is_final")
    swarm.sql("UPDATE sessions SET detail = 'no object'")
    async with connected(swarm, "--structured") as session:
        told = await session.call_tool("list", {"run": run})
    assert told.is_error
    error = json.loads(text_of(told))["error"]
    assert error["code"] == "defect"
    assert error["message"].startswith("A defect in kimi-swarm: ")
    assert "Traceback" in (swarm.home / "defects.log").read_text()


async def test_workers_get_the_keys_that_the_client_names_and_no_others(swarm: Swarm):
    tells = worker("tells_itself.py", "x")
    swarm.own_profile(
        "command",
        summary="Tells its environment.",
        kind="command",
        prompt_via="none",
        expect="exit",
        env={"pass": ["MY_KEY"]},
        sends_to="Nothing.",
    )
    plan = {"plan": {"tasks": {"a": {"argv": tells, **NONE}}}}
    where = {"cwd": str(swarm.folder)}

    async with connected(swarm, MY_KEY="plum-tart", OTHER="x") as session:
        run = text_of(await session.call_tool("spawn", plan | where)).partition(":")[0]
        await session.call_tool("wait", {"run": run})
        shown = {"session": f"{run}/a", "raw": True}
        log = text_of(await session.call_tool("log", shown))

    assert "OTHER" not in log
    assert '"MY_KEY": "[redacted]"' in log or "plum-tart" in log


def test_without_the_extra_one_sentence_says_how_to_get_it(swarm: Swarm):
    words = [sys.executable, "-c", WITHOUT_SDK, "mcp"]
    done = subprocess.run(
        words, env=swarm.env, capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'kimi-swarm[mcp]'" in done.stderr
    assert done.stderr.endswith("[extra_missing]\n")
    assert done.stderr.count("\n") == 1


def test_it_can_be_asked_to_be_ready_ahead(swarm: Swarm):
    assert (
        swarm.call("mcp", "--prepare").out == "The MCP server is ready to be started.\n"
    )


@pytest.mark.parametrize("where", ["argument", "root", "server"])
async def test_paths_begin_where_the_call_the_client_or_the_server_says(
    swarm: Swarm, where: str
):
    repository = swarm.repository()
    (repository / "jobs").mkdir()
    plan = {"tasks": {"a": {"argv": ["true"], **NONE}}}
    (repository / "jobs" / "plan.yaml").write_text(json.dumps(plan))
    words = ["--cwd", str(repository)] if where == "server" else []
    fields: dict[str, Any] = {"plan": "jobs/plan.yaml"}
    if where == "argument":
        fields["cwd"] = str(repository)
    roots = repository if where == "root" else None

    async with connected(swarm, *words, roots=roots) as session:
        read = await session.call_tool("plan", fields)

    assert not read.is_error, read


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("spawn", {"task": ["x"]}),
        ("plan", {"plan": "plan.yaml"}),
        ("send", {"session": "calm-river/a", "file": "message.md"}),
    ],
)
async def test_a_folder_that_nobody_named_is_asked_for_by_an_argument_of_the_tool(
    swarm: Swarm, name: str, fields: dict[str, Any]
):
    async with connected(swarm) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        read = await session.call_tool(name, fields)
    assert read.is_error
    assert text_of(read).startswith("It is not known which folder you work in.")
    assert text_of(read).endswith(" [no_folder]")
    (asked_for,) = re.findall(r"Give `(\w+)`", text_of(read))
    assert asked_for in tools[name].input_schema["properties"]
    assert not (swarm.home / "state.db").exists()


async def test_a_plan_file_with_a_whole_path_needs_no_folder(swarm: Swarm):
    plan = swarm.plan({"a": {"argv": ["true"], **NONE}})
    async with connected(swarm) as session:
        read = await session.call_tool("plan", {"plan": str(plan)})
    assert not read.is_error, read


async def test_a_message_file_is_looked_for_where_the_client_works(
    swarm: Swarm, tmp_path: Path
):
    async with connected(swarm, roots=tmp_path) as session:
        read = await session.call_tool("send", {"session": "a/b", "file": "no.md"})
    assert str(tmp_path / "no.md") in text_of(read)
