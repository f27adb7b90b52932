"""The number of false alarms in one night that exceeds chance."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from bench.false_alarms import ALLOWED, BY_CHANCE, has_too_many_fails, max_fails
from bench.real_runs import RealRun, RealRuns
from bench.record import needs_more_runs


def _runs(**counts: int) -> RealRuns:
    return RealRuns(tuple(RealRun(verdict, 10, 0.0, 0.5) for verdict, count in counts.items() for _ in range(count)))


@pytest.mark.parametrize("runs", [1, 2, 8, 30, 100])
def test_a_night_fails_by_chance_at_most_once_in_a_thousand(runs: int) -> None:
    """At the allowed share of FAILs, more of them than the limit are rare; with one fewer they would not be."""
    assert binom.sf(max_fails(runs), runs, ALLOWED) <= BY_CHANCE
    assert binom.sf(max_fails(runs) - 1, runs, ALLOWED) > BY_CHANCE


def test_a_single_false_alarm_is_tolerated_but_half_of_the_runs_are_not() -> None:
    """A job that never judged is red too, because it monitors nothing."""
    assert not has_too_many_fails(_runs(PASS=7, FAIL=1))
    assert not has_too_many_fails(_runs(PASS=8))
    assert has_too_many_fails(_runs(PASS=4, FAIL=4))
    assert has_too_many_fails(_runs(INVALID=8))
    assert has_too_many_fails(_runs())


def test_missing_runs_are_counted_per_level_of_foreign_load() -> None:
    """On a quiet machine INVALID runs are repeated; next to other programs they count."""
    runs = RealRuns((RealRun("PASS", 10, 0.0, 0.5), RealRun("INVALID", 10, 0.0, 0.5), RealRun("INVALID", 10, None, 1.9, 2.0)))

    assert [needs_more_runs(runs, wanted, 0.0) for wanted in (1, 2)] == [False, True]
    assert [needs_more_runs(runs, wanted, 2.0) for wanted in (1, 2)] == [False, True]
    assert needs_more_runs(runs, 1, 1.0)
