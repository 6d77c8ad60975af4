"""What the supervisor lets a session's worker reach through the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Route(NamedTuple):
    """One provider behind the gateway.

    A worker reaches `origin` and `path` (together the provider's base URL, without a
    slash at its end) as `/NAME` and `path`. `key` is sent instead of the worker's
    token; None sends none. `proxy` is the URL of an HTTP proxy, `ca_file` a file of
    certificates to trust, `pool` the capacity that requests draw on.
    """

    name: str
    origin: str
    path: str = ""
    key: str | None = None
    proxy: str | None = None
    ca_file: str | None = None
    pool: str = ""

    def __repr__(self) -> str:  # the key must not come into a log or a traceback
        return f"Route({self.name!r}, {self.origin!r}, {self.path!r})"


class Grant(NamedTuple):
    """A session's leave to use the gateway: its token, and the routes it may take.

    `launch` is the folder of the launch that its worker runs in: there the gateway
    tells when it holds a request.
    """

    session: str
    token: str
    launch: str
    routes: tuple[Route, ...]

    def __repr__(self) -> str:  # as above: whoever has the token may spend
        return f"Grant({self.session!r}, {self.routes!r})"

    @property
    def run(self) -> str:
        """The run that the session belongs to."""
        return self.session.partition("/")[0]

    def route(self, name: str) -> Route | None:
        """Return the route of a name, None if the session has none such."""
        return next((route for route in self.routes if route.name == name), None)


def grant_to_dict(grant: Grant) -> dict[str, Any]:
    """Turn a grant into plain data that JSON can hold; the keys are in it."""
    return {**grant._asdict(), "routes": [route._asdict() for route in grant.routes]}


def grant_from_dict(data: Mapping[str, Any]) -> Grant:
    """Rebuild a grant. Raises KeyError or TypeError on foreign data."""
    routes = tuple(Route(**route) for route in data["routes"])
    return Grant(data["session"], data["token"], data["launch"], routes)


def with_known_keys(grant: Grant, known: Grant | None) -> Grant:
    """Return the grant, its missing keys taken from what is known of the session.

    Only where they go to the same place: a key is never sent anywhere else.
    """
    if known is None:
        return grant
    before = {route[:3]: route.key for route in known.routes}
    routes = (
        route if route.key is not None else route._replace(key=before.get(route[:3]))
        for route in grant.routes
    )
    return grant._replace(routes=tuple(routes))
