"""What each run's workers may take from the environment of whoever spawned it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

KEPT_RUNS = 500


class Environments:
    """Values per run, in memory only and never written down.

    Of runs that are over only the latest are kept: a supervisor that never idles would
    grow with every run. A run that goes on after that is served with `own` values, as
    after a change of supervisors.
    """

    def __init__(self, own: Mapping[str, str]) -> None:
        self.own = own
        self._by_run: dict[str, Mapping[str, str]] = {}

    def __contains__(self, run: str) -> bool:
        return run in self._by_run

    def of(self, run: str) -> Mapping[str, str]:
        """Return a run's values, the supervisor's own where none were handed over."""
        return self._by_run.get(run, self.own)

    def keep(
        self, run: str, env: Mapping[str, str], live: Callable[[], Iterable[str]]
    ) -> list[str]:
        """Remember a run's values; now and then forget, and return, runs long over.

        What was known and is not given again stays: who lets a run go on may lack it.
        """
        before = self._by_run.get(run)
        self._by_run[run] = env if before is None else {**before, **env}
        if len(self._by_run) <= 2 * KEPT_RUNS:
            return []
        alive = set(live())
        over = [name for name in self._by_run if name not in alive]
        forgotten = over[:-KEPT_RUNS]
        for name in forgotten:
            del self._by_run[name]
        return forgotten
