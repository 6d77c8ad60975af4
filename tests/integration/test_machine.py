"""What the machine has: told for places that are not there yet, too."""

from __future__ import annotations

import shutil
from pathlib import Path

from kimi_swarm.process.machine import free_bytes


def test_room_is_told_for_a_folder_that_is_yet_to_be_made(tmp_path: Path):
    room = free_bytes(str(tmp_path / "not" / "yet"))

    assert 0 < room <= shutil.disk_usage(tmp_path).total
