"""A session's own key for the gateway: made anew from a secret, never stored."""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress

from kimi_swarm.location import gateway_secret_path

SECRET_BYTES = 32
PREFIX = "swarm-"


def session_token(secret: bytes, session: str) -> str:
    """Return the token of a session: nobody without the secret can tell another's."""
    made = hmac.new(secret, session.encode(), hashlib.sha256)
    return PREFIX + made.hexdigest()[:40]


def account_of(secret: bytes, key: str | None) -> str:
    """Return what tells a provider's accounts apart, and says nothing of their keys."""
    if key is None:
        return ""
    made = hmac.new(secret, b"account\0" + os.fsencode(key), hashlib.sha256)
    return made.hexdigest()[:12]


def read_secret(home: str) -> bytes:
    """Return the secret of a state folder, made on first use, for its user's eyes only.

    Raises OSError.
    """
    path = gateway_secret_path(home)
    with suppress(FileNotFoundError):
        return _read(path)
    aside = f"{path}.{os.urandom(8).hex()}.new"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 a descriptor
        file.write(os.urandom(SECRET_BYTES))
    try:
        # Whoever is first has made it; the other takes that one.
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        os.unlink(aside)  # noqa: PTH108 strings here
    return _read(path)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 strings here
        return file.read()
