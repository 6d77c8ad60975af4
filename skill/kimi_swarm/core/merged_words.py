"""How a report tells of a merge: bounded, with others' words on lines of their own."""

from __future__ import annotations

from collections.abc import Sequence

from kimi_swarm.core.merged import (
    Cause,
    LikelyConflict,
    MergeCheck,
    MergeConflict,
    Merged,
)
from kimi_swarm.core.quoting import (
    clipped,
    files_line,
    line,
    quote,
    theirs,
    theirs_of_files,
)

SHOWN_LIKELY = 10
SHOWN_OUTPUTS = 3
OUTPUT_LINES = 6
OUTPUT_LINE_CHARS = 160
CHECK_CHARS = 120
MANY = 5
"""From so many set aside on, each gets less room: all of them must be named."""
SHORT_CHARS = 120


def merged_part(merged: Merged) -> str:
    """Tell what is on the merged branch, and of each other branch why it is not."""
    count = len(merged.merged)
    what = "branch" if count == 1 else "branches"
    lines = [f"Merged {count} {what} on `{merged.branch}` in {merged.repo}"]
    if merged.check is not None:
        lines.append(_check_line(merged.check))
    lines += [
        f"- NOT merged: `{each.branch}` — {_why(each, len(merged.conflicts))}"
        for each in merged.conflicts
    ]
    lines += [f"- left out: {each}" for each in merged.left_out]
    if merged.resolving:
        lines.append(f"Resolving: {files_line(merged.resolving)}")
    if (applied := merged.applied) is not None:
        was, now = applied.before[:12], applied.after[:12]
        lines.append(
            f"Applied to your branch `{line(applied.branch)}`: {was} to {now}"
            if was != now
            else f"Your branch `{line(applied.branch)}` has it all already"
        )
    outputs = [each for each in merged.conflicts if each.output][:SHOWN_OUTPUTS]
    for each in outputs:
        lines += [f"The check with `{each.branch}` ended like this:"]
        lines += _end_of(each.output)
    return "\n".join(lines)


def _check_line(check: MergeCheck) -> str:
    told = line(clipped(check.line, CHECK_CHARS))
    if check.is_passed:
        return f"The check passes on it: `{told}`"
    blame = (
        "it fails without any of them too, so that no task is blamed"
        if check.base_fails
        else "look at its output"
    )
    first = f"The check FAILS on it ({line(check.why)}): `{told}`; {blame}"
    return "\n".join([first, *_end_of(check.output)])


def _end_of(output: str) -> list[str]:
    lines = [each for each in output.splitlines() if each.strip()]
    return [quote(clipped(each, OUTPUT_LINE_CHARS)) for each in lines[-OUTPUT_LINES:]]


def _why(each: MergeConflict, count: int) -> str:
    if each.cause is Cause.CHECK:
        why = f"it breaks the check{_company(each)} ({line(each.reason)})"
    elif each.paths:
        shown = theirs_of_files(each.paths)
        why = f"conflict in {clipped(shown, SHORT_CHARS) if count > MANY else shown}"
    else:
        is_git_s = each.cause is Cause.CONFLICT
        why = theirs(each.reason) if is_git_s else line(each.reason)
    return why if each.resolver is None else f"see `{each.resolver}`; {why}"


def _company(each: MergeConflict) -> str:
    if each.company is None:
        return " with what was merged before it"
    if not each.company:
        return ", also alone"
    names = " and ".join(f"`{name}`" for name in each.company)
    return f" together with {names}"


def likely_part(likely: Sequence[LikelyConflict]) -> str:
    """Warn of tasks whose work may not merge."""
    lines = [
        f"{'Conflict ahead' if each.is_sure else 'Likely conflict'}: "
        f"{each.tasks[0]} and {each.tasks[1]} in {theirs_of_files(each.paths)}"
        for each in likely[:SHOWN_LIKELY]
    ]
    rest = len(likely) - len(lines)
    return "\n".join([*lines, *([f"… and {rest} more pairs"] if rest > 0 else [])])
