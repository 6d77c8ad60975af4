"""Where a worker's requests would go, and whether they can go through the gateway."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from anyio.to_thread import run_sync

from kimi_swarm.core.task import GatewayTerms
from kimi_swarm.lanes.gateway.grant import Route
from kimi_swarm.lanes.gateway.way_out import proxy_for
from kimi_swarm.workers.gated import Provider, providers_in

SETTINGS_LIMIT_BYTES = 1_000_000
_CERTIFICATES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


class Ways(NamedTuple):
    """The providers that a worker is set up for, a route to each of them.

    `settings` is the text of the file that the worker's settings are in.
    """

    providers: tuple[Provider, ...]
    routes: tuple[Route, ...]
    settings: str | None


async def ways_of(terms: GatewayTerms | None, env: Mapping[str, str]) -> Ways | None:
    """Return the ways to all providers of a worker with this environment.

    None if it logs in by itself, has no provider that is known to us, or reaches one by
    a proxy that we cannot use.
    """
    if terms is None:
        return None
    text = await run_sync(_settings, terms, env)
    providers = providers_in(terms, env, text)
    routes = tuple(
        route for each in providers if (route := route_to(each, env)) is not None
    )
    if not routes or len(routes) < len(providers):
        return None
    return Ways(providers, routes, text)


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
