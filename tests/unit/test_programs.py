from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kimi_swarm.config import load_manifest
from kimi_swarm.process.command import ProgramMissingError
from kimi_swarm.process.programs import (
    FoundProgram,
    VersionReport,
    find_program,
    probe_version,
)
from kimi_swarm.workers.profile import Profile

ENV = {"PATH": os.defpath}


def script(path: Path, text: str, *, mode: int = 0o755) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def path_of(*folders: Path) -> str:
    return os.pathsep.join(map(str, folders))


def test_a_program_is_found_by_its_absolute_path(tmp_path: Path):
    tool = script(tmp_path / "b" / "tool", "#!/bin/sh\n")
    found = find_program("tool", path=path_of(tmp_path / "a", tmp_path / "b"))
    assert found == FoundProgram((tool,))


@pytest.mark.parametrize("line", ["#!/usr/bin/env node", "#!/usr/bin/env -S node "])
def test_a_script_comes_back_behind_its_interpreter(tmp_path: Path, line: str):
    tool = script(tmp_path / "tool", f"{line}\nwork()")
    node = script(tmp_path / "n" / "node", "#!/bin/sh\n")
    found = find_program("tool", path=path_of(tmp_path, tmp_path / "n"))
    assert found == FoundProgram((node, tool))


def test_options_of_the_interpreter_are_kept(tmp_path: Path):
    tool = script(tmp_path / "tool", "#!/usr/bin/env -S node --no-warnings\n")
    node = script(tmp_path / "node", "#!/bin/sh\n")
    found = find_program("tool", path=str(tmp_path))
    assert found.argv == (node, "--no-warnings", tool)


def test_an_interpreter_beside_the_script_extends_the_path(tmp_path: Path):
    tool = script(tmp_path / "tool", "#!/usr/bin/env node\n")
    node = script(tmp_path / "node", "#!/bin/sh\n")
    found = find_program(tool, path="/nowhere")
    assert found == FoundProgram((node, tool), f"{tmp_path}{os.pathsep}/nowhere")


def test_an_interpreter_beside_the_script_goes_before_another_on_the_path(
    tmp_path: Path,
):
    tool = script(tmp_path / "new" / "tool", "#!/usr/bin/env node\n")
    node = script(tmp_path / "new" / "node", "#!/bin/sh\n")
    script(tmp_path / "old" / "node", "#!/bin/sh\n")
    path = path_of(tmp_path / "old", tmp_path / "new")
    found = find_program("tool", path=path)
    assert found == FoundProgram((node, tool), f"{tmp_path / 'new'}{os.pathsep}{path}")


def test_a_link_is_not_followed_for_the_name_may_matter(tmp_path: Path):
    script(tmp_path / "box", "#!/bin/sh\n")
    (tmp_path / "tool").symlink_to("box")
    found = find_program("tool", path=str(tmp_path))
    assert found.argv == (str(tmp_path / "tool"),)


@pytest.mark.parametrize(
    "line",
    ["#!/bin/sh", "#!/usr/bin/env -i node", "#!/usr/bin/env A=b node", "\x7fELF"],
)
def test_other_programs_are_left_to_the_system(tmp_path: Path, line: str):
    tool = script(tmp_path / "tool", f"{line}\n")
    assert find_program("tool", path=str(tmp_path)).argv == (tool,)


def test_a_missing_program_is_refused_with_its_install_line(tmp_path: Path):
    with pytest.raises(ProgramMissingError) as caught:
        find_program("kimi", path=str(tmp_path), install="npm install -g it")
    assert str(caught.value) == "kimi was not found on this machine."
    assert caught.value.remedy == "Install it with: npm install -g it"


def test_a_missing_interpreter_is_named(tmp_path: Path):
    script(tmp_path / "tool", "#!/usr/bin/env node\n")
    with pytest.raises(
        ProgramMissingError, match="node, which runs tool, was not found"
    ):
        find_program("tool", path=str(tmp_path))


def test_what_cannot_be_run_is_not_found(tmp_path: Path):
    script(tmp_path / "tool", "#!/bin/sh\n", mode=0o644)
    (tmp_path / "folder").mkdir()
    for name in ("tool", "folder", str(tmp_path / "tool")):
        with pytest.raises(ProgramMissingError):
            find_program(name, path=str(tmp_path))


def test_the_current_folder_is_never_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    script(tmp_path / "tool", "#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProgramMissingError):
        find_program("tool", path=f"{os.pathsep}.{os.pathsep}")


def test_a_relative_path_names_a_file_of_the_workspace():
    assert find_program("./build.sh", path="").argv == ("./build.sh",)


def profile_of(**fields: Any) -> Profile:
    kimi = load_manifest().profile("kimi")
    return Profile.model_validate(
        {**kimi.model_dump(by_alias=True), "version": {}, "interpreter": None, **fields}
    )


NODE_NEEDED = {"name": "node", "at_least": "22.19"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fields", "node", "tool", "report"),
    [
        ({}, "", "echo kimi 2.1.0", VersionReport("2.1.0")),
        ({}, "", "echo v2.1.0 >&2", VersionReport("2.1.0")),
        ({"version": None}, "", "exit 1", VersionReport()),
        (
            {},
            "",
            "echo hello",
            VersionReport(problem="kimi --version printed no version."),
        ),
        (
            {},
            "",
            "echo 1.0; exit 3",
            VersionReport(problem="kimi --version ended with exit code 3."),
        ),
        (
            {"version": {"at_least": "2.1"}},
            "",
            "echo 2.0.9",
            VersionReport(
                "2.0.9", problem="kimi 2.0.9 is too old; 2.1 or newer is needed."
            ),
        ),
        (
            {"version": {"below": "2"}},
            "",
            "echo 2.0.9",
            VersionReport(
                "2.0.9",
                problem="kimi 2.0.9 is too new; profile kimi is for versions below 2.",
            ),
        ),
        (
            {"version": {"tested": "2.1.0"}},
            "",
            "echo 2.2.0",
            VersionReport(
                "2.2.0",
                warning="kimi 2.2.0 is newer than what was tested (2.1.0).",
            ),
        ),
        (
            {"interpreter": NODE_NEEDED},
            "echo v22.9.0",
            "echo 2.1.0",
            VersionReport(
                interpreter="22.9.0",
                problem="node 22.9.0 is too old; 22.19 or newer is needed.",
            ),
        ),
        (
            {"interpreter": NODE_NEEDED},
            '[ "$1" = --version ] && echo v24.1.0 || exec sh "$@"',
            "echo 2.1.0",
            VersionReport("2.1.0", "24.1.0"),
        ),
    ],
)
async def test_a_version_is_asked_for_and_judged(
    tmp_path: Path,
    fields: dict[str, object],
    node: str,
    tool: str,
    report: VersionReport,
):
    argv = [script(tmp_path / "tool", f"#!/bin/sh\n{tool}\n")]
    if node:
        argv.insert(0, script(tmp_path / "node", f"#!/bin/sh\n{node}\n"))
    found = FoundProgram(tuple(argv))
    told = await probe_version(profile_of(**fields), found, env=ENV, cwd=tmp_path)
    assert told == report


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["", "no program"])
async def test_a_program_that_cannot_start_is_a_problem_not_an_error(
    tmp_path: Path, text: str
):
    tool = script(tmp_path / "tool", text, mode=0o755)
    found = FoundProgram((tool if text else str(tmp_path / "gone"),))
    told = await probe_version(profile_of(), found, env=ENV, cwd=tmp_path)
    assert told.problem
