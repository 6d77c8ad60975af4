"""The sessions that may use the gateway now: grants by token, kept in memory only."""

from __future__ import annotations

from collections.abc import Iterable

from kimi_swarm.lanes.gateway.grant import Grant, with_known_keys
from kimi_swarm.process.locks import is_locked
from kimi_swarm.process.records import LaunchFiles


class Grants:
    """Who may pass."""

    def __init__(self) -> None:
        self._by_session: dict[str, Grant] = {}
        self._by_token: dict[str, Grant] = {}

    def __len__(self) -> int:
        return len(self._by_session)

    def grant_of(self, token: str) -> Grant | None:
        """Return the grant of a token that is worth something now."""
        return self._by_token.get(token)

    def add(self, grant: Grant) -> None:
        """Let a session pass; a key that is not given again stays as it was."""
        known = self._by_session.get(grant.session)
        self.drop(grant.session)
        whole = with_known_keys(grant, known)
        self._by_session[grant.session] = whole
        self._by_token[grant.token] = whole

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
