"""What models a worker's provider offers now, asked at most once in a while."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kimi_swarm.location import models_path
from kimi_swarm.process.clock import now
from kimi_swarm.process.endpoint import get_text
from kimi_swarm.process.records import write_atomically
from kimi_swarm.workers.models import chosen, expanded, ids_in
from kimi_swarm.workers.profile import Profile

KEPT_S = 600.0


class Offer(NamedTuple):
    """The ids a provider offers; `is_asked` is false where there is nobody to ask.

    No ids after asking means that it did not answer.
    """

    ids: tuple[str, ...] = ()
    is_asked: bool = False


class Choice(NamedTuple):
    """The model that tasks of a profile get when they name none, and why."""

    model: str | None
    note: str = ""


async def offer_of(home: str, profile: Profile, environ: Mapping[str, str]) -> Offer:
    """Ask a profile's endpoint for its models, unless it answered minutes ago."""
    url = "" if profile.models is None else expanded(profile.models.url, environ)
    if profile.models is None or not url.startswith("http"):
        return Offer()
    known = _known(home).get(url)
    if known is not None and now() - known.at < KEPT_S:
        return Offer(known.ids, is_asked=True)
    name = profile.models.key_env
    answer = await get_text(url, key=None if name is None else environ.get(name))
    ids = ids_in(answer) if answer else ()
    if Path(home).is_dir() and os.access(home, os.W_OK):  # noqa: ASYNC240 two looks
        kept = {**_known(home), url: Answer(now(), ids)}
        write_atomically(models_path(home), kept)
    return Offer(ids, is_asked=True)


async def choose_model(
    home: str, profile: Profile, environ: Mapping[str, str]
) -> Choice:
    """Choose a model for tasks that name none, where the profile says how."""
    models = profile.models
    if models is None or not models.prefer:
        return Choice(None)
    if any(environ.get(name) for name in models.unless_env):
        return Choice(None)
    offer = await offer_of(home, profile, environ)
    model = chosen(models, offer.ids)
    if model is None:
        why = "offers none that is preferred" if offer.ids else "did not answer"
        note = f"{profile.name}: its provider {why}; the worker's own default is used."
        return Choice(None, note)
    return Choice(model, f"{profile.name} uses {model}, which its provider offers now.")


class Answer(NamedTuple):
    """What an endpoint offered at a moment."""

    at: float
    ids: tuple[str, ...]


def _known(home: str) -> dict[str, Answer]:
    try:
        kept = json.loads(Path(models_path(home)).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {url: Answer(float(at), tuple(ids)) for url, (at, ids) in kept.items()}
