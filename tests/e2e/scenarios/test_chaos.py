"""The application survives faults under load, or loses no more than the fault explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Chaos


pytestmark = [pytest.mark.chaos]


def test_a_killed_pod_costs_no_request(chaos: Chaos) -> None:
    """One pod of each workload ends gracefully, and the others answer."""
    chaos.check()


def test_a_pod_killed_without_grace_costs_few_requests(chaos: Chaos) -> None:
    """Those that are open, or sent until the ingress knows that it is gone."""
    chaos.check(chaos.kill_pod(now=True))


def test_the_application_returns_after_the_loss_of_all_pods(chaos: Chaos) -> None:
    """No pod answers until a new one is ready, and then all is well again."""
    chaos.check(chaos.kill_pods(now=True))


def test_a_crashed_container_starts_again(chaos: Chaos) -> None:
    """The other pods answer meanwhile; requests to the dead container are lost until it is out of the endpoints."""
    chaos.check(chaos.kill_container())


def test_a_drained_node_costs_no_request(chaos: Chaos) -> None:
    """Its pods are evicted as their budgets allow, and start on the other worker."""
    chaos.check(chaos.drain())


def test_a_paused_node_costs_no_more_than_its_share(chaos: Chaos) -> None:
    """The endpoints still name its pods, whose requests wait until it goes on."""
    chaos.check(chaos.pause_node(seconds=5))


def test_the_ingress_controller_returns(chaos: Chaos) -> None:
    """Every request is lost until its new pod is ready."""
    chaos.check(chaos.kill_ingress())
