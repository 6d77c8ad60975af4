"""The shim around one worker: starts it, bounds it, ends it all, writes how it ended.

Forked from the zygote with the launch's lock already in its hands. It outlives the
supervisor, and everything it has to do it can do without one. Standard library only,
and little of it: a shim stays in memory as long as its worker.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from kimi_swarm.process.clock import now
from kimi_swarm.process.crash_point import reach
from kimi_swarm.process.log_end import keep_the_end
from kimi_swarm.process.patience import Mark, Patience
from kimi_swarm.process.platform import (
    ProcessIdentity,
    become_subreaper,
    descendants,
    identity,
)
from kimi_swarm.process.records import (
    ExitRecord,
    LaunchFiles,
    LaunchSpec,
    write_atomically,
    write_when_there_is_room,
)

if TYPE_CHECKING:
    from kimi_swarm.process.terminal import Terminal

SWEEP_GRACE_S = 0.2
SWEEP_STEP_S = 0.01
SWEEP_LIMIT_S = 10.0


def run_shim(files: LaunchFiles, spec: LaunchSpec, alive: int) -> None:
    """Run one worker to its end and write the exit record.

    The caller has forked, blocked SIGTERM, and holds the lock and the writing end of
    the FIFO (`alive`) open; it must exit right after.
    """
    os.setsid()
    shim = _Shim(files, spec, alive, is_subreaper=become_subreaper())
    reach("shim.before_identity")
    write_when_there_is_room(files.shim, shim.identity)
    reach("shim.after_identity")
    record = shim.run()
    write_when_there_is_room(files.exit, record._asdict(), before="shim.before_rename")
    reach("shim.after_rename")


class _Shim:
    def __init__(
        self, files: LaunchFiles, spec: LaunchSpec, alive: int, *, is_subreaper: bool
    ) -> None:
        self.files = files
        self.alive = alive
        self.terminal: Terminal | None = None
        me = identity(os.getpid())
        self.identity = {"pid": os.getpid(), "born": me.born if me else ""}
        self.spec = spec
        self.patience = Patience(
            spec.first_output_s, spec.silence_s, at=time.monotonic()
        )
        self.is_subreaper = is_subreaper
        self.held: Mark = (0, 0)
        self.stop_asked = False
        self.status: tuple[int, float, int] | None = None
        self.swept: set[ProcessIdentity] = set()
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_stop)
        # Handled, not ignored: what is ignored stays ignored in the worker.
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, _do_nothing)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    def _on_stop(self, _number: int, _frame: object) -> None:
        self.stop_asked = True

    def run(self) -> ExitRecord:
        started_at = now()
        if self.stop_asked:
            return ExitRecord("stopped", None, started_at, now())
        try:
            worker = self._start()
        except OSError as error:
            why = f"{error.filename or self.spec.argv[0]}: {error.strerror}"
            return ExitRecord("not_started", None, started_at, now(), error=why)
        reach("shim.after_start")
        self._tell_worker(worker.pid)
        cause = self._follow(worker.pid)
        reach("shim.before_sweep")
        self._sweep()
        if self.terminal is not None:
            self.terminal.close()
        self._bound_logs()
        exit_code, cpu_s, rss_bytes = self.status or (-signal.SIGKILL, 0.0, 0)
        return ExitRecord(
            cause, exit_code, started_at, now(), cpu_s, rss_bytes, len(self.swept)
        )

    def _start(self) -> subprocess.Popen[bytes]:
        if self.spec.asks is not None:
            from kimi_swarm.process.terminal import (  # noqa: PLC0415 few workers need one
                Terminal,
            )

            self.terminal = Terminal(self.files, self.spec.asks, self._tell)
            return self.terminal.start(self.spec)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        stdin = os.open(self.spec.stdin or os.devnull, os.O_RDONLY)
        out = os.open(self.files.out, append, 0o600)
        err = out if self.spec.merge_stderr else os.open(self.files.err, append, 0o600)
        try:
            return subprocess.Popen(
                self.spec.argv,
                cwd=self.spec.cwd,
                env=self.spec.env,
                stdin=stdin,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        finally:
            for descriptor in {stdin, out, err}:
                os.close(descriptor)

    def _follow(self, worker: int) -> str:
        """Wait for the worker's end, by itself, on request or at one of its limits."""
        deadline = time.monotonic() + self.spec.time_limit_s
        self._wait(lambda: self._is_to_end() or self._ended(worker), deadline)
        if self._ended(worker):
            return "exited"
        cause = "stopped" if self.stop_asked else self.patience.cause or "deadline"
        _signal_group(worker, signal.SIGTERM)
        until = time.monotonic() + self.spec.grace_s
        self._wait(lambda: self._ended(worker), until)
        if not self._ended(worker):
            _signal_group(worker, signal.SIGKILL)
            self._wait(lambda: self._ended(worker), time.monotonic() + SWEEP_LIMIT_S)
        return cause

    def _is_to_end(self) -> bool:
        is_asking = self.terminal is not None and self.terminal.is_asking
        held = _mark(self.files.held)
        # While a gateway holds its request it has nothing to say, and says so itself.
        is_held, self.held = held != self.held, held
        marks = (_mark(self.files.out), _mark(self.files.err))
        # Monotonic: it knows no steps, and stands still while the machine sleeps.
        self.patience.look(time.monotonic(), marks, is_asking=is_asking or is_held)
        return self.stop_asked or self.patience.cause is not None

    def _wait(self, is_over: Callable[[], bool], deadline: float) -> None:
        while not is_over():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return
            self._bound_logs()
            left_s = min(left_s, self.patience.next_look_s)
            if self.terminal is not None:
                self.terminal.serve(self.wake_read, left_s)
            else:
                select.select([self.wake_read], [], [], left_s)
            with suppress(BlockingIOError):
                os.read(self.wake_read, 4096)

    def _ended(self, worker: int) -> bool:
        """Reap whatever ended; whether the worker is among the dead by now."""
        with suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == worker:
                    # Linux counts ru_maxrss in KiB: getrusage(2).
                    self.status = (
                        os.waitstatus_to_exitcode(status),
                        usage.ru_utime + usage.ru_stime,
                        usage.ru_maxrss * 1024,
                    )
        return self.status is not None

    def _sweep(self) -> None:
        """End every process the worker left: a word first, then by force."""
        began = time.monotonic()
        while time.monotonic() < began + SWEEP_LIMIT_S:
            if self._is_childless():
                return
            left = set(self._left_over())
            if not left:
                return
            patient = time.monotonic() < began + SWEEP_GRACE_S
            for each in left if not patient else left - self.swept:
                # One that took another user's rights is not ours to end.
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(each.pid, signal.SIGTERM if patient else signal.SIGKILL)
            self.swept |= left
            self._wait(lambda: False, time.monotonic() + SWEEP_STEP_S)

    def _tell_worker(self, pid: int) -> None:
        """Write down who the worker is, for whoever must end it if the shim is killed.

        It may not be known by its environment: not every system shows that, and a
        program that gives itself a title (kimi-cli does) overwrites it.
        """
        who = identity(pid)
        if who is not None:
            write_atomically(self.files.shim, {**self.identity, "worker": who})

    def _tell(self) -> None:
        """Let the supervisor know that there is something new to read."""
        with suppress(OSError):
            os.write(self.alive, b"!")

    def _bound_logs(self) -> None:
        for path in (self.files.out, self.files.err):
            keep_the_end(path, self.spec.log_limit_bytes)

    def _is_childless(self) -> bool:
        """Whether nothing can be left: a subreaper without children has no orphans."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return self.is_subreaper
        return False

    def _left_over(self) -> list[ProcessIdentity]:
        # Without a subreaper an orphan is no longer below us: remember it by name.
        known = [each for each in self.swept if identity(each.pid) == each]
        return [*descendants(os.getpid()), *known]


def _do_nothing(_number: int, _frame: object) -> None:
    """Do nothing: the wake-up descriptor has told the loop already."""


def _mark(path: str) -> Mark:
    try:
        seen = os.stat(path)  # noqa: PTH116 strings here
    except OSError:
        return 0, 0
    return seen.st_size, seen.st_mtime_ns


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
