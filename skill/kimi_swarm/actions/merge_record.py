"""What the last merge of a run found out, so that the next one need not ask again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kimi_swarm.core.merged import Cause, MergeConflict
from kimi_swarm.core.names import MERGED
from kimi_swarm.location import session_folder
from kimi_swarm.process.records import write_atomically


@dataclass(frozen=True, slots=True)
class Aside:
    """A branch that was set aside: where it led then, why, and by which check."""

    head: str
    conflict: MergeConflict
    line: str | None = None


@dataclass(frozen=True, slots=True)
class MergeRecord:
    """Where the merged branch was left, the check that passed there, what was aside."""

    head: str | None = None
    passed_line: str | None = None
    aside: Mapping[str, Aside] = field(default_factory=dict)

    def still_aside(
        self, heads: Mapping[str, str], line: str | None
    ) -> dict[str, MergeConflict]:
        """Return what need not be tried again: the same branches, no other check."""
        return {
            branch: each.conflict
            for branch, each in self.aside.items()
            if heads.get(branch) == each.head
            and (line is None or each.line in (None, line))
        }


def _path(home: str, run: str) -> Path:
    return Path(session_folder(home, run, MERGED), "merge.json")


def read_record(home: str, run: str) -> MergeRecord:
    """Return what the last merge found; nothing where there was none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        data = json.loads(_path(home, run).read_text("utf-8"))
        aside = {
            branch: Aside(each["head"], _conflict(each["conflict"]), each["line"])
            for branch, each in data["aside"].items()
        }
        return MergeRecord(data["head"], data["passed_line"], aside)
    return MergeRecord()


def _conflict(data: Mapping[str, Any]) -> MergeConflict:
    company = data["company"]
    return replace(
        MergeConflict(**data),
        paths=tuple(data["paths"]),
        cause=Cause(data["cause"]),
        company=None if company is None else tuple(company),
    )


def write_record(home: str, run: str, record: MergeRecord) -> None:
    """Keep what a merge found. Raises OSError."""
    path = _path(home, run)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(str(path), asdict(record))
