"""Validity checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kindgate.histogram import Histogram
from kindgate.slo.sample import BurstSample, Health
from kindgate.slo.validity import ValidityCheck, check_validity, largest_lateness, shared_by_both

MakeBurst = Callable[..., BurstSample]
MakeRun = Callable[..., list[BurstSample]]


def _broken(gates: tuple[ValidityCheck, ...]) -> list[str]:
    return [gate.name for gate in gates if gate.broken]


def test_a_punctual_generator_on_a_quiet_machine_breaks_none(run: MakeRun) -> None:
    """Figures that are only reported neither hold nor break."""
    gates = check_validity(run(pressure=0.5), 200.0)

    assert _broken(gates) == []
    assert [(gate.measured, gate.ok) for gate in gates if gate.name == "CPU pressure"] == [("50 %", None)]


@pytest.mark.parametrize(
    ("burst_options", "tightest", "names"),
    [
        ({"lag_ms": 1.0}, 3.0, []),
        ({"lag_ms": 1.1}, 3.0, ["loop lag"]),
        ({"lag_ms": 10.0}, 200.0, []),
        ({"lag_ms": 10.1}, 200.0, ["loop lag"]),
        ({"lag_ms": 500.0}, None, []),
        ({"punctual": 990}, 200.0, []),
        ({"punctual": 989}, 200.0, ["requests sent"]),
        ({"steal": 0.05}, 200.0, []),
        ({"steal": 0.051}, 200.0, ["CPU steal"]),
        ({"cpu_share": 0.79}, 200.0, []),
        ({"cpu_share": 0.80}, 200.0, ["generator CPU"]),
        ({"missing": 0.25}, 200.0, ["generators"]),
        ({"foreign": 0.15}, 200.0, []),
        ({"foreign": 0.151}, 200.0, ["foreign CPU"]),
        ({"foreign": 0.151}, None, ["foreign CPU"]),
        ({"pressure": 0.9}, 200.0, []),
    ],
)
def test_each_gate_at_its_edge(run: MakeRun, burst_options: dict[str, float], tightest: float | None, names: list[str]) -> None:
    """Loop lag up to 1 ms or 5 % of the tightest limit, 99 % sent on time, steal up to 5 %, CPU below 80 %, none missing, foreign 15 %."""
    gates = check_validity(run(count=2, **burst_options), tightest)

    assert _broken(gates) == names
    assert all(gate.advice for gate in gates if gate.broken)


def test_missing_load_can_be_allowed(run: MakeRun) -> None:
    """With the option set, distributed load stays valid after losing one of its generators."""
    assert _broken(check_validity(run(missing=0.5), 200.0, allow_missing=True)) == []


def test_a_few_late_requests_are_no_fault(burst: MakeBurst) -> None:
    """The 99th percentile over all bursts decides, not the worst request or burst."""
    bursts = [burst([1.0] * 100) for _ in range(199)] + [burst([1.0] * 100, lag_ms=50)]

    assert _broken(check_validity(bursts, 10.0)) == []
    assert largest_lateness(bursts) == 100_000


def test_a_frozen_server_breaks_no_gate(burst: MakeBurst) -> None:
    """Nothing was answered and most requests waited for a slot, but the generator did its part."""
    frozen = burst([], {"timeout": 256, "unsent": 744}, lag_ms=0.1)

    assert _broken(check_validity([frozen], 200.0)) == []


def test_what_is_not_known_is_not_held_against_the_run() -> None:
    """Without figures for steal and CPU, and without requests, no check breaks."""
    gates = check_validity([BurstSample(0, 1, (), Histogram.empty(), Health())], 200.0)

    assert _broken(gates) == []
    assert {gate.measured for gate in gates if gate.name != "generators"} == {"unknown"}
    assert largest_lateness([]) == 0


@pytest.mark.parametrize(("pressure", "broken"), [(0.25, []), (0.26, ["CPU pressure"])])
def test_pressure_is_a_gate_where_others_cannot_be_told_apart(run: MakeRun, pressure: float, broken: list[str]) -> None:
    """A server outside the run's clusters uses CPU time like any other program, so only CPU pressure can be checked."""
    assert _broken(check_validity(run(pressure=pressure), 200.0, by_pressure=True)) == broken
    assert _broken(check_validity(run(pressure=pressure), 200.0)) == []


def test_both_versions_of_a_comparison_share_the_other_programs(run: MakeRun) -> None:
    """Other programs' CPU share is shown but breaks nothing; other broken checks stay broken."""
    gates = shared_by_both(check_validity(run(foreign=0.9, steal=0.5), 200.0))

    assert _broken(gates) == ["CPU steal"]
    assert [(gate.measured, gate.ok) for gate in gates if gate.name == "foreign CPU"] == [("90 % of the machine", None)]


def test_shares_are_averaged_over_time(burst: MakeBurst) -> None:
    """One burst with high steal among many without is within the limit."""
    assert _broken(check_validity([burst([1.0], steal=0.4), *[burst([1.0])] * 9], 200.0)) == []
    assert _broken(check_validity([burst([1.0], steal=0.6), *[burst([1.0])] * 9], 200.0)) == ["CPU steal"]
