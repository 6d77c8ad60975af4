"""Doing the calls that begin something: spawn, and plan, which only shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from kimi_swarm.actions.expect import expect
from kimi_swarm.actions.notify import Notice, notice_for
from kimi_swarm.actions.plan import Prepared, prepare
from kimi_swarm.actions.spawn import Spawned
from kimi_swarm.actions.spawn import spawn as spawn_prepared
from kimi_swarm.actions.values import Read
from kimi_swarm.actions.wanted import Wanted
from kimi_swarm.calls.answer import Answer
from kimi_swarm.calls.asked_start import PlanCall, Source, SpawnCall
from kimi_swarm.core.askers import asker_name
from kimi_swarm.core.strategy import Strategy
from kimi_swarm.errors import UsageError
from kimi_swarm.strategies import Found, strategies_at
from kimi_swarm.strict_yaml import dump_yaml, read_text
from kimi_swarm.telling import preview, speech
from kimi_swarm.telling.as_json import plain_data
from kimi_swarm.telling.planned import preview_object, worker_objects

START_BY_TOOL = "Nothing has started. To start it: spawn with the same arguments."


def folder_of(cwd: str | None) -> Path:
    """Return the folder in which something is asked. Raises UsageError."""
    if cwd is None:
        return Path.cwd()
    folder = Path(cwd)
    if not (folder.is_absolute() and folder.is_dir()):
        raise UsageError(f"cwd must be an absolute folder that is there, not {cwd!r}.")
    return folder


def wanted_of(asked: Source, *, read_piped: Read | None = None) -> Wanted:
    """Read what to run from a call; a name that can be no plan file is a strategy's.

    Raises UsageError, PlanFileError.
    """
    cwd = folder_of(asked.cwd)
    plan, strategy = asked.plan, asked.strategy
    if isinstance(plan, str) and strategy is None and is_strategy(plan, cwd):
        plan, strategy = None, plan
    if asked.set and strategy is None:
        raise UsageError(
            "`set` gives parameters of a strategy, but none is named.",
            remedy="Give `strategy` with `set`; `plan` with `list` shows them.",
        )
    if asked.workspace is not None and not (asked.task or asked.task_file):
        raise UsageError(
            "`workspace` is for tasks in words; a plan says where each task works."
        )
    base = cwd if asked.cwd else Path()
    files = [(Path(name).stem, read_text(base / name)) for name in asked.task_file]
    return Wanted(
        cwd=cwd,
        plan_file=base / plan if isinstance(plan, str) else None,
        plan_data=None if isinstance(plan, str) else plan,
        strategy=strategy,
        values={name: _written(value) for name, value in (asked.set or {}).items()},
        tasks=asked.task,
        task_files=files,
        profile=asked.profile,
        concurrency=asked.concurrency,
        priority=asked.priority,
        permission=asked.permission,
        workspace=asked.workspace,
        into=asked.into,
        only_new=asked.only_new,
        proposed=asked.proposed,
        read_piped=read_piped,
    )


def _written(value: JsonValue) -> str:
    """Write a parameter's value as it would be typed."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def spawn(
    home: str, asked: SpawnCall, *, read_piped: Read | None = None
) -> Answer:
    """Start a plan's workers and return. Raises what `actions.plan` and `spawn` do."""
    owner, notice = _owned(asked)
    prepared = await prepare(home, wanted_of(asked, read_piped=read_piped))
    spawned = await spawn_prepared(home, prepared, owner=owner, notice=notice)
    return told_spawned(spawned, prepared, asker=owner)


def _owned(asked: SpawnCall) -> tuple[str, Notice | None]:
    """Return whose run it will be, and how the host is told of its end.

    Raises UsageError, and what `asker_name` and `notice_of` do.
    """
    if asked.asker is not None and asked.into is not None:
        raise UsageError(
            "An asker (`as`) says whose a new run is; `into` names one that is there."
        )
    notice = notice_of(asked.notify, folder_of(asked.cwd))
    owner = asked.notify or "" if asked.asker is None else asker_name(asked.asker)
    return owner, notice


def notice_of(session_key: str | None, cwd: Path) -> Notice | None:
    """Return how the host of a session is told, None where none is named.

    Raises BadAskerError, NoHostError, ProgramMissingError.
    """
    return None if session_key is None else notice_for(session_key, cwd=cwd)


def told_spawned(
    spawned: Spawned, prepared: Prepared | None = None, *, asker: str = ""
) -> Answer:
    """Tell an asker of a run that was started, and of what it was `prepared` from."""
    workers = [] if prepared is None else worker_objects(prepared)
    fields = {**asdict(spawned), "state": "running", "workers": workers}
    return Answer(
        lambda: plain_data(fields),
        lambda: speech.spawned(spawned, prepared, asker=asker),
    )


async def plan(
    home: str,
    asked: PlanCall,
    *,
    read_piped: Read | None = None,
    words: Sequence[str] | None = None,
) -> Answer:
    """Show what would run, or which strategies there are.

    Refuses what `spawn` would refuse, and tells the call that starts it: a command line
    for the `words` of one.
    """
    if asked.list:
        return _strategies(folder_of(asked.cwd))
    _owned(asked)
    prepared = await prepare(home, wanted_of(asked, read_piped=read_piped))
    expected = expect(home, prepared)
    written = prepared.plan.model_dump(mode="json", by_alias=True, exclude_none=True)

    def fields() -> dict[str, Any]:
        return plain_data(preview_object(prepared, expected, written))

    def text() -> str:
        if asked.yaml:
            return dump_yaml(written)
        shown = preview.preview(
            prepared, expected, words=words, is_proposed=asked.proposed
        )
        is_by_tool = words is None and prepared.tasks
        return f"{shown}\n{START_BY_TOOL}" if is_by_tool else shown

    return Answer(fields, text)


def is_strategy(name: str, cwd: Path) -> bool:
    """Whether a word names a strategy and not a plan file."""
    is_path = name.endswith((".yaml", ".yml")) or "/" in name
    return not (is_path or (cwd / name).exists())


def _strategies(cwd: Path) -> Answer:
    shelf = strategies_at(cwd)
    found, problems = shelf.sound()
    notes = [*shelf.notes, *problems]
    return Answer(
        lambda: {
            "strategies": [strategy_record(*each) for each in found],
            "notes": notes,
        },
        lambda: preview.strategies(found, notes),
    )


def strategy_record(found: Found, header: Strategy) -> dict[str, Any]:
    """Return a strategy as plain data."""
    told = header.model_dump(mode="json")
    return {**told, "origin": str(found.origin), "path": str(found.path)}
