"""Samples that count if other programs use the machine."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from bench.noise_filter import QUIET_CORES, is_quiet, median_sample, usable_samples


@dataclass(frozen=True)
class Figure:
    """A sample with one value."""

    value: float
    foreign: float


FIGURES = st.lists(st.builds(Figure, st.floats(0, 1e6), st.floats(0, 2)), min_size=1)


@given(samples=FIGURES)
def test_disturbed_samples_count_only_without_a_quiet_one(samples: list[Figure]) -> None:
    """Either only quiet samples count, or none was quiet and all count."""
    quiet = [sample for sample in samples if sample.foreign <= QUIET_CORES]
    assert list(usable_samples(samples)) == (quiet or samples)


@given(samples=FIGURES)
def test_the_median_is_one_of_the_usable_samples(samples: list[Figure]) -> None:
    """As many are below the median as above, give or take one."""
    values = sorted(sample.value for sample in usable_samples(samples))
    assert median_sample(samples, lambda sample: sample.value).value == values[(len(values) - 1) // 2]


def test_a_better_sample_from_a_busy_machine_is_ignored() -> None:
    """A quiet sample outweighs any number of disturbed ones, whether better or worse."""
    quiet, busy = Figure(5.0, QUIET_CORES), Figure(1.0, QUIET_CORES + 0.01)
    assert median_sample([busy, quiet, busy], lambda sample: sample.value) is quiet
    assert not is_quiet(busy)
