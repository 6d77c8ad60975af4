"""From a worker's end to a verdict: read its output, commit its work, run its check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from kimi_swarm.core.evidence import Facts, Verdict, judge, remedy
from kimi_swarm.core.redact import NOTHING_KNOWN, Secrets, redacted
from kimi_swarm.core.repair import bad_result, told_of_result
from kimi_swarm.core.result import ResultState, result_text
from kimi_swarm.core.session import Outcome, Place
from kimi_swarm.core.task import Recipe
from kimi_swarm.core.usage import Told
from kimi_swarm.process.crash_point import reach
from kimi_swarm.process.records import ExitRecord, LaunchFiles
from kimi_swarm.store.moves import Findings
from kimi_swarm.supervisor.again import attempt_of
from kimi_swarm.supervisor.hearing import Turn, hear_turn
from kimi_swarm.supervisor.judged import Judged
from kimi_swarm.supervisor.prepare import Seat
from kimi_swarm.supervisor.repair import Case, Launch, Settled, settle
from kimi_swarm.workers.plain import clip
from kimi_swarm.workspace.changes import Changes, changes
from kimi_swarm.workspace.commit import commit_all
from kimi_swarm.workspace.tree import Worktree

SUMMARY_CHARS = 2_000
SUBJECT_CHARS = 60

Check = Callable[[str], Awaitable[ExitRecord | None]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where to look: the session, its workspace, and how its worker ended.

    `stop_cause` tells why the session was told to end, if it was by then; `env` is the
    worker's environment; `run_limit_s` is how long the run may take. `is_proved_dead`
    tells whether no process of it can be left. `secrets` must not be told of it.
    """

    seat: Seat
    place: Place
    tree: Worktree | None
    record: ExitRecord | None
    stop_cause: Callable[[], str | None]
    env: Mapping[str, str] = field(default_factory=dict)
    run_limit_s: float | None = None
    is_proved_dead: Callable[[], bool] = lambda: True
    secrets: Secrets = NOTHING_KNOWN


class _Seen(NamedTuple):
    """The facts of a session so far, and what is committed of it."""

    facts: Facts
    changed: Changes | None


async def look_at_work(evidence: Evidence, check: Check, again: Launch) -> Judged:
    """Commit what the worker left and decide; the check runs on the committed state.

    A result that does not fit is mended before that, by launching the worker `again`.
    """
    task = evidence.seat.task
    files = LaunchFiles(f"{evidence.seat.folder}/work")
    turn = await hear_turn(files, task.recipe, evidence.record, evidence.env)
    seen = await _seen(evidence, turn)
    reach("supervisor.after_commit")
    settled = None
    if task.result is not None:
        case = Case(
            evidence.seat,
            evidence.place,
            task.result,
            evidence.env,
            evidence.stop_cause,
            again,
        )
        settled = await settle(case, seen.facts, turn)
        turn = settled.turn
        if settled.repairs:
            seen = await _seen(evidence, turn)
        seen = seen._replace(facts=_with_result(seen.facts, settled))
    verdict, facts = await _checked(evidence, seen.facts, check)
    detail = _detail(facts, verdict, seen.changed, turn.record)
    # Redacted before it is cut: half a secret would not be known again.
    told = turn.transcript.last_text.strip()[: 2 * SUMMARY_CHARS]
    summary = redacted(told, evidence.secrets)[:SUMMARY_CHARS] or None
    is_dead = evidence.is_proved_dead()
    attempt = attempt_of(facts, verdict, task, is_proved_dead=is_dead)
    head = None if seen.changed is None else seen.changed.head
    findings = Findings(head, summary, detail, told=_told_usage(facts, task.recipe))
    if settled is not None:
        findings = _told_of(settled, findings, evidence.secrets)
    return Judged(verdict, findings, facts.exit_code, attempt)


async def _seen(evidence: Evidence, turn: Turn) -> _Seen:
    """Commit what there is, and gather the facts."""
    task, record = evidence.seat.task, turn.record
    changed = await _commit(evidence)
    facts = Facts(
        cause="lost" if record is None else record.cause,
        exit_code=None if record is None else record.exit_code,
        transcript=turn.transcript,
        expect=task.expect,
        ok_exit_codes=task.recipe.ok_exit_codes,
        has_finish=task.recipe.dialect != "text",
        stop_cause=evidence.stop_cause(),
        commits=0 if changed is None else changed.commits,
        files=0 if changed is None else changed.total,
        error=None if record is None else record.error,
        limits_s=_limits_s(evidence),
    )
    return _Seen(facts, changed)


async def _checked(
    evidence: Evidence, facts: Facts, check: Check
) -> tuple[Verdict, Facts]:
    """Judge, with the check where all else is well."""
    task, verdict = evidence.seat.task, judge(facts)
    if task.check is None or verdict.outcome is not Outcome.SUCCEEDED:
        return verdict, facts
    checked = await check(task.check)
    facts = replace(facts, check=task.check, check_exit=_check_exit(checked))
    if checked is None:
        facts = replace(facts, is_check_lost=True)
    elif checked.cause == "stopped":
        facts = replace(facts, stop_cause=evidence.stop_cause())
    return judge(facts), facts


def _with_result(facts: Facts, settled: Settled) -> Facts:
    weighed = settled.weighed
    if weighed is None or weighed.state is not ResultState.BAD:
        return facts
    why = bad_result(weighed, settled.repairs, settled.no_more)
    return replace(facts, bad_result=why)


def _told_of(settled: Settled, findings: Findings, secrets: Secrets) -> Findings:
    """Add a result, and how it was come by, to what was found of a session."""
    weighed = settled.weighed
    if weighed is None:
        return findings
    answer = redacted(settled.turn.answer.text.strip(), secrets)
    told = told_of_result(weighed, settled.repairs, answer)
    is_bad = weighed.state is ResultState.BAD
    return replace(
        findings,
        detail={**(findings.detail or {}), "result": told},
        result=None if is_bad else result_text(weighed.value),
    )


def _told_usage(facts: Facts, recipe: Recipe) -> Told:
    """Return what a worker told that it used, of the model that it was asked to use."""
    counted = facts.transcript.usage
    model = (counted and counted.model) or recipe.model or ""
    return Told(counted, model, facts.transcript.retries)


def _limits_s(evidence: Evidence) -> dict[str, float]:
    task = evidence.seat.task
    limits_s = {
        "time_limit": task.time_limit_s,
        "first_output": task.first_output_s,
        "stalled": task.silence_s,
        "run_time_limit": evidence.run_limit_s,
    }
    return {reason: limit_s for reason, limit_s in limits_s.items() if limit_s}


def _check_exit(record: ExitRecord | None) -> int:
    """Return 0 only for a check that ended by itself, and well.

    One that could not start has no exit code, and one that ran out of time may still
    end with 0.
    """
    is_whole = record is not None and record.cause == "exited"
    return (record and record.exit_code) or (0 if is_whole else 1)


async def _commit(evidence: Evidence) -> Changes | None:
    """Commit whatever is there, finished or not: a branch loses nothing."""
    if evidence.tree is None:
        return None
    seat = evidence.seat
    title = seat.task.title if seat.message is None else seat.message
    subject = clip(f"{seat.id.task}: {title}", SUBJECT_CHARS)
    await commit_all(evidence.tree, f"{subject}\n\nSwarm-Session: {seat.id}\n")
    return await changes(evidence.tree)


def _detail(
    facts: Facts,
    verdict: Verdict,
    changed: Changes | None,
    record: ExitRecord | None,
) -> dict[str, Any]:
    transcript = facts.transcript
    failure = transcript.failure if verdict.outcome is Outcome.FAILED else None
    detail: dict[str, Any] = {
        "sentence": verdict.detail,
        "remedy": remedy(verdict.reason),
        "retryable": None if failure is None else failure.is_retryable,
        "conversation": transcript.conversation,
        "tool_calls": transcript.tool_calls,
        "retries": transcript.retries,
    }
    if changed is not None:
        detail |= {
            "commits": changed.commits,
            "files_total": changed.total,
            "files": [
                {"path": each.path, "status": each.status} for each in changed.files
            ],
        }
    if record is not None:
        detail |= {
            "cpu_s": round(record.cpu_s, 3),
            "max_rss_bytes": record.max_rss_bytes,
            "swept": record.swept,
        }
    if facts.check is not None:
        detail["check"] = {"command": facts.check, "exit_code": facts.check_exit}
    return {name: value for name, value in detail.items() if value not in (None, "")}
