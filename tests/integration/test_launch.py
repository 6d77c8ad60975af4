"""Launches: what a worker gets from its shim, and what is known of its end."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from fakes.swarm import LIMIT_S, is_live, until, worker
from kimi_swarm.process import launch as launching
from kimi_swarm.process.launch import (
    LaunchTakenError,
    Zygote,
    ZygoteDeadError,
    follow,
    stop,
)
from kimi_swarm.process.locks import is_locked, try_lock
from kimi_swarm.process.records import (
    ExitRecord,
    LaunchFiles,
    LaunchSpec,
    read_exit,
    read_shim,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def zygote(
    code: Path, monkeypatch: pytest.MonkeyPatch, anyio_backend: str
) -> AsyncIterator[Zygote]:
    monkeypatch.setattr(launching, "SOURCE_ROOT", code)
    made = Zygote()
    yield made
    await made.aclose()


def spec(argv: list[str], cwd: Path, **changes: Any) -> LaunchSpec:
    whole = LaunchSpec(
        argv=argv,
        cwd=str(cwd),
        env={"PATH": os.environ["PATH"]},
        stdin=None,
        merge_stderr=True,
        time_limit_s=120.0,
        grace_s=0.2,
    )
    return whole._replace(**changes)


def shell(line: str) -> list[str]:
    return ["/bin/sh", "-c", line]


async def run(zygote: Zygote, files: LaunchFiles, what: LaunchSpec) -> ExitRecord:
    with anyio.fail_after(LIMIT_S):
        record = await follow(files, await zygote.launch(files, what))
    assert record is not None
    return record


@pytest.fixture
def files(tmp_path: Path) -> LaunchFiles:
    return LaunchFiles(str(tmp_path / "launch"))


def text(path: str) -> str:
    return Path(path).read_text("utf-8")


@pytest.mark.parametrize(
    ("line", "exit_code"), [("exit 0", 0), ("exit 7", 7), ("kill -s SEGV $$", -11)]
)
async def test_it_tells_the_exit_code_or_the_signal(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path, line: str, exit_code: int
):
    record = await run(zygote, files, spec(shell(line), tmp_path))

    assert (record.cause, record.exit_code) == ("exited", exit_code)
    assert record.started_at <= record.ended_at
    assert record.max_rss_bytes > 100_000


async def test_a_program_that_is_not_there_is_told_by_name(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path
):
    record = await run(zygote, files, spec(["/nowhere/worker"], tmp_path))

    assert (record.cause, record.exit_code) == ("not_started", None)
    assert record.error == "/nowhere/worker: No such file or directory"


async def test_an_argument_that_is_too_long_is_told(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path
):
    record = await run(zygote, files, spec(["/bin/echo", "x" * 200_000], tmp_path))

    assert record.error == "/bin/echo: Argument list too long"


async def test_a_worker_gets_exactly_what_was_said(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path
):
    stdin = tmp_path / "prompt"
    stdin.write_text("Grüße\n", "utf-8")
    env = {"ONLY": "this", "UMLAUT": "ä"}
    argv = worker("tells_itself.py", "a b", "*")

    await run(zygote, files, spec(argv, tmp_path, env=env, stdin=str(stdin)))

    told = json.loads(text(files.out))
    assert told["stdin"].encode("utf-8", "surrogateescape") == stdin.read_bytes()
    assert (told["argv"], told["cwd"]) == (["a b", "*"], str(tmp_path))
    assert set(told["env"]) == set(env)
    assert told["fds"] == [0, 1, 2]
    assert (told["ignored"], told["blocked"]) == ([], 0)


async def test_standard_error_is_merged_or_kept_apart(zygote: Zygote, tmp_path: Path):
    says = shell("echo out; echo err >&2; echo out")
    together = LaunchFiles(str(tmp_path / "together"))
    apart = LaunchFiles(str(tmp_path / "apart"))

    await run(zygote, together, spec(says, tmp_path))
    await run(zygote, apart, spec(says, tmp_path, merge_stderr=False))

    assert text(together.out) == "out\nerr\nout\n"
    assert not Path(together.err).exists()
    assert (text(apart.out), text(apart.err)) == ("out\nout\n", "err\n")


async def test_a_flood_keeps_its_end_within_the_limit_and_says_what_is_gone(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path
):
    flood = worker("floods.py", 200_000)
    await run(zygote, files, spec(flood, tmp_path, log_limit_bytes=100_000))

    lines = text(files.out).splitlines()
    assert Path(files.out).stat().st_size <= 100_000
    assert lines[0].startswith("[kimi-swarm left out ")
    assert lines[-1] == "line 199999"


@pytest.mark.parametrize("line", ["exec sleep 60", "trap '' TERM; sleep 60; sleep 60"])
async def test_the_deadline_ends_it_gently_and_then_by_force(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path, line: str
):
    record = await run(zygote, files, spec(shell(line), tmp_path, time_limit_s=0.2))

    assert record.cause == "deadline"
    assert record.exit_code in (-signal.SIGTERM, -signal.SIGKILL)


async def test_a_worker_may_end_well_within_its_grace(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path
):
    line = "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.01; done"
    reading = await zygote.launch(files, spec(shell(line), tmp_path, grace_s=LIMIT_S))
    until(lambda: Path(files.out).exists() and text(files.out))

    assert stop(files)
    with anyio.fail_after(LIMIT_S):
        record = await follow(files, reading)

    assert record is not None
    assert (record.cause, record.exit_code) == ("stopped", 5)
    assert text(files.out).endswith("bye\n")


async def test_nothing_that_ignores_term_or_hides_outlives_a_stop(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path
):
    pids = tmp_path / "pids"
    pids.mkdir()
    what = spec(worker("ignores_term.py", pids), tmp_path)
    reading = await zygote.launch(files, what)
    until(lambda: len(list(pids.iterdir())) == 2)

    assert stop(files)
    record = await follow(files, reading)

    assert record is not None
    assert record.exit_code == -signal.SIGKILL
    assert not any(is_live(int(one.name)) for one in pids.iterdir())


async def test_the_lock_is_held_exactly_as_long_as_the_shim_lives(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path
):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    reading = await zygote.launch(files, spec(shell(f"read x < {gate}"), tmp_path))
    shim = until(lambda: read_shim(files))
    assert shim is not None

    assert is_locked(files.lock)
    assert read_exit(files) is None
    with pytest.raises(LaunchTakenError):
        await zygote.launch(files, spec(shell("exit 9"), tmp_path))
    gate.write_text("go\n")
    record = await follow(files, reading)

    assert record is not None
    assert record.exit_code == 0
    assert not is_locked(files.lock)
    assert not stop(files)
    until(lambda: not is_live(shim.pid))


async def test_a_launch_that_somebody_else_holds_is_refused(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path
):
    Path(files.folder).mkdir()
    lock = try_lock(files.lock)
    assert lock is not None

    with pytest.raises(LaunchTakenError):
        await zygote.launch(files, spec(shell("echo started"), tmp_path))

    os.close(lock)
    assert not Path(files.out).exists()


async def test_a_shim_that_is_killed_leaves_no_record_and_no_lock(
    zygote: Zygote, files: LaunchFiles, tmp_path: Path
):
    reading = await zygote.launch(files, spec(shell("exec sleep 60"), tmp_path))
    shim = until(lambda: read_shim(files))
    assert shim is not None
    (child,) = until(lambda: children_of(shim.pid))

    os.kill(shim.pid, signal.SIGKILL)
    with anyio.fail_after(LIMIT_S):
        record = await follow(files, reading)

    os.kill(child, signal.SIGKILL)
    assert record is None
    assert not is_locked(files.lock)


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(word) for word in found.split()]


async def test_a_zygote_that_died_between_launches_is_replaced(
    zygote: Zygote, tmp_path: Path
):
    ledger = tmp_path / "ledger"
    what = spec(shell(f"echo ran >> {ledger}"), tmp_path)
    await run(zygote, LaunchFiles(str(tmp_path / "first")), what)
    (pid,) = [each for each in children_of(os.getpid()) if is_zygote(each)]

    os.kill(pid, signal.SIGKILL)
    record = await run(zygote, LaunchFiles(str(tmp_path / "second")), what)

    assert record.exit_code == 0
    assert text(str(ledger)) == "ran\nran\n"


async def test_no_launch_is_doubled_when_zygotes_die_in_the_midst(
    zygote: Zygote, tmp_path: Path
):
    folders = [LaunchFiles(str(tmp_path / f"launch-{number}")) for number in range(12)]
    killed: set[int] = set()
    records: list[ExitRecord] = []

    async def launch(files: LaunchFiles) -> None:
        line = f"echo ran >> {files.folder}/ledger"
        records.append(await run(zygote, files, spec(shell(line), tmp_path)))

    async def kill_some() -> None:
        while len(killed) < 3:
            for pid in filter(is_zygote, children_of(os.getpid())):
                if pid not in killed:
                    killed.add(pid)
                    os.kill(pid, signal.SIGKILL)
            await anyio.sleep(0.01)

    async with anyio.create_task_group() as group:
        for files in folders:
            group.start_soon(launch, files)
        with anyio.move_on_after(5):
            await kill_some()

    assert [record.exit_code for record in records] == [0] * 12
    ledgers = [text(f"{files.folder}/ledger") for files in folders]
    assert ledgers == ["ran\n"] * 12


def is_zygote(pid: int) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return False
    return b"kimi_swarm.process.zygote" in line


async def test_a_zygote_that_cannot_live_is_given_up(
    zygote: Zygote,
    files: LaunchFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(launching, "SOURCE_ROOT", tmp_path)

    with anyio.fail_after(LIMIT_S), pytest.raises(ZygoteDeadError):
        await zygote.launch(files, spec([sys.executable], tmp_path))

    assert not is_locked(files.lock)
    assert "kimi_swarm" in capfd.readouterr().err
