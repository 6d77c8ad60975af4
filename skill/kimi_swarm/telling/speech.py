"""What the other verbs say: results in words, ending with the next useful command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kimi_swarm.actions.sizes import readable_bytes
from kimi_swarm.core.report import Report, to_markdown
from kimi_swarm.core.retry import NEEDS_A_HAND
from kimi_swarm.core.wake import first_raise, raising, wait_verb
from kimi_swarm.telling.words import next_line
from kimi_swarm.workers.plain import clip

if TYPE_CHECKING:
    # One verb speaks at a time: the others' actions need not be read for it.
    from kimi_swarm.actions.clear import Cleared
    from kimi_swarm.actions.clear_old import Tidied
    from kimi_swarm.actions.diff import Diff
    from kimi_swarm.actions.doctor import Health, ProfileHealth
    from kimi_swarm.actions.leftovers import Fixes, Found
    from kimi_swarm.actions.pause import Paused
    from kimi_swarm.actions.plan import Prepared
    from kimi_swarm.actions.retry import Retried
    from kimi_swarm.actions.send import Sent
    from kimi_swarm.actions.spawn import Spawned
    from kimi_swarm.core.merged import Merged

GIB = 2**30
SHOWN_TASKS = 40
MANY = 1000
SHOWN_MODELS = 6
SHOWN_LEFTOVERS = 10
LEFTOVER_CHARS = 200


def spawned(run: Spawned, prepared: Prepared | None = None, *, asker: str = "") -> str:
    """Say what was started and how its asker hears of its end.

    With what was `prepared` also what its workers may do, and what leaves the machine.
    """
    wait = next_line(wait_verb(run.run, asker or run.owner))
    count = len(run.tasks)
    if not count:
        notes = "\n".join(f"Note: {note}" for note in run.notes)
        return f"{run.run}: nothing new.\n{notes}\n{wait}"
    what = "task" if count == 1 else "tasks"
    shown = ", ".join(run.tasks[:SHOWN_TASKS]) + (" …" if count > SHOWN_TASKS else "")
    on = ", ".join(run.profiles)
    lines = [
        f"{run.run}: {count} {what} queued on {on}, at most {run.concurrency} at once.",
        f"Tasks: {shown}",
    ]
    if prepared is not None:
        lines += [
            f"Worker {name}, may {prepared.permission}: {told}"
            for name, told in prepared.sends_to.items()
        ]
    lines += [f"Note: {note}" for note in run.notes]
    lines.append(wait)
    return "\n".join(lines)


def report(told: Report) -> str:
    """Render a report with the next useful command."""
    text = to_markdown(told)
    if told.held is not None:
        last = next_line(raising(told.run, told.held))
        return f"{text}\n{f'{first_raise(told.held)} {last}'.lstrip()}"
    verb, merged = _next_of(told), told.merged
    if verb:
        return f"{text}\n{next_line(verb)}"
    if merged is not None and merged.merged:
        repo = shlex.quote(merged.repo)
        return f"{text}\nNext: git -C {repo} log --stat {merged.branch}"
    return text.rstrip("\n")


def _next_of(told: Report) -> str:
    """Return the verb that is next for a run, "" where none of ours is."""
    run, merged = told.run, told.merged
    if told.state != "done" or (merged is not None and merged.resolving):
        return wait_verb(run, told.owner)
    if _has_proposal(told):
        return f"plan --into {run} --proposed"
    if merged is not None and (merged.merged or merged.resolvable):
        return _after_merge(told, merged)
    if merged is not None and any("candidate" in each for each in merged.left_out):
        return f"aggregate {run} --judge"
    if any(task.branch and task.is_success for task in told.tasks):
        return f"aggregate {run} --merge"
    return "" if all(task.is_success for task in told.tasks) else f"retry {run}"


def _after_merge(told: Report, merged: Merged) -> str:
    """Return the verb that helps most where something is not in the merge, else ""."""
    if merged.resolvable:
        return f"aggregate {told.run} --merge --resolve"
    failed = [task for task in told.tasks if task.has_failed]
    # What failed a second time would fail a third time: nobody should go in circles.
    if any(task.reason not in NEEDS_A_HAND and task.attempt == 1 for task in failed):
        return f"retry {told.run}"
    return f"log {failed[0].session}" if failed else ""


def _has_proposal(told: Report) -> bool:
    """Whether all there is of a run is a plan that a worker proposed."""
    return len(told.tasks) == 1 and all(
        isinstance(task.result, dict) and isinstance(task.result.get("tasks"), list)
        for task in told.tasks
    )


def diff(found: Diff) -> str:
    """Return a patch, and say what is not in it."""
    if not found.redacted:
        return found.text
    what = "secret" if found.redacted == 1 else "secrets"
    return f"{found.text}[{found.redacted} {what} redacted]\n"


def sent(message: Sent) -> str:
    """Say which session will answer, and when."""
    if message.is_typed:
        return f"Typed. {next_line(f'poll {message.session}')}"
    run = message.session.partition("/")[0]
    last = next_line(wait_verb(run, message.owner))
    when = "" if message.waits_for is None else f" once {message.waits_for} has ended"
    return f"{message.session} will answer{when}.\n{last}"


def retried(done: Retried, *, asker: str = "") -> str:
    """Say what is done again, what is kept, and how its asker hears of its end."""
    wait = next_line(wait_verb(done.run, asker or done.owner))
    live = f", {done.still_live} at work" if done.still_live else ""
    kept = f"{done.kept} succeeded{live}"
    if not done.sessions:
        last = wait if done.still_live else next_line(f"aggregate {done.run}")
        return f"Nothing to do again: {kept}.\n{last}"
    shown = ", ".join(done.sessions[:SHOWN_TASKS])
    more = " …" if len(done.sessions) > SHOWN_TASKS else ""
    count = len(done.sessions)
    what = "task" if count == 1 else "tasks"
    first = f"{done.run}: {count} {what} queued again ({kept})."
    return f"{first}\nSessions: {shown}{more}\n{wait}"


def paused(run: Paused) -> str:
    """Say how a run stands after it was paused or resumed."""
    how = "paused" if run.is_paused else "running"
    already = "" if run.is_changed else " already"
    stand = f"{run.at_work} at work, {run.waiting} waiting"
    if run.held is not None and not run.is_paused:
        first = f"Held: {run.held}. {first_raise(run.held)}".rstrip()
        last = next_line(raising(run.run, run.held))
        return f"{run.run} is held still: {stand}. {first}\n{last}"
    verb = f"resume {run.run}" if run.is_paused else wait_verb(run.run, run.owner)
    held = "" if run.held is None else f" Held: {run.held}."
    last = next_line(verb)
    return f"{run.run} is {how}{already}: {stand}.{held}\n{last}"


def cleared(done: Cleared, *, is_dry: bool = False) -> str:
    """Say what went and what stayed, or would."""
    what = "workspace" if done.removed == 1 else "workspaces"
    size = readable_bytes(done.freed_bytes)
    line = f"Cleared {done.run}: {done.removed} {what} removed, {size} freed."
    if is_dry:
        line = f"Would clear {done.run}: {done.removed} {what}, {size}."
    word = "Would keep" if is_dry else "Kept"
    return "\n".join([line, *(f"{word}: {each}" for each in done.kept)])


def tidied(done: Tidied) -> str:
    """Say which of several runs went, which stayed and why, and what that gave."""
    is_dry = done.dry_run
    lines = [cleared(each, is_dry=is_dry) for each in done.cleared]
    lines += _left_lines(done)
    count = len(done.cleared)
    what = "run" if count == 1 else "runs"
    size = readable_bytes(done.freed_bytes)
    would = "would be" if is_dry else "were" if count != 1 else "was"
    lines.append(f"{count} {what} {would} cleared: {size}.")
    return "\n".join(lines)


def _left_lines(done: Tidied) -> list[str]:
    """Say of each run that was left why, and what helps once for all of them."""
    lines = [f"Left {each.run}: {each.short or each.message}" for each in done.left]
    remedies = dict.fromkeys(
        each.remedy.replace(each.run, "RUN") if each.short else each.remedy
        for each in done.left
    )
    return [*lines, *(remedy for remedy in remedies if remedy)]


def health(seen: Health, program: str) -> str:
    """Say what is ready, what is missing, and what works now."""
    git = f"git {seen.git}" if seen.git else "no git"
    memory, free = seen.memory_bytes / GIB, seen.free_bytes / GIB
    size = f"{seen.cpus} CPUs, {memory:.1f} GiB memory, {free:.1f} GiB free"
    lines = [
        f"kimi-swarm {seen.release}, Python {seen.python}, {git}, {seen.system}",
        f"{size}; state in {seen.home}",
    ]
    if seen.biggest:
        most = ", ".join(f"{run} {readable_bytes(own)}" for run, own in seen.biggest)
        lines.append(f"State: {readable_bytes(seen.state_bytes)}; biggest runs: {most}")
    lines += [f"PROBLEM: {problem}" for problem in seen.problems]
    lines += [_profile_line(profile) for profile in seen.profiles]
    lines += [f"Note: {note}" for note in seen.notes]
    lines += _leftover_lines(seen.leftovers)
    lines.append("Works now: " + f"{program} {seen.next_command}".lstrip())
    return "\n".join(lines)


def _leftover_lines(found: Sequence[Found]) -> list[str]:
    """Tell of leftovers, most kinds first, and how they are mended."""
    if not found:
        return []
    lines = [
        f"Left over: {clip(each.what, LEFTOVER_CHARS)}: {each.why}"
        for each in found[:SHOWN_LEFTOVERS]
    ]
    if len(found) > SHOWN_LEFTOVERS:
        lines.append(f"  … and {len(found) - SHOWN_LEFTOVERS} more")
    return [*lines, next_line("doctor --fix")]


def fixes(done: Fixes) -> str:
    """Say what was ended and removed, and what is left to a person."""
    lines = [f"{each.what}: {each.done} ({each.why})" for each in done.fixed]
    lines += [f"Left: {each.what}: {each.why}" for each in done.left]
    lines += [f"Not mended: {each.what}: {each.done}" for each in done.failed]
    return "\n".join(lines or ["Nothing is left over."])


def _models_line(profile: ProfileHealth) -> str:
    if not profile.models:
        return ""
    shown = ", ".join((profile.free_models or profile.models)[:SHOWN_MODELS])
    what = "free now" if profile.free_models else "models"
    return f"{len(profile.models)} models offered; {what}: {shown}"


def _profile_line(profile: ProfileHealth) -> str:
    version = f" {profile.version}" if profile.version else ""
    name = f"{profile.name}{version}"
    if profile.is_ready:
        carries = f" [{profile.carries} at once]" if profile.carries < MANY else ""
        doubt = f" ({profile.warning})" if profile.warning else ""
        lines = [f"  ready      {name}{carries}: {profile.summary}{doubt}"]
        held = f"its provider's limits: {profile.held}" if profile.held else ""
        told = [profile.login, _models_line(profile), profile.limits, held]
        lines += [f"             {line}" for line in told if line]
        return "\n".join(lines)
    word = "missing  " if profile.program is None else "not ready"
    return f"  {word}  {name}: {profile.problem} {profile.remedy}".rstrip()
