"""A StatefulSet with one replica and a volume loses requests while it restarts, and none afterward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Rollouts


@pytest.mark.rollout
def test_a_restart_costs_an_outage_that_ends(rollout: Rollouts) -> None:
    """Its successor gets the same volume, so it cannot start earlier: the loss is expected, and limited by the objectives."""
    episode = rollout.restart()

    assert episode.requests.lost
    assert max(route.outage for route in episode.routes) > 1
    rollout.check(episode)
