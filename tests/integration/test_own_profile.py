"""Profiles of one's own, written from docs/profiles.md alone, for programs made up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.swarm import ROOT, Swarm, until

SHOWN = re.findall(
    r"^```yaml\n(.*?)^```$",
    (ROOT / "docs" / "profiles.md").read_text("utf-8"),
    re.DOTALL | re.MULTILINE,
)
HEAD = f"""\
#!{sys.executable} -I
import json, os, sys
from pathlib import Path
words = sys.argv[1:]
"""
PROGRAMS = {
    "my-agent": """
if words == ["--version"]:
    print("my-agent 1.4.0")
    sys.exit()
seen = {"words": words, "prompt": sys.stdin.read(), "env": dict(os.environ)}
Path("seen.json").write_text(json.dumps(seen))
print("All written.")
""",
    "my-talker": """
def say(**fields):
    print(json.dumps(fields), flush=True)

def after(word):
    return words[words.index(word) + 1] if word in words else None

prompt = Path(after("--prompt-file")).read_text().strip()
if prompt == "overload":
    sys.exit(75)
if prompt == "expired":
    sys.exit("licence expired: ask for another one")
say(event="started", conversation=after("--resume") or "talk-1")
if prompt == "refuse":
    say(event="error", **{"class": "quota"}, status=402, message="Nothing left.")
    sys.exit(1)
with open("said.txt", "a") as file:
    file.write(" ".join(words[:-1]) + ": " + prompt + "\\n")
say(event="tool", name="Write", summary="Write said.txt")
say(event="retry", **{"class": "rate_limit"}, status=429, message="wait a second")
say(event="usage", input_tokens=90, cached_tokens=60, output_tokens=7, cost_usd=0.5)
say(event="text", text="I wrote " + prompt + ".")
say(event="finished")
""",
    "my-asker": """
answer = input("Write " + words[0] + "? [y/n] ")
Path("answer.txt").write_text(answer)
""",
}


@pytest.fixture
def builder(swarm: Swarm) -> Swarm:
    """A user who has three programs on PATH, and writes a profile for each."""
    commands = swarm.folder / "commands"
    commands.mkdir()
    for name, program in PROGRAMS.items():
        path = commands / name
        path.write_text(HEAD + program, "utf-8")
        path.chmod(0o755)
    swarm.env["PATH"] = f"{commands}:{swarm.env['PATH']}"
    swarm.repository()
    return swarm


def write_shown(folder: Path, name: str) -> Path:
    """Write the profile that the document shows for a program, as it stands there."""
    (text,) = (one for one in SHOWN if f"program: {name}\n" in one)
    (folder / "profiles").mkdir(parents=True, exist_ok=True)
    path = folder / "profiles" / f"{name}.yaml"
    path.write_text(text, "utf-8")
    return path


def settings(user: Swarm) -> Path:
    return user.folder / "home" / ".config" / "kimi-swarm"


def asked(profile: str, prompt: str, **more: Any) -> dict[str, Any]:
    return {"a": {"prompt": prompt, "profile": profile, "role": "none", **more}}


def shown(user: Swarm, branch: str, path: str) -> str:
    done = subprocess.run(
        ["git", "-C", user.repository(), "show", f"{branch}:{path}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_first_profile_of_the_document_runs_a_plain_program(builder: Swarm):
    write_shown(settings(builder), "my-agent")
    told = {one["name"]: one for one in builder.ask("doctor")["profiles"]}["my-agent"]
    assert (told["is_ready"], told["version"]) == (True, "1.4.0")
    plan = builder.plan(asked("my-agent", "write it", model="m1"))
    assert "the provider that my-agent is set up for" in builder.call("plan", plan).out

    builder.env |= {"MY_AGENT_KEY": "own", "SOMETHING_ELSE": "kept out"}
    run = str(builder.ask("spawn", plan)["run"])
    session = builder.ended(run)["a"]

    assert (session["outcome"], session["reason"]) == ("succeeded", "changes")
    assert session["summary"] == "All written."
    seen = json.loads(shown(builder, session["branch"], "seen.json"))
    assert seen["words"] == ["--quiet", "--model", "m1"]
    assert seen["prompt"].strip() == "write it"
    assert seen["env"]["MY_AGENT_KEY"] == "own"
    assert "SOMETHING_ELSE" not in seen["env"]


def test_the_second_profile_of_the_document_tells_all_there_is_to_tell(builder: Swarm):
    write_shown(settings(builder), "my-talker")
    run = builder.spawn(asked("my-talker", "one"))
    first = builder.ended(run)["a"]
    assert (first["outcome"], first["summary"]) == ("succeeded", "I wrote one.")
    assert first["conversation"] == "talk-1"
    assert (first["tool_calls"], first["retries"]) == (1, 1)
    assert first["usage"] == {
        "model": None,
        "requests": None,
        "input_tokens": 90,
        "cached_tokens": 60,
        "output_tokens": 7,
        "reasoning_tokens": 0,
        "cost_usd": 0.5,
        "requests_from": "unknown",
        "tokens_from": "told",
        "cost_from": "told",
    }
    attached = builder.ask("attach", first["id"])
    assert attached["argv"][-3:] == ["chat", "--resume", "talk-1"]

    builder.ask("send", first["id"], "two")
    second = builder.ended(run)["a"]
    assert shown(builder, second["branch"], "said.txt").splitlines() == [
        "work --prompt-file: one",
        "work --resume talk-1 --prompt-file: two",
    ]


def test_permissions_and_failures_are_told_as_the_profile_says(builder: Swarm):
    write_shown(settings(builder), "my-talker")
    plan = builder.plan(asked("my-talker", "one"))
    run = str(builder.ask("spawn", plan, "--permission", "read")["run"])
    only = builder.ended(run)["a"]
    said = shown(builder, only["branch"], "said.txt")
    assert said == "work --read-only --prompt-file: one\n"

    wanted = {
        "refuse": ("quota", False),
        "overload": ("provider", True),
        "expired": ("not_configured", False),
    }
    tasks = {word: asked("my-talker", word)["a"] for word in wanted}
    ended = builder.ended(builder.spawn(tasks))
    assert {name: (one["reason"], one["retryable"]) for name, one in ended.items()} == (
        wanted
    )
    assert all(one["remedy"] for one in ended.values())


def test_the_third_profile_of_the_document_is_asked_and_answers(builder: Swarm):
    write_shown(settings(builder), "my-asker")
    run = builder.spawn(asked("my-asker", "it"))
    until(lambda: builder.sessions(run)["a"]["asking"] == "Write it? [y/n]")
    assert builder.ask("send", f"{run}/a", "y")["is_typed"]
    session = builder.ended(run)["a"]
    assert session["outcome"] == "succeeded"
    assert shown(builder, session["branch"], "answer.txt") == "y"


def test_a_project_s_profile_is_left_out_until_trusted_and_again_after_a_change(
    builder: Swarm,
):
    project = builder.repository()
    path = write_shown(project / ".kimi-swarm", "my-agent")
    own = builder.plan(asked("my-agent", "write it"))
    other = builder.plan(asked("demo", "Create `a.txt` with a word."))
    untrusted = f"{project / '.kimi-swarm'} is not trusted"

    def is_left_out() -> bool:
        refused = builder.call("plan", own, cwd=project, code=None)
        told = builder.call("plan", other, cwd=project).out
        health = builder.call("doctor", cwd=project).out
        notes = [untrusted in one for one in (refused.out + refused.err, told, health)]
        assert len(set(notes)) == 1, notes
        assert refused.code == (2 if notes[0] else 0)
        return notes[0]

    assert is_left_out()
    trusted = builder.ask("trust", cwd=project)
    assert trusted["files"] == ["profiles/my-agent.yaml"]
    assert not is_left_out()
    path.write_bytes(path.read_bytes().replace(b"--quiet", b"--quieT"))
    assert is_left_out()
    builder.call("trust", cwd=project)
    assert not is_left_out()
    (path.parent / "another.yaml").write_bytes(path.read_bytes())
    assert is_left_out()


def test_a_link_in_a_project_s_folder_is_never_trusted(builder: Swarm):
    project = builder.repository()
    path = write_shown(project / ".kimi-swarm", "my-agent")
    builder.call("trust", cwd=project)
    elsewhere = builder.folder / "elsewhere.yaml"
    elsewhere.write_bytes(path.read_bytes())
    link = path.with_name("linked.yaml")
    link.symlink_to(elsewhere)

    plan = builder.plan(asked("linked", "write it"))
    assert "is not trusted" in builder.call("plan", plan, cwd=project, code=2).err
    refused = builder.call("trust", cwd=project, code=2)
    assert f"{link} is a link" in refused.err
    link.unlink()
    folder = builder.folder / "profiles-elsewhere"
    path.parent.rename(folder)
    path.parent.symlink_to(folder)
    builder.call("trust", cwd=project, code=2)


def test_a_spoilt_record_of_trust_trusts_nothing_and_is_made_anew(builder: Swarm):
    project = builder.repository()
    write_shown(project / ".kimi-swarm", "my-agent")
    plan = builder.plan(asked("my-agent", "write it"))
    builder.call("trust", cwd=project)
    (settings(builder) / "trusted.json").write_text('{"torn', "utf-8")

    assert "is not trusted" in builder.call("plan", plan, cwd=project, code=2).err
    builder.call("trust", cwd=project)
    builder.call("plan", plan, cwd=project)
