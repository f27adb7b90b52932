"""Runs drawn from a recording, and the stationary bootstrap that draws them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.recorded import CONTIGUOUS, ONE_BY_ONE, Recording, stationary
from kindgate.histogram import Histogram
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.sample import BurstSample, Series


def test_a_recorded_percentile_is_exceeded_by_its_share_of_requests() -> None:
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


@given(seed=st.integers(0, 2**32), recorded=st.integers(1, 50), bursts=st.integers(1, 100), mean_block=st.floats(1, 1000))
def test_every_drawn_index_is_in_the_recording(seed: int, recorded: int, bursts: int, mean_block: float) -> None:
    """A run has the requested number of bursts, whatever the recording's size."""
    places = stationary(np.random.default_rng(seed), recorded, bursts, mean_block)

    assert len(places) == bursts
    assert set(places) <= set(range(recorded))


@given(seed=st.integers(0, 2**32), recorded=st.integers(1, 50), bursts=st.integers(2, 100))
def test_a_contiguous_run_wraps_around_the_recording(seed: int, recorded: int, bursts: int) -> None:
    """Every burst is the next recorded one, and the first follows the last."""
    places = stationary(np.random.default_rng(seed), recorded, bursts, CONTIGUOUS)

    assert set(np.diff(places) % recorded) == {1 % recorded}


@pytest.mark.parametrize("mean_block", [ONE_BY_ONE, 5.0, 30.0])
def test_blocks_have_the_requested_mean_length_and_start_anywhere(mean_block: float) -> None:
    """A block ends with a probability of 1 / mean_block, and every position is drawn about equally often."""
    places = stationary(np.random.default_rng(1), 1000, 200_000, mean_block)
    counts = np.bincount(places, minlength=1000)

    assert 1 / np.mean(np.diff(places) % 1000 != 1) == pytest.approx(mean_block, rel=0.05)
    assert counts.min() > 0.3 * counts.mean()
    assert counts.max() < 2 * counts.mean()


@pytest.mark.parametrize(("recorded", "mean_block"), [(0, 30.0), (10, 0.5)])
def test_impossible_draws_are_rejected(recorded: int, mean_block: float) -> None:
    """An empty recording has no bursts, and a block has at least one."""
    with pytest.raises(ValueError, match="cannot be drawn"):
        stationary(np.random.default_rng(1), recorded, 10, mean_block)
