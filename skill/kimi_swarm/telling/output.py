"""What a worker wrote, as text: each line of it marked, so that none passes for ours.

Light.
"""

from __future__ import annotations

from collections.abc import Sequence

from kimi_swarm.telling.words import fitted, question
from kimi_swarm.workers.readable import OurLine

TYPE_CHECKING = False  # typing has one too, and costs a light verb dear
if TYPE_CHECKING:
    from kimi_swarm.actions.log import LogPage
    from kimi_swarm.actions.poll import SessionNews

MARK = "|"
_PAGING = "page with --offset and --limit"


def quoted(lines: Sequence[str]) -> list[str]:
    """Put a mark before every line that a worker wrote; ours stay as they are."""
    return [
        line if isinstance(line, OurLine) else f"{MARK} {line}" if line else MARK
        for line in lines
    ]


def log_text(page: LogPage, *, is_raw: bool = False, is_asked: bool = False) -> str:
    """Return a page of a log as text; `is_asked` gives all of it, however long."""
    lines = page.lines if is_raw else quoted(page.lines)
    if not is_asked:
        lines = fitted(lines, keep_last=True, more=_PAGING)
    if not lines:
        is_queued = page.session.state == "queued"
        return "(not started yet)" if is_queued else "(no output)"
    text = "\n".join(lines)
    if is_asked or (page.total is not None and len(page.lines) >= page.total):
        return text
    of = "" if page.total is None else f" of {page.total}"
    note = f"[showing last {len(page.lines)}{of} lines; pass offset/limit to page]"
    return f"{text}\n\n{note}"


def news_text(news: SessionNews) -> str:
    """Return what is new of a session as text, with how it stands."""
    row = news.session
    more = f"see them with `log {row.id}`"
    lines = fitted(quoted(news.lines), keep_last=True, more=more)
    text = "\n".join(lines) or "(no new output)"
    if row.state == "done":
        return f"{text}\n\nSession {row.outcome} ({row.reason})."
    asked = "" if row.asking is None else f"{question(row)}\n"
    return f"{text}\n\n{asked}Session still running."
