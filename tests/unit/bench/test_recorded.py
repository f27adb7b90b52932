"""Runs drawn from a recording."""

from __future__ import annotations

import numpy as np

from bench.recorded import Recording
from kindgate.histogram import Histogram
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.sample import BurstSample, Series


def test_a_limit_is_exceeded_by_as_many_requests_as_it_says() -> None:
    """The true percentile covers all recorded requests, and lost requests exceed any limit."""
    bursts = tuple(_burst(1000 * place, 1000 * place + 500) for place in range(1, 51))  # 100 answers and 100 lost requests
    counts = Recording(500.0, bursts).counts(50)

    assert counts.sizes.tolist() == [4] * 50
    assert counts.bad.sum() == 100 + 50
    assert Recording(500.0, bursts).counts(50, share=0.001).bad.sum() == 100


def test_a_run_is_drawn_as_neighbors() -> None:
    """Most bursts of a run are followed by the next recorded one."""
    recording = Recording(500.0, tuple(_burst(1000 + place, 1000 + place) for place in range(100)))
    run = recording.run(np.random.default_rng(1), 300)
    times = [burst.series[0].response.min for burst in run]

    assert np.mean(np.diff(times) == 1) > 0.9


def _burst(base: int, head: int) -> BurstSample:
    """Return a burst with one answered request per version, in microseconds, and one lost request each."""
    series = tuple(Series({"arm": arm}, 2, 2, Histogram.of(np.array([time]))) for arm, time in ((BASE, base), (HEAD, head)))
    return BurstSample(0.0, 2.0, series)


def test_the_pull_request_is_slower_whichever_deployment_it_is() -> None:
    """Either deployment can serve as base for a whole run; the other's times are multiplied, and no request is lost."""
    recording = Recording(500.0, (_burst(1000, 2000),) * 3)
    seen = set()
    for seed in range(20):
        run = recording.run(np.random.default_rng(seed), 4, slower=1.1)
        times = {tuple((part.tags["arm"], int(part.response.values[0]), part.scheduled) for part in burst.series) for burst in run}
        (figures,) = times  # the same in every burst of the run
        seen.add(tuple(sorted(figures)))
    assert seen == {((BASE, 1000, 2), (HEAD, 2200, 2)), ((BASE, 2000, 2), (HEAD, 1100, 2))}
