"""Pools as people write them in config.yaml, and the package in its manifest."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from kimi_swarm.core.pool_rule import PoolRule, place_of
from kimi_swarm.core.pool_terms import PoolTerms
from kimi_swarm.core.written import Line, quoted


def _url(text: str) -> str:
    parts = urlsplit(text if "//" in text else f"//{text}")
    try:
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        is_port = False
    is_plain = not (parts.query or parts.fragment or " " in text or "@" in text)
    if parts.scheme not in ("", "http", "https") or not place_of(text):
        raise ValueError(f"{quoted(text)} is no address of a provider")
    if not (is_port and is_plain and parts.hostname):
        raise ValueError(f"{quoted(text)} is no address of a provider")
    return text


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("write a day as 2026-11-20") from None
    return text


class PoolEntry(PoolTerms):
    """One pool: what draws on it (`url`, `models`), and what it bears.

    Sessions that draw on it start `start_spacing_s` apart. `published` is the day and
    `source` the place where a provider says so.
    """

    url: Annotated[Line, AfterValidator(_url)] | None = None
    models: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    start_spacing_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    published: Annotated[Line, AfterValidator(_day)] | None = None
    source: Line | None = None

    @model_validator(mode="after")
    def _says_what_draws_on_it(self) -> PoolEntry:
        if self.url is None and not self.models:
            raise ValueError("say what draws on it: url, models or both")
        return self

    def rule(self, name: str) -> PoolRule:
        """Return it as the machine keeps it."""
        return PoolRule(
            name, self.limits(), self.url or "", self.models, self.start_spacing_s
        )
