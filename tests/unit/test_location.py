"""Everything of a state folder has a name, and the socket's fits its platform."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm import location


def test_the_chosen_folder_wins(tmp_path: Path):
    assert location.state_home({"KIMI_SWARM_HOME": str(tmp_path)}) == str(tmp_path)


def test_a_chosen_folder_is_made_absolute_and_its_tilde_is_home():
    assert location.state_home({"KIMI_SWARM_HOME": "here"}) == str(Path.cwd() / "here")
    expected = str(Path("~/there").expanduser())
    assert location.state_home({"KIMI_SWARM_HOME": "~/there"}) == expected


def test_an_empty_choice_is_none():
    assert location.state_home({"KIMI_SWARM_HOME": ""}) == location.state_home({})


@pytest.mark.parametrize(
    ("platform", "environ", "ending"),
    [
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/kimi-swarm"),
        ("linux", {"XDG_STATE_HOME": ""}, "/.local/state/kimi-swarm"),
        ("linux", {}, "/.local/state/kimi-swarm"),
        ("darwin", {}, "/Library/Application Support/kimi-swarm"),
    ],
)
def test_each_platform_has_its_place(
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    environ: dict[str, str],
    ending: str,
):
    monkeypatch.setattr("sys.platform", platform)
    assert location.state_home(environ).endswith(ending)


def test_naming_creates_nothing(tmp_path: Path):
    home = str(tmp_path / "home")
    for name in (
        location.database_path,
        location.supervisor_lock_path,
        location.supervisor_log_path,
        location.socket_path,
    ):
        assert name(home).startswith(home)
    assert not list(tmp_path.iterdir())


def test_runs_sessions_and_workspaces_do_not_share_folders():
    names = {
        location.run_folder("/home", "calm-river"),
        location.session_folder("/home", "calm-river", "header.2"),
        location.workspace_folder("/home", "calm-river", "header.2"),
        location.new_repository_folder("/home", "calm-river"),
    }
    assert len(names) == 4
    assert all(name.startswith("/home/") for name in names)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300))
def test_a_socket_path_always_fits(tail: str):
    path = location.socket_path("/" + tail)
    assert len(os.fsencode(path)) <= location.SOCKET_PATH_LIMIT_BYTES
    assert path == location.socket_path("/" + tail)


def test_long_folders_have_sockets_of_their_own():
    assert location.socket_path("/a" * 90) != location.socket_path("/b" * 90)
