"""Exact distributions: numpy's percentiles, lossless merging, a short text form."""

from __future__ import annotations

import base64
import lzma
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.histogram import _FILTERS, Histogram

SAMPLES = st.lists(st.integers(0, 10_000_000), max_size=60)


@given(samples=st.lists(st.integers(0, 10_000_000), min_size=1, max_size=60), q=st.floats(0, 100))
def test_percentiles_match_numpy(samples: list[int], q: float) -> None:
    """They equal numpy's `linear` method on the raw samples."""
    assert Histogram.of(samples).percentile(q) == pytest.approx(float(np.percentile(samples, q)), rel=1e-12, abs=1e-9)


@given(samples=st.lists(st.integers(0, 10_000_000), min_size=1, max_size=60), limit=st.integers(0, 10_000_000))
def test_summary_figures_match_the_samples(samples: list[int], limit: int) -> None:
    """Mean, extremes and the count above a limit match the samples."""
    histogram = Histogram.of(samples)
    assert (histogram.min, histogram.max, histogram.count) == (min(samples), max(samples), len(samples))
    assert histogram.mean == pytest.approx(sum(samples) / len(samples))
    assert histogram.above(limit) == sum(sample > limit for sample in samples)


@given(a=SAMPLES, b=SAMPLES, c=SAMPLES)
def test_merging_is_associative_commutative_and_exact(a: list[int], b: list[int], c: list[int]) -> None:
    """Merging parts in any order gives the distribution of all samples."""
    first, second, third = Histogram.of(a), Histogram.of(b), Histogram.of(c)
    assert (first + second) + third == first + (second + third) == Histogram.merged([third, first, second]) == Histogram.of(a + b + c)


def test_eight_workers_merge_bit_exactly() -> None:
    """Merging a large sample's parts gives the same arrays as the whole."""
    samples = np.rint(np.random.default_rng(1).lognormal(7, 1, 80_000)).astype(np.int64)
    merged = Histogram.merged(Histogram.of(part) for part in np.split(samples, 8))
    all_samples = Histogram.of(samples)
    assert merged.values.tobytes() == all_samples.values.tobytes()
    assert merged.counts.tobytes() == all_samples.counts.tobytes()


@given(samples=SAMPLES)
def test_the_text_form_round_trips(samples: list[int]) -> None:
    """It contains nothing that JSON would have to escape."""
    text = Histogram.of(samples).to_text()
    assert Histogram.from_text(text) == Histogram.of(samples)
    assert text.isascii()
    assert not set('"\\') & set(text)


def test_a_million_samples_take_at_most_15_kilobytes() -> None:
    """The sample has response times around 1.25 ms with a long tail, as from an ingress on loopback."""
    samples = np.rint(np.random.default_rng(1).lognormal(np.log(1250), 1.0, 1_000_000)).astype(np.int64)
    assert len(Histogram.of(samples).to_text()) <= 15_000


@given(text=st.one_of(st.text(max_size=40), st.binary(max_size=60).map(lambda raw: base64.b85encode(raw).decode())))
def test_any_text_is_refused_or_a_valid_histogram(text: str) -> None:
    """Any text gives a `ValueError` or ascending values with positive counts."""
    try:
        histogram = Histogram.from_text(text)
    except ValueError:
        return
    assert np.all(np.diff(histogram.values) > 0)
    assert np.all(histogram.counts > 0)


def _encoded(*numbers: int) -> str:
    """Pack these numbers, each below 128, into a text as `to_text` does."""
    return base64.b85encode(lzma.compress(bytes(numbers), format=lzma.FORMAT_RAW, filters=_FILTERS)).decode()


def test_a_decompression_bomb_is_refused_before_unpacking() -> None:
    """A few kilobytes of text would unpack to a gigabyte of numbers."""
    text = _encoded(*[1] * 40_000_000)
    assert len(text) < 10_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than 1000 distinct times"):
            Histogram.from_text(text, at_most=1000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_readers_limit_applies_to_distinct_times() -> None:
    """The bound is on distinct times, whatever their counts and values."""
    histogram = Histogram(np.arange(1, 101, dtype=np.int64) * 10**8, np.full(100, 10**6, np.int64))
    text = histogram.to_text()
    assert Histogram.from_text(text, at_most=100) == histogram
    with pytest.raises(ValueError, match="more than 99 distinct times"):
        Histogram.from_text(text, at_most=99)


@pytest.mark.parametrize(
    "text",
    [
        _encoded(1, 1, 1),
        _encoded(5, 0, 1, 1),
        _encoded(5, 1, 0, 1),
        _encoded(0x81),
        _encoded(*[0x81] * 9, 1),
        _encoded(1, 1)[:-1],
        _encoded(1, 1) * 2,
    ],
)
def test_an_invalid_histogram_is_refused(text: str) -> None:
    """An odd number of values, unordered times, zero counts, truncated or oversized numbers, and truncated or repeated text are refused."""
    with pytest.raises(ValueError, match="histogram"):
        Histogram.from_text(text)


def test_overflowing_counts_are_refused() -> None:
    """Sums of times and counts stay exact and never overflow into negative numbers."""
    huge = Histogram(np.array([1, 2], np.int64), np.array([2**62, 2**62], np.int64))
    with pytest.raises(ValueError, match="too large"):
        Histogram.from_text(huge.to_text())


@pytest.mark.parametrize("q", [-1, 101])
def test_a_percentile_out_of_range_is_refused(q: float) -> None:
    """The 101st percentile does not exist."""
    with pytest.raises(ValueError, match="between 0 and 100"):
        Histogram.of([1]).percentile(q)


def test_an_empty_histogram_has_no_figures() -> None:
    """An empty distribution has no figures."""
    for figure in ("mean", "min", "max"):
        with pytest.raises(ValueError, match="no samples"):
            getattr(Histogram.empty(), figure)
