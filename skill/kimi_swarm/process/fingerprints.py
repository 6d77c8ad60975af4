"""What a run's folder keeps of the secrets its workers were given: digests, no secret.

Light: `log` and `poll` read them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from kimi_swarm.core.redact import NOTHING_KNOWN, Secrets, digest
from kimi_swarm.location import fingerprints_path

SALT_BYTES = 16


def read_fingerprints(home: str, run: str) -> Secrets:
    """Return what is known of a run's secrets; nothing where nothing was kept."""
    try:
        with open(fingerprints_path(home, run), encoding="ascii") as file:  # noqa: PTH123 light
            salt, *lines = file.read().split("\n")
        digests: dict[int, set[bytes]] = {}
        for line in lines:
            length, _, told = line.partition(" ")
            if told:
                digests.setdefault(int(length), set()).add(bytes.fromhex(told))
        frozen = {length: frozenset(found) for length, found in digests.items()}
        return Secrets((), bytes.fromhex(salt)[:SALT_BYTES], frozen)
    except (OSError, ValueError):
        return NOTHING_KNOWN


def keep_fingerprints(home: str, run: str, values: Sequence[str]) -> None:
    """Add the digests of these secrets to what the run's folder keeps. Raises OSError.

    Only one process, the supervisor, writes them.
    """
    if not values:
        return
    known = read_fingerprints(home, run)
    salt = known.salt or os.urandom(SALT_BYTES)
    made = {(len(value), digest(value, salt)) for value in values}
    old = {(size, each) for size, found in known.digests.items() for each in found}
    if made <= old:
        return
    path = fingerprints_path(home, run)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120 light
    lines = [salt.hex(), *(f"{size} {each.hex()}" for size, each in sorted(made | old))]
    aside = path + ".new"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 light
        file.write("\n".join(lines) + "\n")
    os.replace(aside, path)  # noqa: PTH105 light
