"""stats in words: a few lines of sums, and a table of what was asked apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kimi_swarm.actions.burning import Burning, PeriodBudget
from kimi_swarm.actions.stats import Stats
from kimi_swarm.core.durations import seconds
from kimi_swarm.core.totals import NANO, NOTHING, Totals, dollars, short, usd_words
from kimi_swarm.core.usage_sums import By
from kimi_swarm.telling.as_json import totals_object
from kimi_swarm.telling.words import THEIRS
from kimi_swarm.workers.plain import clip

NAME_CHARS = 48
_HEADS = ("sessions", "ok", "requests", "tokens in", "cached", "out", "cost")


def stats_object(found: Stats) -> dict[str, Any]:
    """Return what was used as an object: the sums, and the same for each group."""
    fields = {
        "run": found.run,
        "by": None if found.by is None else found.by.value,
        "since": found.since or None,
        **totals_object(found.total),
    }
    if found.burning is not None:
        fields["burning"] = _burning_object(found.burning)
    if found.by is None:
        return fields
    groups = [
        {found.by.value: group.name or None, **totals_object(group.totals)}
        for group in found.groups
    ]
    rest = None if found.others == NOTHING else totals_object(found.others)
    return {**fields, "groups": groups, "others": rest}


def stats_text(found: Stats) -> str:
    """Say what was used: in all first, then group by group."""
    return "\n".join([*_sum_lines(found), *_burning(found.burning), *_table(found)])


def _burning_object(burning: Burning) -> dict[str, Any]:
    return {
        "days": burning.days,
        "usd_per_day": round(burning.usd_per_day, 6),
        "tokens_per_day": round(burning.tokens_per_day, 1),
        "budgets": [each._asdict() for each in burning.budgets],
    }


def _burning(burning: Burning | None) -> list[str]:
    """Say how fast it goes and how long the budgets of all runs last, where known."""
    if burning is None:
        return []
    lines = []
    if burning.days:
        usd = dollars(round(burning.usd_per_day * NANO))
        tokens = short(round(burning.tokens_per_day))
        lines.append(f"A day: {usd}, {tokens} tokens (mean of {burning.days}).")
    return [*lines, *map(_period, burning.budgets)]


def _period(one: PeriodBudget) -> str:
    most, spent = (
        (dollars(round(amount * NANO)) if one.good == "usd" else short(round(amount)))
        for amount in (one.most, one.spent)
    )
    unit = "" if one.good == "usd" else " tokens"
    lasts = (
        "" if one.days_left is None else f"; the rest lasts {one.days_left:.1f} days"
    )
    about = "about " if one.is_estimated else ""
    return f"This {one.period}: {about}{spent} of {most}{unit} spent{lasts}."


def _sum_lines(found: Stats) -> list[str]:
    total = found.total
    since = f" since {found.since}" if found.since else ""
    scope = f"{found.run or 'All runs'}{since}"
    if not total.sessions:
        return [f"{scope}: no sessions."]
    outcomes = ", ".join(
        f"{count} {'at work' if name == 'live' else name}"
        for name, count in zip(total._fields[:6], total, strict=False)
        if count
    )
    what = "session" if total.sessions == 1 else "sessions"
    lines = [
        f"{scope}: {total.sessions:,} {what} ({outcomes}).",
        f"{_requests(total)}, {_tokens(total)}; {_cost(total)}.",
    ]
    return [*lines, *_doubts(total)]


def _requests(total: Totals) -> str:
    if not total.knows_requests:
        return "Requests unknown"
    more = "At least " if total.unknown_requests else ""
    return f"{more}{total.requests:,} requests"


def _tokens(total: Totals) -> str:
    if not total.knows_tokens:
        return "tokens unknown"
    about = "about " if total.estimated_tokens else ""
    more = "at least " if total.unknown_tokens else about
    cached = f" ({short(total.cached_tokens)} cached)" if total.cached_tokens else ""
    out = short(total.output_tokens + total.reasoning_tokens)
    return f"{more}{short(total.input_tokens)} tokens in{cached}, {out} out"


def _cost(total: Totals) -> str:
    if not total.succeeded or not total.nano_usd:
        return usd_words(total)
    each = dollars(total.nano_usd // total.succeeded)
    return f"{usd_words(total)}, {each} per success"


def _doubts(total: Totals) -> list[str]:
    """Say how the figures are known, and what was tried again and held back."""
    tokens = _apart(
        (total.measured_tokens, total.told_tokens, total.estimated_tokens), short
    )
    money = _apart(
        (total.measured_nano_usd, total.told_nano_usd, total.estimated_nano_usd),
        dollars,
    )
    parts = [f"tokens {tokens}"] if tokens else []
    parts += [f"money {money}"] if money else []
    if total.unknown_tokens or total.unknown_usd:
        what = f"tokens of {total.unknown_tokens} sessions, cost of {total.unknown_usd}"
        parts.append(f"unknown {what}")
    lines = [f"Known how: {'; '.join(parts)}."] if parts else []
    if total.retries or total.held_ms:
        held = f", held {seconds(total.held_ms / 1000)} by limits"
        lines.append(f"{total.retries:,} retries{held if total.held_ms else ''}.")
    return lines


def _apart(known: Sequence[int], told: Callable[[int], str]) -> str:
    """Say an amount by its origins: `$0.0375 told by workers, $0.0004 estimated`."""
    words = ("measured", "told by workers", "estimated")
    parts = [
        f"{told(count)} {word}"
        for word, count in zip(words, known, strict=True)
        if count
    ]
    return ", ".join(parts)


def _table(found: Stats) -> list[str]:
    if found.by is None or (not found.groups and found.others == NOTHING):
        return []
    # Which model answered is what a worker told.
    mark = THEIRS if found.by is By.MODEL else ""
    rows = [
        _row(f"{mark}{each.name}" if each.name else "(not named)", each.totals)
        for each in found.groups
    ]
    if found.others != NOTHING:
        rows.append(_row("(others)", found.others))
    grid = [[found.by.value, *_HEADS], *rows]
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in grid]


def _row(name: str, totals: Totals) -> list[str]:
    return [
        clip(name, NAME_CHARS),
        f"{totals.sessions:,}",
        f"{totals.succeeded:,}",
        _cell(f"{totals.requests:,}", totals.knows_requests, totals.unknown_requests),
        *(
            _cell(short(count), totals.knows_tokens, totals.unknown_tokens)
            for count in (
                totals.input_tokens,
                totals.cached_tokens,
                totals.output_tokens + totals.reasoning_tokens,
            )
        ),
        _cell(_money(totals), totals.knows_usd, totals.unknown_usd),
    ]


def _cell(amount: str, is_known: bool, unknown: int) -> str:  # noqa: FBT001 a row of them
    """Write one figure: `140`, `140+` where there is more, `?` where nobody knows."""
    if not is_known:
        return "?"
    return f"{amount}+" if unknown else amount


def _money(totals: Totals) -> str:
    about = "about " if totals.estimated_nano_usd else ""
    return f"{about}{dollars(totals.nano_usd)}"
