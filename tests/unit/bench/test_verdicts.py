"""Error rates from one run and from a later recording in one table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.recorded import Counts, Recording
from bench.verdicts import LIMIT_BURSTS, RECORDED, RECORDED_BUSY, ErrorRates, Row, recorded, recorded_limit_run
from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.sample import BurstSample, Series


def test_rows_of_an_earlier_recording_give_way_to_those_of_the_new_one() -> None:
    """Simulated rows stay unchanged."""
    simulated = Row("A/A", "light", 2000, 0.97, 0.02, 0.01, 15.0)
    old = tuple(replace(simulated, generator=name) for name in RECORDED)
    new = replace(simulated, generator=RECORDED_BUSY, failed=0.03)
    rates = ErrorRates((simulated, *old), 1).with_recorded(3, ErrorRates((new,)))
    assert rates == ErrorRates((simulated, new), 3)
    assert rates.with_recorded(0, ErrorRates()) == ErrorRates((simulated,), 0)


def test_both_recordings_are_played_and_only_the_quiet_one_is_held_to_what_one_version_requires() -> None:
    """A comparison has goals on a busy machine too; a single version has none, because the machine changes during the run."""
    burst = BurstSample(0.0, 2.0, tuple(Series({"arm": arm}, 2, 2, Histogram.of([1000, 2000])) for arm in ("base", "head")))
    quiet, busy = (list(recorded(Recording(500.0, (burst,) * 30), name)) for name in RECORDED)

    assert [one.name for one in quiet] == [one.name for one in busy]
    assert all(one.goals for one in quiet)
    assert [bool(one.goals) for one in busy] == [True, True, False, False, False]


def test_a_service_with_room_below_its_limit_passes_whatever_stretch_is_drawn() -> None:
    """Half the allowed share of slow requests in every burst passes, and twice the share fails."""
    sizes = np.full(100, 1000)

    assert recorded_limit_run(Counts(np.full(100, 25), sizes), 0.05, 1) == (Verdict.PASS, LIMIT_BURSTS)
    assert recorded_limit_run(Counts(np.full(100, 100), sizes), 0.05, 1) == (Verdict.FAIL, LIMIT_BURSTS)
