"""SKILL.md must pass the hosts' and the marketplace's rules, and fit the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SKILL.md").read_text("utf-8")
_, HEAD, BODY = TEXT.split("---\n", 2)
FRONT = yaml.safe_load(HEAD)
SHEETS = sorted((ROOT / "references").glob("*.md"))
PUBLISHED = sorted(
    path
    for pattern in (
        *("*.md", "*.yaml", "docs/*.md", "references/*.md"),
        *("prompts/**/*.j2", "examples/*.yaml"),
    )
    for path in ROOT.glob(pattern)
)


def test_its_name_is_the_package_and_fits_a_folder():
    assert FRONT["name"] == "kimi-swarm"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", FRONT["name"])


def test_its_description_is_short_and_quoted_on_one_line():
    assert f'description: "{FRONT["description"]}"\n' in HEAD
    assert len(FRONT["description"].encode()) < 160


def test_its_front_holds_only_what_every_validator_knows():
    known = {"name", "description", "license", "compatibility", "metadata"}
    assert set(FRONT) <= known
    assert FRONT["license"] == "MIT-0"


def test_its_front_is_written_in_blocks():
    plain = re.sub(r'"[^"]*"', "", HEAD)
    assert not re.search(r"[\[\]{}]", plain)


def test_it_asks_only_for_what_nobody_can_do_without():
    wants = FRONT["metadata"]["openclaw"]
    assert set(wants) == {"os", "requires", "install", "envVars"}
    assert wants["os"] == ["linux", "darwin"]
    assert wants["requires"] == {"bins": ["python3", "git"]}
    assert {one["required"] for one in wants["envVars"]} == {False}


def test_its_body_is_short_enough_to_be_read_each_time():
    assert 350 <= len(BODY.split()) <= 600


def test_its_words_vary_enough_for_the_marketplace():
    words = re.findall(r"[a-z']+", BODY.lower())
    assert len(set(words)) / len(words) > 0.45


def test_it_defines_base_dir_once():
    assert BODY.count("`{baseDir}` below is the folder of this file;") == 1


def test_it_sends_to_sheets_that_are_there_and_to_every_one_of_them():
    named = set(re.findall(r"`([a-z]+\.md)`", BODY.partition("## Read when needed")[2]))
    assert named == {path.name for path in SHEETS}


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_a_sheet_is_short_enough_to_be_read_in_the_midst_of_a_job(path: Path):
    assert len(path.read_text("utf-8")) < 4_000


def test_its_commands_are_plain_single_lines():
    for block in re.findall(r"```sh\n(.*?)```", BODY, re.DOTALL):
        for line in block.splitlines():
            assert line.startswith("python3 {baseDir}/skill/swarm.py ")
            assert not re.search(r"[|;&<>$`\\]", line)


def test_its_front_and_the_manifest_say_the_same():
    manifest = yaml.safe_load((ROOT / "manifest.yaml").read_text("utf-8"))
    assert manifest["name"] == FRONT["name"]
    for profile in manifest["profiles"]:
        assert f"`{profile}`" in BODY


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_a_published_text_holds_nothing_that_scanners_take_for_an_attack(path: Path):
    text = path.read_text("utf-8")
    assert not re.search(r"[A-Za-z0-9+/=]{200}", text)
    assert not re.search("[\u200b-\u200f\u2060\ufeff]", text)
    # Joined here, so that this file holds none of them either.
    for words in (("you are", "now a"), ("system", "prompt:"), ("rm", "-rf")):
        assert " ".join(words) not in text.lower()
