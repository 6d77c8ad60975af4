"""Which of the models that a provider offers a worker should use. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from kimi_swarm.workers.fields import json_object
from kimi_swarm.workers.profile_terms import ModelList

FREE_SUFFIX = ":free"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_ID = re.compile(r"[A-Za-z0-9~][A-Za-z0-9._:/~@-]{0,199}")


def expanded(text: str, env: Mapping[str, str]) -> str:
    """Fill in `${NAME:-else}` from the environment; an unset NAME alone is empty."""
    return _VARIABLE.sub(lambda found: env.get(found[1]) or (found[2] or ""), text)


def ids_in(answer: str) -> tuple[str, ...]:
    """Read the model ids of an answer in OpenAI's shape; anything else has none."""
    spoken = json_object(answer)
    data = spoken.get("data") if spoken is not None else None
    found = data if isinstance(data, list) else []
    ids = (each.get("id") for each in found if isinstance(each, dict))
    return tuple(one for one in ids if isinstance(one, str) and _ID.fullmatch(one))


def free_among(ids: Iterable[str]) -> tuple[str, ...]:
    """Return the models that cost nothing, as their names say."""
    return tuple(one for one in ids if one.endswith((FREE_SUFFIX, "/free")))


def chosen(models: ModelList, ids: Sequence[str]) -> str | None:
    """Return the model to use: the first that the first fitting pattern matches."""
    for pattern in models.prefer:
        for one in ids:
            if fnmatchcase(one, pattern):
                return models.prefix + one
    return None
