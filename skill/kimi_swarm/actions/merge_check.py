"""Running a merge's check: a launch with a shim, bounded, with nothing left of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import anyio
from anyio import to_thread

from kimi_swarm.actions.secrets import secrets_of
from kimi_swarm.actions.state import passed_values
from kimi_swarm.core.names import MERGED
from kimi_swarm.core.redact import redacted
from kimi_swarm.core.session import Place
from kimi_swarm.core.task import Task
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import session_folder
from kimi_swarm.process.launch import Zygote, follow
from kimi_swarm.process.locks import is_locked
from kimi_swarm.process.records import ExitRecord, LaunchFiles
from kimi_swarm.process.remains import end_launch
from kimi_swarm.process.tidy import tidy
from kimi_swarm.supervisor.prepare import FOLDER_VARIABLE, shell_spec
from kimi_swarm.workers.plain import plain
from kimi_swarm.workspace.identity import identity_env
from kimi_swarm.workspace.trial import Checked

LIMIT_S = 1800.0
READ_BYTES = 65_536
OUTPUT_CHARS = 2_000


class CheckLostError(SwarmError):
    """Raised when nobody knows how a check ended: no branch is blamed for that."""

    code = "check_lost"
    exit_code = 1
    retryable = True

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"The check of {name} has no end: {why}.",
            remedy="Merge again: what passed is kept.",
        )


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A shell line that a merge must pass: how long it may take, and how often it runs.

    `every` is after how many branches; None leaves that to how many there are.
    """

    line: str
    timeout_s: float = LIMIT_S
    every: int | None = None


@asynccontextmanager
async def checking(
    home: str, run: str, tasks: Iterable[Task], wanted: CheckLine
) -> AsyncIterator[_Runner]:
    """Yield what runs a check in a folder; the tasks tell which variables it may have.

    Who holds it holds the lock of the run's workspaces. What it started is ended.
    """
    zygote = Zygote()
    try:
        yield _Runner(home, run, passed_values(tasks), wanted, zygote)
    finally:
        with anyio.CancelScope(shield=True):
            await zygote.aclose()


class _Runner:
    def __init__(
        self,
        home: str,
        run: str,
        values: dict[str, str],
        wanted: CheckLine,
        zygote: Zygote,
    ) -> None:
        self._folder = session_folder(home, run, MERGED)
        self._values = values
        self._wanted = wanted
        self._zygote = zygote
        self._secrets = secrets_of(home, run)
        self._name = f"{run}/{MERGED}"

    async def __call__(self, place: Path) -> Checked:
        """Run the check in a folder. Raises OSError where it cannot be begun."""
        files = LaunchFiles(f"{self._folder}/check")
        if is_locked(files.lock):  # of a merge that died
            await to_thread.run_sync(end_launch, files, FOLDER_VARIABLE, self._folder)
        await to_thread.run_sync(lambda: rmtree(files.folder, ignore_errors=True))
        env = {
            **self._values,
            **await identity_env(place),
            "KIMI_SWARM_SESSION": self._name,
            "KIMI_SWARM_TASK": MERGED,
            FOLDER_VARIABLE: self._folder,
            "PWD": str(place),
        }
        spec = shell_spec(
            self._wanted.line,
            Place(str(place)),
            env,
            time_limit_s=self._wanted.timeout_s,
        )
        try:
            record = await follow(files, await self._zygote.launch(files, spec))
        finally:
            if is_locked(files.lock):  # we were told to end
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(
                        end_launch, files, FOLDER_VARIABLE, self._folder
                    )
            tidy(files)
        return self._judged(record, files)

    def _judged(self, record: ExitRecord | None, files: LaunchFiles) -> Checked:
        if record is None or record.exit_code is None:
            told = "its shim was killed" if record is None else record.error
            raise CheckLostError(self._name, told or "it could not be started")
        if record.cause == "exited" and record.exit_code == 0:
            return Checked(is_passed=True)
        return Checked(is_passed=False, why=self._why(record), output=self._end(files))

    def _why(self, record: ExitRecord) -> str:
        if record.cause == "deadline":
            return f"not done within {self._wanted.timeout_s:g} s"
        if record.exit_code is not None and record.exit_code < 0:
            return f"signal {-record.exit_code}"
        return f"exit code {record.exit_code}"

    def _end(self, files: LaunchFiles) -> str:
        """Return the end of the check's output, harmless and without secrets."""
        try:
            with Path(files.out).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - READ_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        # Redacted before it is cut: half a secret would not be known again.
        return redacted(plain(text), self._secrets).strip()[-OUTPUT_CHARS:]
