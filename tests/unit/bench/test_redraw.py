"""The stationary bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.redraw import CONTIGUOUS, ONE_BY_ONE, stationary


@given(seed=st.integers(0, 2**32), recorded=st.integers(1, 50), bursts=st.integers(1, 100), mean_block=st.floats(1, 1000))
def test_every_place_is_one_of_the_recording(seed: int, recorded: int, bursts: int, mean_block: float) -> None:
    """A run has the requested number of bursts, whatever the recording's size."""
    places = stationary(np.random.default_rng(seed), recorded, bursts, mean_block)

    assert len(places) == bursts
    assert set(places) <= set(range(recorded))


@given(seed=st.integers(0, 2**32), recorded=st.integers(1, 50), bursts=st.integers(2, 100))
def test_a_contiguous_run_is_one_stretch_that_goes_on_at_the_beginning(seed: int, recorded: int, bursts: int) -> None:
    """Every burst is the next recorded one, and the first follows the last."""
    places = stationary(np.random.default_rng(seed), recorded, bursts, CONTIGUOUS)

    assert set(np.diff(places) % recorded) == {1 % recorded}


@pytest.mark.parametrize("mean_block", [ONE_BY_ONE, 5.0, 30.0])
def test_blocks_are_as_long_as_requested_and_begin_anywhere(mean_block: float) -> None:
    """A block ends with a probability of 1 / mean_block, and every position is drawn about equally often."""
    places = stationary(np.random.default_rng(1), 1000, 200_000, mean_block)
    counts = np.bincount(places, minlength=1000)

    assert 1 / np.mean(np.diff(places) % 1000 != 1) == pytest.approx(mean_block, rel=0.05)
    assert counts.min() > 0.3 * counts.mean()
    assert counts.max() < 2 * counts.mean()


@pytest.mark.parametrize(("recorded", "mean_block"), [(0, 30.0), (10, 0.5)])
def test_what_cannot_be_drawn_is_refused(recorded: int, mean_block: float) -> None:
    """An empty recording has no bursts, and a block has at least one."""
    with pytest.raises(ValueError, match="cannot be drawn"):
        stationary(np.random.default_rng(1), recorded, 10, mean_block)
