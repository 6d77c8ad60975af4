"""Which sessions go through the gateway, and what their environment becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio
from anyio.to_thread import run_sync

from kimi_swarm.core.pool import standing_of
from kimi_swarm.core.pool_room import Draw, PoolRoom, lasting
from kimi_swarm.core.pool_rule import PoolRule
from kimi_swarm.core.task import GatewayTerms
from kimi_swarm.errors import SwarmError
from kimi_swarm.lanes.gateway.address import HOST
from kimi_swarm.lanes.gateway.grant import Grant
from kimi_swarm.lanes.gateway.keeper import Keeper
from kimi_swarm.lanes.gateway.standing import room_of
from kimi_swarm.lanes.gateway.token import (
    account_of,
    read_secret,
    session_token,
)
from kimi_swarm.lanes.gateway.ways import ways_of
from kimi_swarm.process.clock import now
from kimi_swarm.workers.gated import led_through

TAKING_OVER_S = 10.0
LOOK_S = 1.0
"""How often the gateway is asked how the pools stand."""
STALE_S = 10.0
"""What was told longer ago no longer tells how many sessions a pool feeds."""


class Gatekeeper:
    """Lets sessions through the one gateway of a state folder."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._keeper = Keeper(home)
        self.rules: tuple[PoolRule, ...] = ()
        """What pools bear, as it was written; whoever reads it anew sets it here."""
        self._rooms: dict[str, PoolRoom] = {}
        self._accounts: dict[Draw, frozenset[str]] = {}
        self._told_at = 0.0
        self._is_asked_again = False

    def rooms(self, at: float) -> Mapping[str, PoolRoom]:
        """Return how the pools stand, as far as the gateway told it."""
        is_fresh = abs(at - self._told_at) < STALE_S
        return self._rooms if is_fresh else lasting(self._rooms)

    def drawn(
        self, draws: Mapping[Draw, tuple[str, ...]]
    ) -> dict[Draw, tuple[str, ...]]:
        """Return what sessions draw on, and how it stands to whose key they have.

        Whose key has not been seen yet finds out: nobody is held to another's account.
        """
        self._accounts = {
            draw: known for draw, known in self._accounts.items() if draw in draws
        }
        return {
            draw: pools
            + tuple(
                standing_of(pool, account)
                for pool in pools
                for account in self._accounts.get(draw, ())
            )
            for draw, pools in draws.items()
        }

    def try_again(self) -> None:
        """Let closed pools be tried: a person asks for more work."""
        self._rooms = {}
        self._accounts = {}  # who asks may have brought another key
        self._is_asked_again = True

    async def look(self, on_change: Callable[[], None]) -> None:
        """See how the pools stand while sessions draw on them, until cancelled."""
        while True:
            if self._keeper.is_needed and await self._look():
                on_change()
            await anyio.sleep(LOOK_S)

    async def _look(self) -> bool:
        """Ask once; whether anything is otherwise than it was."""
        await self._tell()
        try:
            status = await self._keeper.status()
        except (SwarmError, OSError):  # who needs the gateway is told
            return False
        if status is None or self._is_asked_again:
            return False
        before, at = self._rooms, now()
        self._told_at = at
        self._rooms = {
            name: room_of(one, at, before.get(name))
            for name, one in status["pools"].items()
        }
        return _marks(before) != _marks(self._rooms)

    async def _tell(self) -> None:
        await self._keeper.keep_to(self.rules)
        if self._is_asked_again:
            self._is_asked_again = False
            await self._keeper.try_again()

    def take_over(self) -> None:
        """Expect that workers of an earlier supervisor ask before they are granted."""
        self._keeper.more_s = TAKING_OVER_S

    async def lead(
        self,
        session: str,
        profile: str,
        terms: GatewayTerms | None,
        env: dict[str, str],
        launch: str,
    ) -> dict[str, str]:
        """Return the environment of a worker that goes through the gateway, if it can.

        `launch` is the folder of the launch that it is for, `profile` what it runs. A
        worker that logs in by itself, or has no provider that is known to us, keeps
        what it has. Raises GatewayDeadError, OSError.
        """
        await self._tell()
        ways = await ways_of(terms, env)
        if terms is None or ways is None:
            return env
        secret = await run_sync(read_secret, self._home)
        token = session_token(secret, session)
        self._accounts[session.partition("/")[0], profile] = frozenset(
            account_of(secret, route.key) for route in ways.routes
        )
        port = await self._keeper.port()
        await self._keeper.grant(Grant(session, token, launch, ways.routes))
        bases = {
            route.name: f"http://{HOST}:{port}/{route.name}{route.path}"
            for route in ways.routes
        }
        return led_through(
            *(terms, env, ways.settings, ways.providers),
            lambda each: bases[each.name],
            token,
        )

    async def over(self, session: str) -> None:
        """Let a session through no more; what it asked for is in the store then."""
        if self._keeper.knows(session):
            await self._look()
        await self._keeper.drop(session)

    async def watch(self) -> None:
        """Replace a gateway that dies, until cancelled."""
        await self._keeper.watch()

    async def aclose(self) -> None:
        """Let the gateway be; it ends when no worker needs it."""
        await self._keeper.aclose()


def _marks(rooms: Mapping[str, PoolRoom]) -> dict[str, tuple[object, ...]]:
    """Return what decides whom to start; moments come by themselves."""
    return {
        name: (room.feeds, room.closed, room.rests_until_at // 60)
        for name, room in rooms.items()
    }
