"""How many workers a machine carries, and which profile a program's version fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_swarm.config import load_manifest
from kimi_swarm.core.machine_room import Weight
from kimi_swarm.workers.capacity import capacity, weight_of
from kimi_swarm.workers.version import VersionFit, judge_version, profiles_for
from unit.test_profile import profile_of

GIB = 1 << 30
PROFILES = tuple(load_manifest().profiles.values())


@pytest.mark.parametrize(
    ("name", "cpus", "memory_gib", "carried"),
    [
        ("kilo", 2, 24, 4),
        ("kilo", 16, 8, 10),
        ("kilo", 1, 0.5, 1),
        ("kimi", 2, 24, 12),
        ("kimi-legacy", 64, 24, 189),
    ],
)
def test_cores_and_memory_bound_what_a_machine_carries(
    name: str, cpus: int, memory_gib: float, carried: int
):
    profile = load_manifest().profile(name)
    assert capacity(profile, cpus, int(memory_gib * GIB)) == carried


def test_the_profile_s_own_limit_counts_too():
    assert capacity(profile_of(max_parallel=3), 64, 512 * GIB) == 3
    started = profile_of(start={"cpu_s": 1, "memory_mib": 512})
    assert capacity(started, 1, 4 * GIB) == 8


def test_a_worker_weighs_what_its_profile_says():
    assert weight_of(load_manifest().profile("kilo")) == Weight(800, 0.5)
    started = profile_of(start={"cpu_s": 1, "memory_mib": 512})
    assert weight_of(started) == Weight(512, 0.0)
    assert not weight_of(profile_of())


def test_where_nothing_is_known_there_is_no_bound_worth_the_name():
    assert capacity(profile_of(), 1, 1) == 10_000


@given(
    core=st.none() | st.floats(0.01, 1000),
    memory_mib=st.none() | st.integers(1, 1_000_000),
    limit=st.none() | st.integers(1, 10_000),
    cpus=st.integers(1, 512),
    memory_bytes=st.integers(0, 1 << 44),
)
def test_one_worker_may_always_run_and_no_bound_is_passed(
    core: float | None,
    memory_mib: int | None,
    limit: int | None,
    cpus: int,
    memory_bytes: int,
):
    room = {"core": core, "memory_mib": memory_mib}
    profile = profile_of(max_parallel=limit, max_parallel_per=room)
    carried = capacity(profile, cpus, memory_bytes)
    assert carried >= 1
    if carried > 1:
        assert limit is None or carried <= limit
        assert core is None or carried <= cpus * core
        assert memory_mib is None or carried * memory_mib * 2**20 <= memory_bytes


@pytest.mark.parametrize(
    ("program", "told", "fitting"),
    [
        ("kimi", "2.1.0\n", ("kimi",)),
        ("kimi", "2.9.1\n", ("kimi",)),
        ("kimi", "kimi, version 1.49.0\n", ("kimi-legacy",)),
        ("kimi-cli", "kimi, version 1.49.0\n", ("kimi-legacy",)),
        ("kimi", "1.2.3\n", ()),
        ("kilo", "7.7.7\n", ("kilo",)),
        ("kilo", "0.26.1\n", ()),
        ("kilo", "no version at all\n", ()),
        ("python3", "Python 3.11.2\n", ()),
    ],
)
def test_a_program_s_own_words_tell_which_profile_fits(
    program: str, told: str, fitting: tuple[str, ...]
):
    assert profiles_for(PROFILES, program, told) == fitting


@pytest.mark.parametrize(
    ("version", "problem", "warning"),
    [
        ("1.4", "kilo 1.4 is too old; 1.40 or newer is needed.", ""),
        ("1.40", "", "kilo 1.40 is older than what was tested (1.45 to 1.49)."),
        ("1.45.2", "", ""),
        ("1.49", "", ""),
        ("1.50.0", "", "kilo 1.50.0 is newer than what was tested (1.45 to 1.49)."),
        ("2.0", "kilo 2.0 is too new; profile kilo is for versions below 2.0.", ""),
    ],
)
def test_a_version_is_refused_warned_of_or_taken(
    version: str, problem: str, warning: str
):
    probe = {"at_least": "1.40", "below": "2.0", "tested": "1.45 to 1.49"}
    fit = judge_version(profile_of(version=probe), version)
    assert fit == VersionFit(problem, warning)
    assert fit.is_usable is (problem == "")


def test_a_profile_from_documentation_warns_and_one_without_a_probe_does_not():
    told = judge_version(profile_of(version={"tested": "none"}), "9.9")
    assert told.warning == (
        "Profile kilo was written from documentation and never run."
    )
    assert told.is_usable
    assert judge_version(profile_of(), "1") == VersionFit()
    assert judge_version(profile_of(version={}), "1") == VersionFit()
