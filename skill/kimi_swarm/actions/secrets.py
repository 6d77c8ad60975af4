"""What an action knows of the secrets in what workers wrote, to keep them in. Light."""

from __future__ import annotations

import os

from kimi_swarm.core.redact import Secrets, secret_values
from kimi_swarm.process.fingerprints import read_fingerprints


def secrets_of(home: str, run: str) -> Secrets:
    """Return what is known of a run's secrets.

    These are fingerprints of what its workers were given, and the secret-looking values
    of this process's own environment.
    """
    return read_fingerprints(home, run)._replace(values=secret_values(os.environ))
