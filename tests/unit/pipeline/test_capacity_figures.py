"""What a capacity means for operation: shares of replicas, replicas for a target, and the cost of a million requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kindgate.load.result import BurstResult
from kindgate.load.workload_usage import WorkloadUsage
from kindgate.pipeline.capacity_figures import capacity_row
from kindgate.slo.capacity_search import CapacityRange
from tests.unit.report.bursts import measured_burst

FOUND = CapacityRange(800.0, 1000.0, "too slow")
REPLICAS = {"api": 2, "database": 1}


def metered(number: int = 0, arm: str = "") -> BurstResult:
    """A burst of 400 requests in two seconds that took 0.8 s of CPU time, and a baseline that took as much."""
    usage = (WorkloadUsage("api", arm, 2, 0.6), WorkloadUsage("database", arm, 1, 0.2), WorkloadUsage("api", "base", 2, 0.8))
    return replace(measured_burst(number), usage=usage)


def test_each_replica_carries_an_equal_share() -> None:
    """Replicas are per workload, and so is the CPU time of one of them."""
    row = capacity_row(FOUND, [metered(), metered(1)], REPLICAS)

    assert [(one.workload, one.replicas, one.rate) for one in row.workloads] == [("api", 2, 400), ("database", 1, 800)]
    assert [one.cpu for one in row.workloads] == pytest.approx([0.15, 0.1])
    assert (row.met, row.missed, row.reason, row.target, row.cost) == (800, 1000, "too slow", None, None)


def test_the_replicas_for_a_target_rate_are_rounded_up() -> None:
    """Two replicas carry 800 requests per second, so 1,900 need five."""
    row = capacity_row(FOUND, [metered()], REPLICAS, target_rate=1900)

    assert {one.workload: one.needed for one in row.workloads} == {"api": 5, "database": 3}
    assert row.target == 1900


@pytest.mark.parametrize("arm", ["", "head"])
def test_a_million_requests_cost_their_cpu_time(arm: str) -> None:
    """2 ms per request are 2,000 s for a million: 0.56 CPU-hours. The baseline's CPU time is not counted."""
    row = capacity_row(FOUND, [metered(arm=arm)], REPLICAS, cpu_hour_price=0.09)

    assert row.cpu_per_request == pytest.approx(2.0)
    assert row.cost == pytest.approx(0.05)


def test_unknown_cpu_time_has_no_price() -> None:
    """A sum over some of the bursts would be too low; the shares of the replicas are still known."""
    row = capacity_row(FOUND, [metered(), measured_burst(1)], REPLICAS, cpu_hour_price=0.09)

    assert (row.cpu_per_request, row.cost, row.price) == (None, None, 0.09)
    assert [(one.rate, one.cpu) for one in row.workloads] == [(400, None), (800, None)]


def test_without_a_capacity_nothing_is_shared() -> None:
    """A rate that was only missed has no replicas that carry it."""
    row = capacity_row(CapacityRange(None, 100.0, "too slow"), [], REPLICAS, target_rate=500)

    assert (row.met, row.missed, row.workloads) == (None, 100, ())
