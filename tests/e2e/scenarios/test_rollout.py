"""The application survives rollouts under load: it loses no more than the SLO file allows, and a bad revision stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Rollouts


pytestmark = [pytest.mark.rollout]


@pytest.mark.e2e
def test_a_restart_meets_its_objectives(rollout: Rollouts) -> None:
    """All pods are replaced while requests arrive."""
    rollout.check()


def test_an_update_meets_its_objectives(rollout: Rollouts) -> None:
    """A new revision with another variable is rolled out."""
    rollout.check(rollout.update(env={"KINDGATE_SCENARIO": "update"}))


def test_a_rollback_meets_its_objectives(rollout: Rollouts) -> None:
    """A new revision is rolled out, and the old one again."""
    rollout.check(rollout.rollback())


def test_a_bad_image_stops_the_rollout(rollout: Rollouts) -> None:
    """The cause is named while the old pods keep answering."""
    episode = rollout.bad_image()

    rollout.check(episode)
    assert any("stopped" in event.text for event in episode.events)
