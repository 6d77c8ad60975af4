"""With which other branch one breaks the check that passes without it."""

from __future__ import annotations

from collections.abc import Sequence

from kimi_swarm.workspace.trial import Check, Trial


async def find_company(
    trial: Trial, branch: str, others: Sequence[str], *, base: str, check: Check
) -> tuple[str, ...] | None:
    """Return the branches together with which `branch` breaks the check.

    It is known to fail with all of `others`. Nothing where it breaks it alone; None
    where that cannot be told: the check fails without it too, parts of the whole do not
    merge, or it takes more than two. Leaves the trial anywhere. Raises GitError.
    """

    async def passes(*some: str) -> bool | None:
        if not await trial.merge_all(base, some):
            return None
        return (await trial.check(check)).is_passed

    if not await passes():
        return None
    alone = await passes(branch)
    if not alone or not others:
        return None if alone is None else ()
    good, bad = 0, len(others)
    while bad - good > 1:
        middle = (good + bad) // 2
        found = await passes(*others[:middle], branch)
        if found is None:
            return None
        good, bad = (middle, bad) if found else (good, middle)
    other = others[bad - 1]
    # Only what fails as a pair, and passes by itself, is to blame.
    is_pair = await passes(other, branch) is False and await passes(other) is True
    return (other,) if is_pair else None
