"""run: spawn, watch live, aggregate."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import anyio
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from kimi_swarm.actions.aggregate import aggregate
from kimi_swarm.actions.kill import kill
from kimi_swarm.actions.plan import Prepared
from kimi_swarm.actions.spawn import spawn
from kimi_swarm.actions.state import changes, existing, program_name
from kimi_swarm.calls.runs import told_report
from kimi_swarm.cli.exits import INTERRUPTED
from kimi_swarm.cli.printing import say
from kimi_swarm.core.wake import held_line
from kimi_swarm.store.inbox import standings
from kimi_swarm.store.views import SessionRow, latest_sessions, run_row
from kimi_swarm.telling import speech
from kimi_swarm.telling.words import next_line, why_of

_STYLES = {"succeeded": "green", "failed": "red", "lost": "red", "timed_out": "red"}


def run_live(
    home: str,
    prepared: Prepared,
    *,
    is_merging: bool,
    is_json: bool,
    go_on: Callable[[str, Console], Prepared | None] | None = None,
) -> int:
    """Spawn a plan, show it live on standard error, and end with its report.

    With `go_on`, which is given the run once it has ended, what it returns is added to
    the run and shown too.
    """
    spawned = anyio.run(spawn, home, prepared)
    console = Console(stderr=True, highlight=False)
    console.print(
        speech.spawned(spawned).partition("\nNext:")[0], markup=False, soft_wrap=True
    )
    try:
        has_ended = _watch(home, spawned.run, console)
        more = go_on(spawned.run, console) if go_on and has_ended else None
        if more is not None:
            anyio.run(spawn, home, more)
            has_ended = _watch(home, spawned.run, console)
    except KeyboardInterrupt:
        return _interrupted(home, spawned.run, console)
    if not has_ended:
        _say_held(home, spawned.run, console)
        is_merging = False  # what is undone may still come
    report = anyio.run(partial(aggregate, home, spawned.run, is_merging=is_merging))
    return say(told_report(report), is_json=is_json)


def _watch(home: str, run: str, console: Console) -> bool:
    """Show a bar per session until the run has ended; false where a budget holds it."""
    view = _View(console)
    with view.progress, existing(home, run) as connection:
        for _ in changes(home, connection, None):
            view.show(latest_sessions(connection, run))
            row = run_row(connection, run)
            if row.state == "done" or row.is_stuck:
                return row.state == "done"
    return False


def _say_held(home: str, run: str, console: Console) -> None:
    with existing(home, run) as connection:
        held = run_row(connection, run).held or ""
        rows = standings(latest_sessions(connection, run))
    line = held_line(run, run, held, rows, caller=program_name())
    console.print(line, markup=False, soft_wrap=True)


class _View:
    """Bars on a terminal; elsewhere one line per change."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._bars: dict[str, TaskID] = {}
        self._told: dict[str, str] = {}
        self._console = console

    def show(self, rows: list[SessionRow]) -> None:
        for row in rows:
            word = row.outcome or row.state
            if self._told.get(row.id) == word:
                continue
            self._told[row.id] = word
            if self._console.is_terminal:
                self._show_bar(row, word)
            elif row.state == "queued" and row.tries > 1:
                self._console.print(
                    f"{row.id} tries again", markup=False, soft_wrap=True
                )
            elif word not in ("queued", "starting"):
                why = f" ({why_of(row)})" if row.reason else ""
                self._console.print(
                    f"{row.id} {word}{why}", markup=False, soft_wrap=True
                )

    def _show_bar(self, row: SessionRow, word: str) -> None:
        if row.id not in self._bars:
            self._bars[row.id] = self.progress.add_task(
                row.task, start=False, total=None, state=word
            )
        bar = self._bars[row.id]
        style = _STYLES.get(word)
        shown = f"[{style}]{word}[/]" if style else word
        if row.state == "done":
            self.progress.start_task(bar)
            self.progress.update(bar, total=1, completed=1, state=shown)
            self.progress.stop_task(bar)
        else:
            if row.state != "queued":
                self.progress.start_task(bar)
            self.progress.update(bar, state=shown)


def _interrupted(home: str, run: str, console: Console) -> int:
    """Ask whether to stop the workers; without a terminal they are left alone."""
    answer = ""
    if sys.stdin.isatty() and console.is_terminal:
        try:
            answer = console.input("Stop the workers? [y/N] ")
        except (KeyboardInterrupt, EOFError):
            answer = ""
    if answer.strip().lower().startswith("y"):
        killed = kill(home, run)
        console.print(
            f"{len(killed.sessions)} sessions ended.", markup=False, soft_wrap=True
        )
    else:
        console.print(
            f"{run} goes on. {next_line(f'wait {run}')}", markup=False, soft_wrap=True
        )
    return INTERRUPTED
