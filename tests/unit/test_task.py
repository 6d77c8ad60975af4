"""A task read back from the store is the task that was written there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.runs import a_task
from kimi_swarm.core.task import (
    Expect,
    PromptVia,
    Recipe,
    Task,
    WorkspaceMode,
    WorkspaceNeed,
    task_from_dict,
    task_to_dict,
)

texts = st.text(max_size=20)
tuples = st.lists(texts, max_size=4).map(tuple)
seconds = st.floats(0, 1e9)
recipes = st.builds(
    Recipe,
    profile=texts,
    argv=tuples,
    prompt_via=st.sampled_from(PromptVia),
    prompt_limit_bytes=st.integers(),
    long_prompt=texts,
    env_set=st.dictionaries(texts, texts, max_size=4),
    env_pass=tuples,
    dialect=texts,
    merge_stderr=st.booleans(),
    ok_exit_codes=st.lists(st.integers(0, 255), max_size=4).map(tuple),
    grace_s=seconds,
    max_parallel=st.none() | st.integers(1, 99),
    spacing_s=seconds,
)
tasks = st.builds(
    Task,
    name=texts,
    prompt=texts,
    recipe=recipes,
    title=texts,
    needs=tuples,
    workspace=st.builds(
        WorkspaceNeed,
        mode=st.sampled_from(WorkspaceMode),
        copy=tuples,
        setup=st.none() | texts,
        ports=st.integers(0, 9),
    ),
    expect=st.sampled_from(Expect),
    check=st.none() | texts,
    time_limit_s=seconds,
    queue_s=st.none() | seconds,
    first_output_s=st.none() | seconds,
    silence_s=st.none() | seconds,
    retries=st.integers(0, 9),
    retry_delay_s=seconds,
    result=st.none() | st.dictionaries(texts, texts, max_size=2),
)


@given(tasks)
def test_a_task_comes_back_from_json_as_it_was(task: Task):
    back = task_from_dict(json.loads(json.dumps(task_to_dict(task))))
    assert back == task
    assert type(back.expect) is Expect
    assert type(back.workspace.mode) is WorkspaceMode
    assert type(back.recipe.prompt_via) is PromptVia
    hash(back.recipe.argv + back.needs + back.workspace.copy)


def test_a_task_of_an_older_version_gets_the_defaults_of_fields_it_lacks():
    data = task_to_dict(a_task("header"))
    for later in ("retries", "title", "check", "time_limit_s"):
        del data[later]
    del data["recipe"]["spacing_s"]
    del data["workspace"]["ports"]
    assert task_from_dict(data) == Task(
        "header", "Build header.", a_task("header").recipe
    )


@pytest.mark.parametrize(
    "spoil",
    [
        {"recipe": {}},
        {"workspace": {"mode": "moon", "copy": []}},
        {"expect": "wonders"},
        {"colour": "red"},
        {"needs": None},
    ],
)
def test_foreign_data_is_refused(spoil: dict[str, object]):
    with pytest.raises((KeyError, TypeError, ValueError)):
        task_from_dict({**task_to_dict(a_task("header")), **spoil})
