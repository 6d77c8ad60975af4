"""Workers that ask a scripted model through the gateway, and what became of them."""

from __future__ import annotations

from typing import Any

from fakes.gateway import KEY
from fakes.raw_provider import RawProvider
from fakes.scripted_model import ScriptedModel
from fakes.swarm import Swarm, worker
from kimi_swarm.store.database import open_database
from kimi_swarm.store.requests import RequestRow, requests_of


def teach_to_ask(
    swarm: Swarm,
    model: ScriptedModel | RawProvider | str,
    *,
    questions: int = 1,
    **fields: Any,
) -> None:
    """Make a profile `asker` whose provider is the model, by two variables.

    A provider that is no scripted model is told by its URL.
    """
    url = model if isinstance(model, str) else model.url
    swarm.teach(
        "asker",
        worker("asks_a_model.py", questions),
        env={"pass": ["MODEL_URL", "MODEL_KEY"]},
        gateway={"url_env": "MODEL_URL", "key_env": "MODEL_KEY"},
        **{"expect": "answer", "grace_s": 0.5, **fields},
    )
    swarm.env |= {"MODEL_URL": url, "MODEL_KEY": KEY}


def teach_to_pay(swarm: Swarm, name: str, variable: str, key: str) -> None:
    """Make a profile that asks the same provider with a key of its own."""
    swarm.teach(
        name,
        worker("asks_a_model.py", 1, variable),
        env={"pass": ["MODEL_URL", variable]},
        gateway={"url_env": "MODEL_URL", "key_env": variable},
        expect="answer",
        grace_s=0.5,
    )
    swarm.env |= {variable: key}


def ask(prompt: str, **fields: Any) -> dict[str, Any]:
    """Return a task for such a worker."""
    plain = {"profile": "asker", "role": "none", "workspace": "none", "retries": 0}
    return {"prompt": prompt, **plain, **fields}


def requests_in(swarm: Swarm, session: str) -> list[RequestRow]:
    """Return what the store has of a session's requests."""
    store = open_database(str(swarm.home), create=False)
    assert store is not None
    try:
        return requests_of(store, session)
    finally:
        store.close()
