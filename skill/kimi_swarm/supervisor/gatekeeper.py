"""Which sessions go through the gateway, and what their environment becomes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from anyio.to_thread import run_sync

from kimi_swarm.core.task import GatewayTerms
from kimi_swarm.lanes.gateway.address import HOST
from kimi_swarm.lanes.gateway.grant import Grant, Route
from kimi_swarm.lanes.gateway.keeper import Keeper
from kimi_swarm.lanes.gateway.token import read_secret, session_token
from kimi_swarm.lanes.gateway.way_out import proxy_for
from kimi_swarm.workers.gated import Provider, led_through, providers_in

TAKING_OVER_S = 10.0
SETTINGS_LIMIT_BYTES = 1_000_000
_CERTIFICATES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


class Gatekeeper:
    """Lets sessions through the one gateway of a state folder."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._keeper = Keeper(home)

    def take_over(self) -> None:
        """Expect that workers of an earlier supervisor ask before they are granted."""
        self._keeper.more_s = TAKING_OVER_S

    async def lead(
        self,
        session: str,
        terms: GatewayTerms | None,
        env: dict[str, str],
        launch: str,
    ) -> dict[str, str]:
        """Return the environment of a worker that goes through the gateway, if it can.

        `launch` is the folder of the launch that it is for. A worker that logs in by
        itself, or has no provider that is known to us, keeps what it has. Raises
        GatewayDeadError, OSError.
        """
        if terms is None:
            return env
        text = await run_sync(_settings, terms, env)
        providers = providers_in(terms, env, text)
        routes = tuple(
            route for each in providers if (route := route_to(each, env)) is not None
        )
        if not routes or len(routes) < len(providers):
            return env
        token = session_token(await run_sync(read_secret, self._home), session)
        port = await self._keeper.port()
        await self._keeper.grant(Grant(session, token, launch, routes))
        bases = {
            route.name: f"http://{HOST}:{port}/{route.name}{route.path}"
            for route in routes
        }
        return led_through(
            *(terms, env, text, providers, lambda each: bases[each.name], token)
        )

    async def over(self, session: str) -> None:
        """Let a session through no more; what it asked for is in the store then."""
        await self._keeper.drop(session)

    async def watch(self) -> None:
        """Replace a gateway that dies, until cancelled."""
        await self._keeper.watch()

    async def aclose(self) -> None:
        """Let the gateway be; it ends when no worker needs it."""
        await self._keeper.aclose()


def route_to(provider: Provider, env: Mapping[str, str]) -> Route | None:
    """Return the way to a provider; None by a proxy that we cannot use."""
    parts = urlsplit(provider.url)
    origin = f"{parts.scheme}://{parts.netloc}"
    proxy = proxy_for(origin, env)
    if proxy is not None and urlsplit(proxy).scheme != "http":
        return None
    ca_files = (env[name] for name in _CERTIFICATES if env.get(name))
    return Route(
        provider.name,
        origin,
        parts.path.rstrip("/"),
        provider.key,
        proxy,
        next(ca_files, None),
        pool=parts.netloc.rpartition("@")[2],
    )


def _settings(terms: GatewayTerms, env: Mapping[str, str]) -> str | None:
    """Read the file that a worker's settings are in; an unreadable one is none."""
    name = env.get(terms.file_env or "")
    if not name:
        return None
    try:
        with open(os.path.expanduser(name), encoding="utf-8") as file:  # noqa: PTH111, PTH123 a string as the worker has it
            return file.read(SETTINGS_LIMIT_BYTES)
    except (OSError, ValueError):
        return None
