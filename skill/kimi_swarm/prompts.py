"""Prompts: the working rules of each role, put before a task's own words."""

from __future__ import annotations

from kimi_swarm.bundle import bundle_root
from kimi_swarm.core.plan_parts import Role
from kimi_swarm.core.task import WorkspaceMode
from kimi_swarm.strict_yaml import read_text
from kimi_swarm.templates import render_text


def render_role(
    role: Role,
    *,
    task: str,
    prompt: str,
    needs: tuple[str, ...] = (),
    mode: WorkspaceMode = WorkspaceMode.WORKTREE,
    check: str | None = None,
    result: str | None = None,
) -> str:
    """Put a role's working rules before a task's prompt; role `none` adds nothing.

    `result` is the JSON schema, on one line, that the worker's answer must fit.
    """
    if role is Role.NONE:
        return prompt
    path = bundle_root() / "prompts" / "roles" / f"{role}.md.j2"
    values = {
        "task": task,
        "prompt": prompt.strip("\n"),
        "needs": list(needs),
        "may_write": mode in {WorkspaceMode.WORKTREE, WorkspaceMode.FRESH},
        "check": check,
        "result": result,
    }
    return render_text(read_text(path), values, template=path.name)
