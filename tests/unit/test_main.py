from __future__ import annotations

import os
import sys

import pytest

from kimi_swarm.__main__ import main


def test_windows_is_told_to_use_wsl_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "argv", ["kimi-swarm", "list"])
    code = main()
    monkeypatch.undo()
    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert told.err.count("\n") == 1
    assert "WSL" in told.err
