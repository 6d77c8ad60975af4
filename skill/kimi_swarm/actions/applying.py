"""Bringing a run's merged branch to the user's own, if it may be."""

from __future__ import annotations

from pathlib import Path

from kimi_swarm.actions.merge_check import checking
from kimi_swarm.actions.merging import MergeWish, Work, check_of
from kimi_swarm.core.merged import Applied, Merged
from kimi_swarm.core.names import MERGED
from kimi_swarm.location import session_folder, workspace_folder
from kimi_swarm.store.database import Connection
from kimi_swarm.workspace.apply import bring
from kimi_swarm.workspace.apply_errors import CheckFailsError
from kimi_swarm.workspace.repository import open_repository


async def apply(
    home: str,
    connection: Connection,
    work: Work,
    merged: Merged,
    wish: MergeWish,
) -> Applied:
    """Bring what is merged to the branch that is checked out where the run began.

    Raises NotAppliedError of many kinds, with nothing changed there;
    ApplyUnfinishedError.
    """
    run = work.run.id
    if merged.check is not None and not merged.check.is_passed:
        raise CheckFailsError(merged.branch, merged.check.why)
    repo = await open_repository(Path(work.root))
    path = Path(workspace_folder(home, run, MERGED))
    journal = Path(session_folder(home, run, MERGED), "apply.json")
    check = check_of(connection, run, wish)
    if check is None:
        done = await bring(repo, merged.branch, path=path, journal=journal)
    else:
        async with checking(home, run, work.tasks.values(), check) as runner:
            done = await bring(
                repo, merged.branch, path=path, journal=journal, check=runner
            )
    return Applied(done.branch, done.before, done.after)
