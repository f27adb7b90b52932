"""An honest tool's figures for a frozen server."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.coordinated_omission import RATE, SECONDS, OmissionResult, bounds, drain_rate
from kindgate.load.raw_samples import Column, Rows

MILLI = 1_000_000


def _outage(drain: float) -> Rows:
    """Return uniform arrivals at 1,000/s; the server freezes from 1 s to 1.5 s and then answers `drain` requests per second."""
    intended = np.arange(round(RATE * SECONDS)) * MILLI
    done = intended + MILLI // 5
    waiting = (intended >= 1000 * MILLI).nonzero()[0]
    for place, index in enumerate(waiting):
        freed = 1500 * MILLI + round((place + 1) / drain * 1e9)
        if freed < done[index]:
            break
        done[index] = freed
    rows = np.zeros((len(intended), len(Column)), np.int64)
    rows[:, Column.INTENDED], rows[:, Column.SENT], rows[:, Column.DONE] = intended, intended, done
    return rows


@pytest.mark.parametrize("drain", [5_000.0, 20_000.0, 100_000.0])
def test_the_drain_rate_is_that_of_the_server(drain: float) -> None:
    """It is estimated from the answers alone, within the blur of requests that arrive meanwhile."""
    assert drain_rate(_outage(drain)) == pytest.approx(drain, rel=0.1)


@pytest.mark.parametrize("drain", [5_000.0, 20_000.0, 100_000.0])
def test_a_correct_measurement_is_within_the_bounds(drain: float) -> None:
    """p(q) = T - (1 - q) * 3 s * (1 - rho), checked on times computed one by one."""
    rows = _outage(drain)
    response = (rows[:, Column.DONE] - rows[:, Column.INTENDED]) / MILLI
    p90, p99 = np.percentile(response, [90, 99])
    low, high = bounds(0.5, RATE / drain_rate(rows))
    outage = OmissionResult("tool", len(rows), 500.0, float(p90), float(p99), low, high, foreign=0.0)
    assert outage.assessment == "honest"


def test_measurements_are_assessed_in_words() -> None:
    """A figure far too low or missing hides the outage; one slightly too low is off."""
    low, high = bounds(0.5, 0.05)
    outage = OmissionResult("tool", None, 500.0, 205.0, 472.0, low, high, foreign=0.0)
    assert outage.assessment == "honest"
    assert replace(outage, p90=180.0).assessment == "off"
    assert replace(outage, p90=9.0).assessment == "hides it"
    assert replace(outage, p90=None).assessment == "hides it"
