"""A prompt far longer than an argument may be, to every real worker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.real_workers import PROFILES, write_plan
from e2e.swarm_cli import Swarm, git
from fakes.scripted_model import ScriptedModel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WANTED_BYTES = 300_000


@pytest.mark.parametrize("profile", PROFILES)
def test_a_prompt_of_300_kb_reaches_a_real_worker_whole(
    workers: Swarm, model: ScriptedModel, repository: Path, profile: str
) -> None:
    remarks = [f"Remark {number:05}: {'käse ' * 16}." for number in range(3_400)]
    prompt = "\n".join(["WRITE long.txt read", *remarks, "SAY the end was read"])
    assert len(prompt.encode()) > WANTED_BYTES
    tasks = {"only": {"prompt": prompt, "profile": profile}}
    only = workers.ended(workers.spawn(write_plan(repository, tasks)))["only"]

    assert only["outcome"] == "succeeded", only
    assert only["summary"] == "the end was read"
    assert git(repository, "show", f"{only['branch']}:long.txt") == "read\n"
    heard = json.dumps(model.bodies[-1], ensure_ascii=False)
    places = [heard.find(remark) for remark in remarks]
    assert -1 not in places
    assert places == sorted(places)
