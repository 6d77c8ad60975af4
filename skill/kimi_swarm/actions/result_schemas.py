"""Whether the schemas can be used that a plan gives for results."""

from __future__ import annotations

from kimi_swarm.core.plan import Plan, PlanError
from kimi_swarm.core.written import Problem


def require_schemas(plan: Plan, *, origin: str) -> None:
    """Refuse a plan with a schema that is none; `origin` is what to call the plan.

    Raises PlanError.
    """
    wanted = [
        (f"tasks.{name}.result", task.result)
        for name, task in plan.tasks.items()
        if task.result is not None
    ]
    if plan.defaults.result is not None:
        wanted.append(("defaults.result", plan.defaults.result))
    if not wanted:
        return
    # Few plans want results, and this is slow to import.
    from kimi_swarm.json_schema import schema_problem  # noqa: PLC0415 as said

    found = [(path, schema_problem(schema)) for path, schema in wanted]
    if problems := [Problem(path, told) for path, told in found if told]:
        raise PlanError(origin, problems)
