"""manifest.yaml and the published schemas say what the models say."""

from __future__ import annotations

import json

import jsonschema
import yaml

from fakes.swarm import ROOT
from kimi_swarm.calls.catalogue import CALLS, summary_of
from kimi_swarm.calls.schema import input_schema
from kimi_swarm.config import ACTIONS_MARK, load_manifest
from publishing import manifest

TEXT = (ROOT / "manifest.yaml").read_text("utf-8")
ANSWERS = (ROOT / manifest.ANSWERS_FILE).read_text("utf-8")
STALE = "run `make manifest`"


def test_the_actions_in_the_manifest_are_those_of_the_code():
    assert manifest.with_actions(TEXT) == TEXT, STALE


def test_the_published_schemas_of_answers_are_those_of_the_code():
    assert manifest.answers_text() == ANSWERS, STALE


def test_whoever_reads_the_manifest_finds_every_action_with_its_schema():
    told = {each["name"]: each for each in yaml.safe_load(TEXT)["actions"]}
    known = json.loads(ANSWERS)
    assert told.keys() == CALLS.keys()
    for name, each in told.items():
        assert each["summary"] == summary_of(name)
        assert each["input"] == input_schema(name)
        assert each["answers"] == known["answers"][name]
        assert known["$defs"].keys() >= set(each["answers"])


def test_the_published_schemas_are_schemas():
    known = json.loads(ANSWERS)
    for name in known["$defs"]:
        whole = {"$defs": known["$defs"], "$ref": f"#/$defs/{name}"}
        jsonschema.Draft202012Validator.check_schema(whole)
    run = {"$defs": known["$defs"], "$ref": "#/$defs/Run"}
    assert not jsonschema.Draft202012Validator(run).is_valid({"run": "calm-river"})


def test_the_code_reads_nothing_of_what_it_wrote_there():
    own, mark, actions = TEXT.partition(ACTIONS_MARK)
    assert mark
    assert yaml.safe_load(own)["profiles"].keys() == load_manifest().profiles.keys()
    assert "actions:" in actions
    assert "actions:" not in own
