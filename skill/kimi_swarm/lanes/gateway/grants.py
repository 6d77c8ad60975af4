"""The sessions that may use the gateway now: grants by token, kept in memory only."""

from __future__ import annotations

from collections.abc import Iterable

import anyio

from kimi_swarm.lanes.gateway.grant import Grant, with_known_keys
from kimi_swarm.process.clock import steady
from kimi_swarm.process.locks import is_locked
from kimi_swarm.process.records import LaunchFiles


class Grants:
    """Who may pass."""

    def __init__(self) -> None:
        self._more_until = 0.0
        self._added = anyio.Event()
        self._by_session: dict[str, Grant] = {}
        self._by_token: dict[str, Grant] = {}

    def __len__(self) -> int:
        return len(self._by_session)

    async def grant_of(self, token: str) -> Grant | None:
        """Return the grant of a token that is worth something now.

        As long as more grants are expected, one that is not known is waited for.
        """
        with anyio.move_on_after(max(0.0, self._more_until - steady())):
            while token not in self._by_token:
                await self._added.wait()
        return self._by_token.get(token)

    def expect_more(self, seconds: float) -> None:
        """Let tokens that are not known wait: sessions that live are being granted."""
        self._more_until = steady() + seconds

    def add(self, grant: Grant) -> None:
        """Let a session pass; a key that is not given again stays as it was."""
        known = self._by_session.get(grant.session)
        self.drop(grant.session)
        whole = with_known_keys(grant, known)
        self._by_session[grant.session] = whole
        self._by_token[grant.token] = whole
        self._added.set()
        self._added = anyio.Event()

    def drop(self, session: str) -> None:
        """Let a session pass no more: it is over."""
        known = self._by_session.pop(session, None)
        if known is not None:
            del self._by_token[known.token]

    def over(self) -> Iterable[str]:
        """Return the sessions whose launch is over, by its lock."""
        return [
            grant.session
            for grant in self._by_session.values()
            if not is_locked(LaunchFiles(grant.launch).lock)
        ]
