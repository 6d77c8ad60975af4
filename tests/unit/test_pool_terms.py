from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from kimi_swarm.core.pool import PoolLimits
from kimi_swarm.core.pool_rule import limits_from_data, limits_to_data
from kimi_swarm.core.pool_terms import PoolTerms
from kimi_swarm.core.window import Measure, Window


def test_what_a_person_writes_becomes_windows():
    terms = PoolTerms.model_validate(
        {"concurrency": 1, "requests_per_minute": 3, "tokens_per_day": 1_500_000}
    )
    assert terms.limits() == PoolLimits(
        concurrency=1,
        windows=(
            Window(Measure.REQUESTS, 3, 60.0),
            Window(Measure.TOKENS, 1_500_000, 86_400.0),
        ),
    )


def test_nothing_written_is_a_pool_that_finds_its_limits():
    assert PoolTerms().limits() == PoolLimits()


@pytest.mark.parametrize("terms", [{"concurrency": 0}, {"requests_per_week": 5}])
def test_terms_that_mean_nothing_are_refused(terms: dict[str, int]):
    with pytest.raises(ValidationError):
        PoolTerms.model_validate(terms)


def test_limits_pass_from_process_to_process_unchanged():
    limits = PoolTerms(requests_per_hour=200, spacing_s=2.5, counts_asked=True).limits()
    assert limits_from_data(json.loads(json.dumps(limits_to_data(limits)))) == limits
