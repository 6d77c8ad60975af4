"""Short random campaigns; `python -m bench campaign` runs long ones."""

from __future__ import annotations

import os
import secrets

import pytest

from fakes.campaign import Campaign
from fakes.swarm import Swarm

# Elsewhere each time another one; the totals tell it when something is wrong.
SEED = 20261120 if os.environ.get("CI") == "true" else secrets.randbelow(10**6)


OTHERS = ("shim", "zygote", "worker")


@pytest.mark.parametrize(
    ("victims", "kills", "retries"),
    [
        pytest.param(("supervisor",), 8, 0, id="supervisor"),
        pytest.param(OTHERS, 40, 2, id="the others"),
        pytest.param(("everything",), 4, 0, id="everything"),
    ],
)
def test_whatever_is_killed_whenever_nothing_is_doubled_wrong_or_left(
    swarm: Swarm, victims: tuple[str, ...], kills: int, retries: int
):
    swarm.env["KIMI_SWARM_IDLE_S"] = "1"

    campaign = Campaign(swarm, victims, SEED, retries=retries)
    totals = campaign.run(kills=kills, sessions=80)

    assert totals.wrongs == [], totals
    assert totals.strikes == kills
    assert totals.sessions >= 80
