"""Old copies of the code go, but none that a process might still import from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kimi_swarm.actions.left_code import left_code
from kimi_swarm.actions.scene import Leftover

pytestmark = pytest.mark.anyio

COPIES = ("now", "other", "used", "old", "forgotten")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache of five copies; two skills are remembered, of which one is gone."""
    cache, skill = tmp_path / "cache", tmp_path / "skill"
    skill.mkdir()
    for name in COPIES:
        (cache / "code" / name / "kimi_swarm").mkdir(parents=True)
    (cache / "index").mkdir()
    (cache / "index" / "1-py").write_text(f"other env\n{skill}\nfacts")
    (cache / "index" / "2-py").write_text(f"forgotten env\n{tmp_path / 'no'}\nfacts")
    return cache


def found(cache: Path, lines: dict[int, bytes] | None) -> dict[str, Leftover]:
    code = str(cache / "code" / "now")
    return {Path(each.what).name: each for each in left_code(code, lines)}


async def test_what_no_skill_and_no_process_uses_goes(cache: Path):
    user = f"python\0-m\0kimi\0PYTHONPATH={cache}/code/used\0".encode()

    left = found(cache, {1: b"init\0", 7: user})
    mends = {name: each.mend for name, each in left.items()}

    assert left.keys() == {"used", "old", "forgotten"}
    assert mends["used"] is None
    for mend in mends.values():
        if mend is not None:
            assert await mend() == "removed"
    assert {one.name for one in (cache / "code").iterdir()} == {"now", "other", "used"}


@pytest.mark.parametrize(
    "line", [b"python3\0/skills/kimi-swarm/skill/swarm.py\0wait\0", None]
)
async def test_nothing_goes_while_it_cannot_be_told_who_uses_it(
    cache: Path, line: bytes | None
):
    lines = None if line is None else {7: line, os.getpid(): line}

    assert [each.mend for each in found(cache, lines).values()] == [None] * 3


async def test_a_copy_that_is_being_laid_is_left_until_that_was_long_ago(cache: Path):
    fresh = cache / "code" / ".new-1"
    stale = cache / "code" / ".new-2"
    for each in (fresh, stale):
        each.mkdir()
    os.utime(stale, (1, 1))

    left = found(cache, {})

    assert left[".new-1"].mend is None
    assert left[".new-2"].mend is not None


async def test_an_installed_package_has_no_copies():
    assert left_code(None, {}) == []
