"""Keeping what workers were given secretly out of what is written down of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kimi_swarm.core.redact import Secrets, redacted, secret_values
from kimi_swarm.core.result import result_text
from kimi_swarm.process.fingerprints import keep_fingerprints, read_fingerprints
from kimi_swarm.store.moves import Findings
from kimi_swarm.supervisor.prepare import Seat

# An id is needed as it is, to go on with that conversation.
_KEPT = "conversation"


def learn_secrets(seat: Seat, environ: Mapping[str, str]) -> Secrets:
    """Return the secrets that a worker will be given, with those its run had before.

    Their fingerprints are kept in the run's folder, for readers that have no values.
    Raises OSError.
    """
    home, run, recipe = seat.home, seat.id.run, seat.task.recipe
    given = {name: environ[name] for name in recipe.env_pass if name in environ}
    values = secret_values({**given, **recipe.env_set})
    keep_fingerprints(home, run, values)
    return read_fingerprints(home, run)._replace(values=values)


def without_secrets(findings: Findings, secrets: Secrets) -> Findings:
    """Return what was found of a session, without secrets."""
    summary = None if findings.summary is None else redacted(findings.summary, secrets)
    detail = None if findings.detail is None else _clean(findings.detail, secrets)
    result = findings.result
    if result is not None:
        result = result_text(_clean(json.loads(result), secrets))
    return replace(findings, summary=summary, detail=detail, result=result)


def _clean(value: Any, secrets: Secrets) -> Any:
    match value:
        case str():
            return redacted(value, secrets)
        case dict():
            return {
                name: each if name == _KEPT else _clean(each, secrets)
                for name, each in value.items()
            }
        case list():
            return [_clean(each, secrets) for each in value]
        case _:
            return value
