"""Error rates from one run and from a later recording in one table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.recorded import Counts, Recording
from bench.verdicts import LIMIT_BURSTS, RECORDED, RECORDED_BUSY, ErrorRates, Row, recorded, recorded_limit_run
from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.sample import BurstSample, Series


def test_new_recorded_rows_replace_earlier_ones() -> None:
    """Simulated rows stay unchanged."""
    simulated = Row("A/A", "light", 2000, 0.97, 0.02, 0.01, 15.0)
    old = tuple(replace(simulated, generator=name) for name in RECORDED)
    new = replace(simulated, generator=RECORDED_BUSY, failed=0.03)
    rates = ErrorRates((simulated, *old), 1).with_recorded(3, ErrorRates((new,)))
    assert rates == ErrorRates((simulated, new), 3)
    assert rates.with_recorded(0, ErrorRates()) == ErrorRates((simulated,), 0)


def test_only_the_quiet_recording_has_goals_for_one_version() -> None:
    """A comparison has goals on a busy machine too; a single version has none, because the machine changes during the run."""
    burst = BurstSample(0.0, 2.0, tuple(Series({"arm": arm}, 2, 2, Histogram.of([1000, 2000])) for arm in ("base", "head")))
    quiet, busy = (list(recorded(Recording(500.0, (burst,) * 30), name)) for name in RECORDED)

    assert [experiment.name for experiment in quiet] == [experiment.name for experiment in busy]
    assert all(experiment.goals for experiment in quiet)
    assert [bool(experiment.goals) for experiment in busy] == [True, True, False, False, False]


def test_a_service_well_below_its_limit_passes_in_any_drawn_run() -> None:
    """Half the allowed share of slow requests in every burst passes, and twice the share fails."""
    sizes = np.full(100, 1000)

    assert recorded_limit_run(Counts(np.full(100, 25), sizes), 0.05, 1) == (Verdict.PASS, LIMIT_BURSTS)
    assert recorded_limit_run(Counts(np.full(100, 100), sizes), 0.05, 1) == (Verdict.FAIL, LIMIT_BURSTS)
