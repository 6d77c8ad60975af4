"""Who needs whom: an order that respects it, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush

from kimi_swarm.core.written import Problem, closest, quoted

Needs = Mapping[str, tuple[str, ...]]

_NAMED_IN_A_CIRCLE = 20


def order_of(needs: Needs) -> tuple[str, ...]:
    """Return the names, needs before what needs them, else as they stand.

    Names in a circle, and those that need them, are left out.
    """
    names = tuple(needs)
    place = {name: index for index, name in enumerate(names)}
    waiting = {name: len(needed) for name, needed in needs.items()}
    dependents: dict[str, list[str]] = {name: [] for name in names}
    for name, needed in needs.items():
        for need in needed:
            dependents[need].append(name)
    ready = [place[name] for name, count in waiting.items() if not count]
    heapify(ready)
    done: list[str] = []
    while ready:
        name = names[heappop(ready)]
        done.append(name)
        for dependent in dependents[name]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                heappush(ready, place[dependent])
    return tuple(done)


def circle_in(needs: Needs) -> tuple[str, ...]:
    """Return one circle of needs, its first name again at the end; empty if none."""
    stuck = set(needs).difference(order_of(needs))
    if not stuck:
        return ()
    trail: dict[str, int] = {}
    name = next(name for name in needs if name in stuck)
    while name not in trail:
        trail[name] = len(trail)
        name = next(need for need in needs[name] if need in stuck)
    return (*list(trail)[trail[name] :], name)


def need_problems(needs: Needs) -> Iterator[Problem]:
    """Yield each need that is unknown or named twice; if none, a circle."""
    sound = True
    for name, needed in needs.items():
        for index, need in enumerate(needed):
            path = f"tasks.{name}.needs[{index}]"
            if need not in needs:
                hint = closest(need, needs) if sound else ""
                sound = False
                yield Problem(path, f"unknown task {quoted(need)}{hint}")
            elif need in needed[:index]:
                sound = False
                yield Problem(path, f"{quoted(need)} is named twice")
    if sound and (circle := circle_in(needs)):
        where = f"tasks.{circle[0]}.needs"
        yield Problem(where, f"tasks need each other in a circle: {_arrows(circle)}")


def _arrows(circle: tuple[str, ...]) -> str:
    if len(circle) <= _NAMED_IN_A_CIRCLE:
        return " -> ".join(circle)
    left_out = len(circle) - _NAMED_IN_A_CIRCLE
    head = " -> ".join(circle[: _NAMED_IN_A_CIRCLE - 1])
    return f"{head} -> ({left_out} more) -> {circle[-1]}"
