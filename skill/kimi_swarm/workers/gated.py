"""Leading a worker's requests through the gateway: what its variables become. Pure.

Two steps: `providers_in` finds where a worker would go and with which key, and
`led_through` makes of its environment one that goes to the gateway with a token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kimi_swarm.core.task import GatewayTerms

Document = dict[str, Any]
ONLY = "provider"
"""The name of the one provider of a worker that has its URL in a variable."""
SHORTEST_KEY_CHARS = 8
_ENV = re.compile(r"\{env:([^}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_LOOPBACK = "127.0.0.1"


class Provider(NamedTuple):
    """A provider that a worker is set up for: its base URL, and its key if it has one.

    `key_names` are the variables that hold the key.
    """

    name: str
    url: str
    key: str | None
    key_names: tuple[str, ...] = ()

    def __repr__(self) -> str:  # a key must not come into a log or a traceback
        return f"Provider({self.name!r}, {self.url!r})"


def providers_in(
    terms: GatewayTerms, env: Mapping[str, str], file_text: str | None
) -> tuple[Provider, ...]:
    """Return the providers that a worker of this environment can be led to.

    `file_text` is what the file holds that `file_env` names. None are found where the
    worker logs in by itself, or keeps its settings elsewhere.
    """
    if terms.key_env is not None:
        return _by_variables(terms, env)
    document = document_of(terms, env, file_text)
    return () if document is None else tuple(_by_document(document, env))


def led_through(
    terms: GatewayTerms,
    env: Mapping[str, str],
    file_text: str | None,
    providers: tuple[Provider, ...],
    base_of: Callable[[Provider], str],
    token: str,
) -> dict[str, str]:
    """Return the environment of a worker that goes to `base_of` each provider.

    No key of theirs is in any value of it.
    """
    led = {**env, **terms.env_set}
    if terms.url_env is not None and terms.key_env is not None:
        led |= {terms.url_env: base_of(providers[0]), terms.key_env: token}
    elif terms.content_env is not None:
        document = document_of(terms, env, file_text) or {}
        for provider in providers:
            options = document["provider"][provider.name]["options"]
            options |= {"baseURL": base_of(provider), "apiKey": token}
        led[terms.content_env] = json.dumps(document)
        led.pop(terms.file_env or "", None)
    for provider in providers:
        for name in provider.key_names:
            if name != terms.key_env:
                led.pop(name, None)
        if provider.key is not None and len(provider.key) >= SHORTEST_KEY_CHARS:
            led = {k: v.replace(provider.key, token) for k, v in led.items()}
    return _past_proxies(led)


def document_of(
    terms: GatewayTerms, env: Mapping[str, str], file_text: str | None
) -> Document | None:
    """Return a worker's settings, those of the variable laid over those of the file.

    None if there are none, or if they cannot be carried over as they are: they are no
    plain JSON, or name other files by where they are themselves.
    """
    found: Document = {}
    for text in (file_text, env.get(terms.content_env or "")):
        if not text or not text.strip():
            continue
        try:
            layer = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(layer, dict) or "{file:" in text:
            return None
        found = _laid_over(found, layer)
    return found or None


def _laid_over(lower: Document, upper: Document) -> Document:
    merged = dict(lower)
    for name, value in upper.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[name] = _laid_over(below, value)
        else:
            merged[name] = value
    return merged


def _by_variables(terms: GatewayTerms, env: Mapping[str, str]) -> tuple[Provider, ...]:
    key = env.get(terms.key_env or "", "").strip()
    kind = env.get(terms.kind_env or "", "").strip().lower()
    url = env.get(terms.url_env or "", "").strip() or terms.default_urls.get(kind, "")
    if not key or not _is_web(url):
        return ()
    return (Provider(ONLY, url, key, (terms.key_env or "",)),)


def _by_document(document: Document, env: Mapping[str, str]) -> list[Provider]:
    providers = document.get("provider")
    found = []
    for name, one in providers.items() if isinstance(providers, dict) else ():
        options = one.get("options") if isinstance(one, dict) else None
        if not isinstance(options, dict) or not _NAME.fullmatch(name):
            continue
        url, key = options.get("baseURL"), options.get("apiKey")
        if not isinstance(url, str) or not isinstance(key, str | None):
            continue
        url = _filled(url, env)
        if _is_web(url):
            names = tuple(_ENV.findall(key or ""))
            found.append(Provider(name, url, _filled(key or "", env) or None, names))
    return found


def _filled(text: str, env: Mapping[str, str]) -> str:
    return _ENV.sub(lambda found: env.get(found[1], ""), text).strip()


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _past_proxies(env: Mapping[str, str]) -> dict[str, str]:
    """Let a worker that uses a proxy reach loopback without it."""
    led = dict(env)
    if not any(led.get(name) or led.get(name.lower()) for name in _PROXIES):
        return led
    told = led.get("NO_PROXY") or led.get("no_proxy") or ""
    names = [name.strip() for name in told.split(",") if name.strip()]
    if _LOOPBACK not in names and "*" not in names:
        names.append(_LOOPBACK)
    return {**led, "NO_PROXY": ",".join(names), "no_proxy": ",".join(names)}
