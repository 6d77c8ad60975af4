"""Strategies of one's own: found, laid over each other, trusted, listed, explained."""

from __future__ import annotations

from pathlib import Path

from fakes.swarm import Swarm

GREETINGS = """{#
summary: %s
parameters:
  names: {type: list, help: whom to greet}
  tone: {type: choice, choices: [warm, cool], default: warm, help: how to greet}
#}
repo: new
defaults: {profile: demo}
tasks:
{%% for part in names | parts %%}
  {{ part.name | yaml }}:
    prompt: {{ ("Create `" ~ part.name ~ ".txt` with a " ~ tone ~ " greeting") | yaml }}
{%% endfor %%}
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / "strategies" / f"{name}.yaml.j2"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def config(user: Swarm) -> Path:
    return user.folder / "home" / ".config" / "kimi-swarm"


def listed(user: Swarm, cwd: Path | None = None) -> dict[str, tuple[str, str]]:
    found = user.ask("plan", "--list", cwd=cwd)["strategies"]
    return {one["name"]: (one["origin"], one["summary"]) for one in found}


def test_a_strategy_of_ones_own_is_listed_explained_planned_and_run(swarm: Swarm):
    write(config(swarm), "greetings", GREETINGS % "Greets.")

    assert listed(swarm)["greetings"] == ("user", "Greets.")
    told = swarm.call("plan", "greetings", "--help").out
    assert "names  whom to greet (list, required)" in told
    assert "tone   how to greet (warm | cool, default warm)" in told
    words = ["--strategy", "greetings", "--set", "names=Ann,Bo"]
    run = str(swarm.ask("spawn", *words)["run"])
    assert {one["outcome"] for one in swarm.ended(run).values()} == {"succeeded"}

    wrong = swarm.call("plan", *words, "--set", "tone=wram", code=2).err
    assert 'tone must be one of warm, cool, not "wram"; did you mean "warm"?' in wrong


def test_help_names_a_strategy_with_every_verb_that_takes_one(swarm: Swarm):
    told = swarm.call("plan", "research", "-h").out
    assert told == swarm.call("spawn", "--strategy", "research", "--help").out
    assert told == swarm.call("run", "--help", "--strategy", "research").out
    assert swarm.ask("plan", "research", "--help")["strategy"]["name"] == "research"
    assert "usage:" in swarm.call("plan", "--help").out
    wrong = swarm.call("plan", "resaerch", "--help", code=2)
    assert 'did you mean "research"?' in wrong.err


def test_a_project_s_strategy_waits_for_trust_and_then_wins(swarm: Swarm):
    project = swarm.repository()
    write(config(swarm), "greetings", GREETINGS % "Mine.")
    path = write(project / ".kimi-swarm", "greetings", GREETINGS % "Ours.")
    write(project / ".kimi-swarm", "research", GREETINGS % "Ours, too.")

    def seen() -> list[str]:
        found = listed(swarm, project)
        return [found["greetings"][1], found["research"][0]]

    assert seen() == ["Mine.", "package"]
    assert "is not trusted" in swarm.call("plan", "--list", cwd=project).out
    words = ["plan", "greetings", "--set", "names=Ann"]
    assert "is not trusted" in swarm.call(*words, cwd=project).out

    trusted = swarm.ask("trust", cwd=project)["files"]
    assert "strategies/greetings.yaml.j2" in trusted
    assert seen() == ["Ours.", "project"]
    assert seen() == ["Ours.", "project"]
    path.write_text(GREETINGS % "Changed.", "utf-8")
    assert seen() == ["Mine.", "package"]


def test_a_strategy_only_the_project_has_is_unknown_until_trusted(swarm: Swarm):
    project = swarm.repository()
    write(project / ".kimi-swarm", "greetings", GREETINGS % "Ours.")
    refused = swarm.call("plan", "greetings", "--set", "names=A", cwd=project, code=2)
    assert "no strategy" in refused.err
    assert "is not trusted" in refused.err


def test_one_that_is_broken_is_told_and_spoils_no_other(swarm: Swarm):
    write(config(swarm), "broken", "{#\nsummary: x\nparametres: {}\n#}\n")
    write(config(swarm), "greetings", GREETINGS % "Greets.")
    write(config(swarm), "Not A Name", GREETINGS % "Never seen.")

    answer = swarm.ask("plan", "--list")

    assert {one["name"] for one in answer["strategies"]} >= {"greetings", "research"}
    (note,) = answer["notes"]
    assert note.startswith("Strategy broken was left out: broken.yaml.j2, header")
    refused = swarm.call("plan", "broken", "--help", code=2).err
    assert 'did you mean "parameters"?' in refused


def test_what_a_template_of_ones_own_may_not_do_is_refused_with_its_line(swarm: Swarm):
    head = "{#\nsummary: x\n#}\n"
    bad = {
        "undefined": ("{{ nobody }}", "'nobody' is undefined"),
        "unsafe": ("{{ ''.__class__ }}", "access to attribute '__class__'"),
        "endless": (
            "{% for a in range(99) %}{% for b in range(9999)%}{% endfor%}{% endfor %}",
            "takes more than 100,000 steps",
        ),
        "huge": (
            "{% for a in range(9999) %}" + "x" * 999 + "{% endfor %}",
            "makes more than 2,000,000 characters",
        ),
    }
    for name, (text, fact) in bad.items():
        write(config(swarm), name, f"{head}tasks:\n{text}\n")
        told = swarm.ask("spawn", "--strategy", name, code=2)["error"]
        assert told["code"] == "template"
        assert told["message"].startswith(f"{name}.yaml.j2, line 5: {fact}"), told
    assert not swarm.home.exists()
