"""Another try of a task whose session failed by something that may pass."""

from __future__ import annotations

from dataclasses import replace

from kimi_swarm.core.allowance import REASON
from kimi_swarm.core.evidence import Facts, Verdict
from kimi_swarm.core.retry import Attempt, Retry, next_try
from kimi_swarm.core.session import Ended, Outcome
from kimi_swarm.core.task import Task, WorkspaceMode, has_way_back
from kimi_swarm.store.attempts import limited_so_far, queue_retry
from kimi_swarm.store.database import Connection
from kimi_swarm.store.moves import Findings
from kimi_swarm.store.runs import task_of
from kimi_swarm.store.views import SessionRow, is_last_wanted
from kimi_swarm.supervisor.judged import Judged
from kimi_swarm.supervisor.rationing import waits_for_budget


def attempt_of(
    facts: Facts, verdict: Verdict, task: Task, *, is_proved_dead: bool
) -> Attempt:
    """Fold what is known of an ended session to what a retry depends on."""
    transcript = facts.transcript
    code = facts.exit_code
    is_refused = facts.has_finish and code not in facts.ok_exit_codes
    has_output = bool(transcript.last_text.strip() or transcript.tool_calls)
    is_told = transcript.conversation is not None
    return Attempt(
        outcome=verdict.outcome,
        reason=verdict.reason,
        failure=None if transcript.failure is None else transcript.failure.failure,
        has_output=has_output,
        has_crashed=code is not None and (code < 0 or is_refused),
        is_proved_dead=is_proved_dead,
        is_apart=task.workspace.mode is not WorkspaceMode.SHARED,
        can_resume=has_way_back(task, is_told=is_told, has_output=has_output),
    )


def try_again(
    connection: Connection, row: SessionRow, judged: Judged, *, at: float, chance: float
) -> Findings:
    """Queue another try if there should be one; return the findings that tell of it.

    Inside the transaction in which the session ends, so that nobody ever sees a task
    that is to be tried again as failed, or its run as over.
    """
    findings = judged.findings
    is_refused = judged.verdict.reason == REASON
    if judged.verdict.outcome is Outcome.SUCCEEDED or not (
        judged.attempt or is_refused
    ):
        return findings
    if not is_last_wanted(connection, row.id):
        return findings
    task = task_of(connection, row.run, row.task)
    retry = None
    if is_refused:
        retry = waits_for_budget(connection, row, judged, at=at)
    elif judged.attempt is not None:
        retry = next_try(
            judged.attempt,
            tries=row.tries,
            retries=task.retries,
            delay_s=task.retry_delay_s,
            chance=chance,
            limited=limited_so_far(connection, row, at=at),
        )
    if retry is None:
        return findings
    session = queue_retry(connection, row, task, retry, at=at)
    detail = {**(findings.detail or {}), "retry": _told(session, retry)}
    return replace(findings, detail=detail)


def _told(session: str, retry: Retry) -> dict[str, object]:
    told = {"session": session, "delay_s": retry.delay_s, "resumes": retry.resumes}
    return told if retry.counts else {**told, "counts": False}


def end_of(ended: Ended, findings: Findings) -> Ended:
    """Return a session's end: one that was no try is over, and failed in nothing."""
    retry = (findings.detail or {}).get("retry", {})
    if retry.get("counts", True):
        return ended
    return replace(ended, outcome=Outcome.CANCELLED)
