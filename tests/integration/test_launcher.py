"""The launcher from outside: what runs where, and that the skill stays untouched."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import swarm
from fakes.skill_folder import REAL_SKILL, SkillFolder, digests, finish
from kimi_swarm import __main__ as installed

HEAVY = {"argparse", "hashlib", "json", "pathlib", "shutil", "subprocess", "tempfile"}
UNCHECKED_HASH = b"\x01\0\0\0"


@pytest.fixture
def skill(tmp_path: Path) -> SkillFolder:
    return SkillFolder(tmp_path)


@pytest.mark.parametrize("verb", swarm.HOT_VERBS)
def test_a_hot_verb_runs_in_the_same_process_and_builds_no_environment(
    skill: SkillFolder, verb: str
) -> None:
    call = skill.start("--json", verb, "calm-river", "")
    told = finish(call).told
    assert told["mode"] == "hot"
    assert told["argv"] == ["--json", verb, "calm-river", ""]
    assert told["pid"] == call.pid
    assert "KIMI_SWARM_PYTHON" not in told["env"]
    assert not (skill.cache / "env").exists()


def test_a_hot_verb_imports_nothing_heavy(skill: SkillFolder) -> None:
    skill.call("list")
    plain = [sys.executable, "-c", "import sys; print(sorted(sys.modules))"]
    bare = subprocess.check_output(plain, env=skill.env(), text=True)
    extra = set(skill.call("list").told["modules"]) - set(ast.literal_eval(bare))
    assert not extra & HEAVY
    assert not any(name.startswith("launcher") for name in extra)


def test_other_verbs_run_in_the_private_environment(skill: SkillFolder) -> None:
    skill.with_fake_uv()
    words = ["run", "a b", "", "ü", "--set", "x='1'"]
    call = skill.start(*words)
    told = finish(call).told
    env = told["env"]
    assert (told["mode"], told["argv"]) == ("main", words)
    assert told["pid"] == call.pid
    assert told["python"] == env["KIMI_SWARM_PYTHON"]
    assert Path(told["python"]).is_relative_to(skill.cache / "env")
    assert told["file"].startswith(env["KIMI_SWARM_CODE"])


def test_the_exit_code_is_handed_on(skill: SkillFolder) -> None:
    skill.with_fake_uv()
    assert skill.call("list", "fail").code == 7
    assert skill.call("run", "fail").code == 7


def test_a_hot_verb_learns_of_the_environment_once_it_exists(
    skill: SkillFolder,
) -> None:
    skill.with_fake_uv()
    python = skill.call("run").told["python"]
    assert skill.call("list").told["env"]["KIMI_SWARM_PYTHON"] == python


def test_an_inherited_interpreter_of_another_skill_is_forgotten(
    skill: SkillFolder,
) -> None:
    told = skill.call("list", KIMI_SWARM_PYTHON="/elsewhere/python").told
    assert "KIMI_SWARM_PYTHON" not in told["env"]


def test_nothing_is_written_into_the_skill_folder(skill: SkillFolder) -> None:
    skill.with_fake_uv()
    before = skill.contents()
    for path in [skill.root, *skill.root.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        codes = [skill.call(verb).code for verb in ("list", "run", "list", "run")]
    finally:
        for path in [skill.root, *skill.root.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
    assert codes == [0, 0, 0, 0]
    assert skill.contents() == before


def test_no_module_comes_from_the_skill_folder(skill: SkillFolder) -> None:
    skill.with_fake_uv()
    for verb in ("list", "run"):
        told = skill.call(verb).told
        assert told["file"].startswith(str(skill.copies()[0]))
        assert str(skill.root / "skill") not in told["path"]


def test_the_copy_is_laid_out_like_a_wheel_and_compiled_unchecked(
    skill: SkillFolder,
) -> None:
    skill.call("list", PYTHONPYCACHEPREFIX=str(skill.base / "elsewhere"))
    (copy,) = skill.copies()
    bundle = copy / "kimi_swarm" / "_bundle"
    assert (bundle / "manifest.yaml").read_text() == "name: fake\n"
    assert (bundle / "prompts" / "roles" / "worker.md.j2").read_text() == "work"
    tag = sys.implementation.cache_tag
    compiled = copy / "kimi_swarm" / "cli" / "__pycache__" / f"hot.{tag}.pyc"
    assert compiled.read_bytes()[4:8] == UNCHECKED_HASH


def test_an_update_makes_a_new_copy_and_leaves_the_old_one_untouched(
    skill: SkillFolder,
) -> None:
    skill.call("list")
    (old,) = skill.copies()
    before = digests(old)
    hot = skill.root / "skill" / "kimi_swarm" / "cli" / "hot.py"
    hot.write_text(hot.read_text().replace("'hot'", "'new'").replace('"hot"', '"new"'))
    assert skill.call("list").told["mode"] == "new"
    assert len(skill.copies()) == 2
    assert digests(old) == before


@pytest.mark.parametrize("name", ["manifest.yaml", "prompts/roles/worker.md.j2"])
def test_changed_data_makes_a_new_copy_too(skill: SkillFolder, name: str) -> None:
    skill.call("list")
    (skill.root / name).write_text("changed: true\n")
    skill.call("list")
    assert len(skill.copies()) == 2


def test_touched_but_equal_files_keep_the_copy(skill: SkillFolder) -> None:
    skill.call("list")
    os.utime(skill.root / "manifest.yaml", ns=(1, 1))
    skill.call("list")
    assert len(skill.copies()) == 1


def test_a_lost_copy_is_laid_again(skill: SkillFolder) -> None:
    skill.call("list")
    (copy,) = skill.copies()
    copy.rename(skill.base / "moved away")
    assert skill.call("list").code == 0
    assert skill.copies() == [copy]


def test_racing_first_calls_share_one_copy_and_one_environment(
    skill: SkillFolder,
) -> None:
    diary = skill.with_fake_uv()
    calls = [skill.start("run", str(n)) for n in range(4)]
    answers = [finish(call) for call in calls]
    assert [answer.code for answer in answers] == [0] * 4
    assert len({answer.told["python"] for answer in answers}) == 1
    assert len(skill.copies()) == 1
    assert len(skill.environments()) == 1
    assert sum(line.startswith("venv") for line in diary.read_text().split("\n")) == 1


def test_the_users_python_variables_reach_workers_but_not_our_imports(
    skill: SkillFolder,
) -> None:
    skill.with_fake_uv()
    stray = skill.base / "stray"
    (stray / "kimi_swarm").mkdir(parents=True)
    (stray / "kimi_swarm" / "__init__.py").write_text("raise SystemExit(99)")
    for verb in ("run", "list"):
        variables = {"PYTHONPATH": str(stray), "PYTHONPYCACHEPREFIX": str(stray)}
        answer = skill.call(verb, **variables)
        assert answer.code == 0, answer.err
        assert answer.told["env"]["PYTHONPATH"] == str(stray)
        assert (str(stray) in answer.told["path"]) is (verb == "list")


def test_the_named_command_can_be_given_to_a_shell(skill: SkillFolder) -> None:
    again = skill.call("list").told["env"]["KIMI_SWARM_PROG"]
    assert again.startswith("python3 ")
    (skill.bin / "python3").symlink_to(sys.executable)
    words = ["/bin/sh", "-c", f"{again} poll"]
    out = subprocess.check_output(words, env=skill.env(), text=True)
    assert ast.literal_eval(out)["argv"] == ["poll"]


def test_a_link_to_the_launcher_works(skill: SkillFolder, tmp_path: Path) -> None:
    link = tmp_path / "swarm"
    link.symlink_to(skill.script)
    words = [sys.executable, str(link), "list"]
    out = subprocess.check_output(words, env=skill.env(), text=True)
    assert ast.literal_eval(out)["mode"] == "hot"


def test_the_installed_command_knows_the_same_hot_verbs() -> None:
    assert installed.HOT_VERBS == swarm.HOT_VERBS


@pytest.mark.parametrize(
    ("env", "cache"),
    [
        ({"KIMI_SWARM_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/kimi-swarm"),
        ({"XDG_CACHE_HOME": "x", "HOME": "/h"}, "/h/.cache/kimi-swarm"),
    ],
)
def test_the_cache_is_where_the_variables_say(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], cache: str
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "environ", env)
    assert swarm.cache_root() == cache


def test_without_a_home_variable_the_accounts_home_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "environ", {"HOME": ""})
    expected = f"{swarm.account_home()}/Library/Caches/kimi-swarm"
    assert swarm.cache_root() == expected


@pytest.mark.parametrize(
    "name",
    [
        "swarm.py",
        "launcher/__init__.py",
        "launcher/problem.py",
        "launcher/elsewhere.py",
    ],
)
def test_what_runs_before_the_version_check_parses_on_old_pythons(name: str) -> None:
    tree = ast.parse((REAL_SKILL / name).read_text(), feature_version=(3, 7))
    assert isinstance(tree, ast.Module)
