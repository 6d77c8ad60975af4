"""What `plan` says: what would run, which strategies there are, what one takes."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kimi_swarm.core.allowance import budget_amount
from kimi_swarm.core.budget import Good
from kimi_swarm.core.durations import seconds
from kimi_swarm.core.parameter import FROM_FILES, Parameter
from kimi_swarm.core.strategy import Strategy
from kimi_swarm.core.task import Task, WorkspaceMode
from kimi_swarm.telling.words import THEIRS, next_line
from kimi_swarm.workers.plain import clip

if TYPE_CHECKING:
    from kimi_swarm.actions.plan import Prepared
    from kimi_swarm.core.forecast import Forecast
    from kimi_swarm.strategies import Found

SHOWN_TASKS = 24
TITLE_CHARS = 80
OWN_MODEL = "the model that it is set up for"
WORDS_CHARS = 240


def preview(
    prepared: Prepared,
    expected: Forecast,
    *,
    words: Sequence[str] | None = None,
    is_proposed: bool = False,
) -> str:
    """Show what would run: workers, needs, limits, and what leaves the machine.

    Then what it will probably take, whether many workers pay, and the call that starts
    it: `spawn` with the same `words`. Words that a worker proposed (`is_proposed`) are
    marked.
    """
    count, most = len(prepared.tasks), prepared.concurrency
    what = "task" if count == 1 else "tasks"
    lines = [
        f"{prepared.name}: {count} {what}, at most {most} at once{_limits(prepared)}"
    ]
    if prepared.wants_new_repo:
        lines.append("Repository: a new one, in the state folder")
    elif prepared.repo is not None:
        base = (prepared.base or "")[:12]
        lines.append(f"Repository: {prepared.repo.root} from {base}")
    for name in prepared.sends_to:
        lines += _worker_lines(prepared, name)
    usual_s = _usual_limit_s(prepared.tasks)
    if prepared.tasks:
        lines.append(f"Tasks, each at most {seconds(usual_s)}:")
    lines += [
        _task_line(
            task,
            usual_s,
            is_alone=len(prepared.sends_to) == 1,
            mark=THEIRS if is_proposed else "",
        )
        for task in prepared.tasks[:SHOWN_TASKS]
    ]
    if count > SHOWN_TASKS:
        lines.append(f"… and {count - SHOWN_TASKS:,} more")
    lines += [f"Note: {note}" for note in prepared.notes]
    lines.append(_expected_line(expected))
    lines += [f"Parallel work will not pay: {each}" for each in expected.advice]
    if words is not None and count:
        lines.append(_start_line(words))
    return "\n".join(lines)


_HELD = {
    True: "held per request",
    False: "per session only, may overshoot by what running sessions spend",
}


def _worker_lines(prepared: Prepared, name: str) -> list[str]:
    """Say of one kind of worker its model, what it may do, and what leaves."""
    models = prepared.models.get(name)
    model = "" if models is None else f" ({', '.join(models) or OWN_MODEL})"
    may = f"may {prepared.permission}: {prepared.sends_to[name]}"
    lines = [f"Worker {name}{model}, {may}"]
    if prepared.plan.budgets("") or prepared.standing_budgets:
        lines.append(f"Budget ({name}): {_HELD[name in prepared.gated]}")
    if name in prepared.holds:
        lines.append(f"May {prepared.permission} ({name}): {prepared.holds[name]}")
    if name in prepared.limited:
        lines.append(f"Provider's limits ({name}): {prepared.limited[name]}")
    return lines


def _start_line(words: Sequence[str]) -> str:
    said = shlex.join(words)
    # What was piped in is gone, and a next command is one line.
    is_piped = any(each.endswith("=-") for each in words)
    if len(said) > WORDS_CHARS or len(said.splitlines()) > 1 or is_piped:
        return "Nothing has started. To start it: spawn, with the same words."
    return f"Nothing has started. {next_line(f'spawn {said}')}"


def _expected_line(expected: Forecast) -> str:
    """Say what earlier sessions let expect; what nobody knows is called unknown."""
    if expected.seconds is None:
        names = ", ".join(expected.unknown)
        why = f" (no earlier sessions of {names} to judge by)" if names else ""
        return f"Expected time and cost: unknown{why}"
    cost = "cost unknown" if expected.usd is None else f"cost ${expected.usd:.2f}"
    tokens = "" if expected.tokens is None else f", {expected.tokens:,} tokens"
    count = expected.sessions
    since = "1 earlier session" if count == 1 else f"{count:,} earlier sessions"
    return (
        f"Expected, if nothing is tried again: about {seconds(expected.seconds)}, "
        f"{cost}{tokens} (estimated from {since} here)"
    )


def _limits(prepared: Prepared) -> str:
    limits = prepared.plan.limits
    parts = []
    if limits.tokens is not None:
        parts.append(f"at most {limits.tokens:,} tokens")
    if limits.usd is not None:
        parts.append(f"at most ${limits.usd:.2f}")
    if prepared.spacing_s:
        parts.append(f"starts {seconds(prepared.spacing_s)} apart")
    if prepared.wall_s:
        parts.append(f"all ended after {seconds(prepared.wall_s)}")
    own = [one for one in prepared.plan.budgets("") if one.scope == "run/"]
    told = (Good.TOKENS, Good.USD)
    parts += [f"at most {budget_amount(one)}" for one in own if one.good not in told]
    return "".join(f", {part}" for part in parts)


def _usual_limit_s(tasks: Sequence[Task]) -> float:
    """Return the time limit that most tasks have."""
    counted = Counter(task.time_limit_s for task in tasks)
    return counted.most_common(1)[0][0] if counted else 0.0


def _task_line(task: Task, usual_s: float, *, is_alone: bool, mark: str = "") -> str:
    """Say what sets a task apart from the others, then what it is to do."""
    mode = task.workspace.mode
    terms = [
        "" if is_alone else task.recipe.profile,
        f"after {', '.join(task.needs)}" if task.needs else "",
        "" if mode is WorkspaceMode.WORKTREE else f"workspace {mode}",
        "" if task.time_limit_s == usual_s else f"≤{seconds(task.time_limit_s)}",
    ]
    told = "; ".join(term for term in terms if term)
    check = f" · check: {_first_line(task.check)}" if task.check else ""
    title = clip(task.title, TITLE_CHARS)
    return f"- {task.name}{f' ({told})' if told else ''}: {mark}{title}{check}"


def _first_line(text: str) -> str:
    """Return a text's first line, and a sign where there is more."""
    first, _, rest = text.strip().partition("\n")
    return f"{first} …" if rest else first


def strategies(found: Sequence[tuple[Found, Strategy]], notes: Sequence[str]) -> str:
    """List strategies: what each is for, and where it comes from."""
    lines = [f"{one.name} ({one.origin}): {header.summary}" for one, header in found]
    lines += [f"Note: {note}" for note in notes]
    return "\n".join([*lines, next_line("plan NAME --help")])


def strategy(found: Found, header: Strategy) -> str:
    """Say what one strategy takes, and show a call of it."""
    lines = [f"{found.name}: {header.summary}", f"From: {found.path} ({found.origin})"]
    rows = [(each.name, _terms(each), each.help) for each in header.parameters]
    if rows:
        lines += ["", "Parameters, each as --set NAME=VALUE:"]
        width = max(len(name) for name, _, _ in rows)
        lines += [f"  {name:{width}}  {told} ({terms})" for name, terms, told in rows]
    if any(each.type in FROM_FILES for each in header.parameters):
        kinds = ", ".join(FROM_FILES)
        lines += ["", f"Of the types {kinds}: @FILE reads a file, - standard input."]
    if header.resumes:
        lines += ["", "Added to a run again (--into RUN), only what is new is run."]
    needed = (each for each in header.parameters if each.required)
    words = "".join(f" --set {each.name}={_sample(each)}" for each in needed)
    return "\n".join([*lines, "", next_line(f"plan {found.name}{words}")])


def _sample(parameter: Parameter) -> str:
    return "@FILE" if parameter.type == "items" else "…"


def _terms(parameter: Parameter) -> str:
    """Say of what type a parameter is, and whether it must be given."""
    kind = " | ".join(parameter.choices) if parameter.choices else str(parameter.type)
    match parameter.default:
        case _ if parameter.required:
            return f"{kind}, required"
        case None:
            return f"{kind}, optional"
        case list() as default if all(isinstance(each, str) for each in default):
            return f"{kind}, default {', '.join(map(str, default))}"
        case str() as default:
            return f"{kind}, default {default}"
        case default:
            return f"{kind}, default {json.dumps(default)}"
