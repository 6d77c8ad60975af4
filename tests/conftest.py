"""What all tests share: how long they search, one copy of the code, one user each."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fakes.swarm import ROOT, Swarm, copy_of_the_product

# Compiled files go beside the tools, never under skill/, also when make is not used.
sys.pycache_prefix = sys.pycache_prefix or str(ROOT / ".venv" / "pycache")
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

# A script's background job ignores interrupts, and so would what is interrupted here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of what else the machine does than of our code.
settings.register_profile(
    "here",
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "ci", settings.get_profile("here"), derandomize=True, print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")


@pytest.fixture
def anyio_backend() -> str:
    """The one event loop that the product runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a copy of the code: what runs it compiles it there."""
    return copy_of_the_product(tmp_path_factory.mktemp("product"))


@pytest.fixture
def swarm(code: Path, tmp_path: Path) -> Iterator[Swarm]:
    """One user's kimi-swarm; everything it started is ended, or the test fails."""
    user = Swarm(code, tmp_path)
    yield user
    user.close()
