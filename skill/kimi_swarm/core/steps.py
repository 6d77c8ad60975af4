"""A clock that is set forth or back: moments move with it, waits stay as long."""

from __future__ import annotations

from dataclasses import replace

from kimi_swarm.core.schedule import Snapshot

LEAST_STEP_S = 2.0
"""What is less is drift, and not worth a thought."""


class ClockSteps:
    """Shifts every moment of a snapshot by the steps since it was first seen.

    The steady clock tells a step: it goes on as time does, from any beginning.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._stepped_s = 0.0
        self._stepped_before: dict[tuple[str, float], float] = {}

    def corrected(self, snapshot: Snapshot, *, steady_at: float) -> Snapshot:
        """Return the snapshot as if the clock had always been as it is now.

        `steady_at` is the snapshot's moment on the steady clock, in seconds.
        """
        self._look(snapshot.at - steady_at)
        seen: dict[tuple[str, float], float] = {}

        def moved(name: str, at: float | None) -> float | None:
            if not at:
                return at
            key = (name, at)
            seen[key] = self._stepped_before.get(key, self._stepped_s)
            return at + self._stepped_s - seen[key]

        waiting = [
            each
            if not each.ready_at and each.queue_until_at is None
            else replace(
                each,
                ready_at=moved(each.session, each.ready_at) or 0.0,
                queue_until_at=moved(each.session, each.queue_until_at),
            )
            for each in snapshot.waiting
        ]
        runs = {
            run: replace(limits, ends_at=moved(run, limits.ends_at))
            for run, limits in snapshot.runs.items()
        }
        for name, at in snapshot.last_start_at.items():
            # What has happened is never to come: it was written before a step back.
            ahead_s = max(0.0, at - snapshot.at)
            self._stepped_before.setdefault((name, at), self._stepped_s + ahead_s)
        last = {name: moved(name, at) or at for name, at in _starts(snapshot)}
        self._stepped_before = seen
        return replace(snapshot, waiting=waiting, runs=runs, last_start_at=last)

    def _look(self, offset_s: float) -> None:
        if self._offset_s is None:
            self._offset_s = offset_s
        step_s = offset_s - self._offset_s
        if abs(step_s) >= LEAST_STEP_S:
            self._stepped_s += step_s
            self._offset_s = offset_s


def _starts(snapshot: Snapshot) -> list[tuple[str, float]]:
    return list(snapshot.last_start_at.items())
