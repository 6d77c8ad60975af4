"""Reading prices as people write them: the user's own, and those of the package."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from kimi_swarm.config import load_manifest
from kimi_swarm.core.price import Price
from kimi_swarm.core.price_list import PriceList
from kimi_swarm.core.prices import Prices
from kimi_swarm.core.written import Problem, one_sentence, problems_in
from kimi_swarm.errors import SwarmError
from kimi_swarm.location import config_home
from kimi_swarm.strict_yaml import read_yaml


class PricesError(SwarmError):
    """Raised when the user's own prices.yaml does not say what it must."""

    code = "prices"

    def __init__(self, origin: str, problems: list[Problem]) -> None:
        super().__init__(
            one_sentence(origin, problems),
            remedy="Correct the file; docs/limits.md shows how prices are written.",
        )


def load_prices() -> Prices:
    """Read both tables. Raises PricesError, PlanFileError, ManifestError."""
    path = Path(config_home()) / "prices.yaml"
    own: tuple[Price, ...] = ()
    if path.is_file():
        try:
            written = PriceList.model_validate(read_yaml(path))
        except ValidationError as error:
            raise PricesError(str(path), problems_in(error, PriceList)) from None
        own = tuple(line.price() for line in written.prices)
    return Prices(own, standard_prices())


def standard_prices() -> tuple[Price, ...]:
    """Return the prices that the package brings. Raises ManifestError."""
    return tuple(line.price() for line in load_manifest().prices)
