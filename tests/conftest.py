"""What tests of the whole product share: one copy of the code, one user each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.swarm import Swarm, copy_of_the_product


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
