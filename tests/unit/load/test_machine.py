"""The machine's own figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kindgate.load.machine import MachineTimes, health_between


def test_health_is_computed_between_two_readings() -> None:
    """Two generators run on a machine with 6 of 10 CPU seconds busy, 1 of them stolen, within 5 seconds."""
    before = MachineTimes(at=100, busy=50, idle=400, steal=1, pressure=2.0)
    after = MachineTimes(at=105, busy=55, idle=404, steal=2, pressure=2.5)
    health = health_between(before, after, [(1.0, 4.0), (0.5, 5.0)])
    assert health.processes == 2
    assert health.cpu_share == pytest.approx(0.25)
    assert health.steal == pytest.approx(0.1)
    assert health.other_cpu == pytest.approx((5 - 1.5) / 5)
    assert health.pressure == pytest.approx(0.1)


@pytest.mark.parametrize(("own", "foreign"), [(None, None), (0.5, 0.6), (3.0, 0.1), (4.0, 0.0)])
def test_foreign_cpu_excludes_the_run_and_interrupts(own: float | None, foreign: float | None) -> None:
    """4.5 of 5 CPU seconds were busy, 1 of them with interrupts; the run's own part varies."""
    before = MachineTimes(at=100, busy=50, idle=400, steal=1, pressure=None, interrupts=7)
    after = MachineTimes(at=102.5, busy=54.5, idle=400.5, steal=1, pressure=None, interrupts=8)

    assert health_between(before, after, [], own).foreign == pytest.approx(foreign)


def test_a_share_is_never_more_than_all() -> None:
    """Idle and busy counters are not read at the same instant."""
    before = MachineTimes(at=0, busy=0, idle=0, steal=0, pressure=None)

    assert health_between(before, replace(before, at=1, busy=2, idle=-1), [], 0.0).foreign == 1


def test_a_kernel_without_pressure_figures_has_none() -> None:
    """An unknown value is not zero."""
    before = MachineTimes(at=0, busy=0, idle=0, steal=0, pressure=None)
    assert health_between(before, replace(before, at=1, idle=2), []).pressure is None


def test_the_machines_counters_grow() -> None:
    """The counters are read from the real system."""
    first, second = MachineTimes.now(), MachineTimes.now()
    assert second.at > first.at
    assert second.busy + second.idle >= first.busy + first.idle > 0
