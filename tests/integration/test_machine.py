"""What the machine has: told for places that are not there yet, too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kimi_swarm.process.cgroup import cpu_limit, memory_limit_bytes
from kimi_swarm.process.machine import cpus, free_bytes, memory_bytes


def test_room_is_told_for_a_folder_that_is_yet_to_be_made(tmp_path: Path):
    room = free_bytes(str(tmp_path / "not" / "yet"))

    assert 0 < room <= shutil.disk_usage(tmp_path).total


def a_system(folder: Path, groups: str, files: dict[str, str]) -> Path:
    """Make the files by which Linux tells of control groups."""
    files = {"proc/self/cgroup": groups} | {
        f"sys/fs/cgroup/{name}": text for name, text in files.items()
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("groups", "files", "memory", "cores"),
    [
        ("0::/\n", {}, None, None),
        ("0::/\n", {"memory.max": "max\n", "cpu.max": "max 100000\n"}, None, None),
        ("0::/\n", {"memory.max": "4096\n", "cpu.max": "150000 100000\n"}, 4096, 1.5),
        (
            "0::/job/step\n",
            {
                "job/memory.max": "1000\n",
                "job/step/memory.max": "2000\n",
                "job/step/cpu.max": "400000 100000\n",
                "job/cpu.max": "max 100000\n",
            },
            1000,
            4.0,
        ),
        (
            "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n",
            {
                "memory/memory.limit_in_bytes": "3000\n",
                "cpu/cpu.cfs_quota_us": "200000\n",
                "cpu/cpu.cfs_period_us": "100000\n",
            },
            3000,
            2.0,
        ),
        (
            "4:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "9"},
            None,
            None,
        ),
        ("nonsense", {}, None, None),
    ],
)
def test_what_a_control_group_leaves_is_read_from_it_and_those_around_it(
    groups: str,
    files: dict[str, str],
    memory: int | None,
    cores: float | None,
    tmp_path: Path,
):
    system = a_system(tmp_path, groups, files)
    assert memory_limit_bytes(system) == memory
    assert cpu_limit(system) == cores


def test_without_control_groups_nothing_bounds_us(tmp_path: Path):
    assert memory_limit_bytes(tmp_path) is None
    assert cpu_limit(tmp_path) is None


def test_a_machine_has_at_least_a_core_and_some_memory():
    assert cpus() >= 1
    assert memory_bytes() > 2**20
