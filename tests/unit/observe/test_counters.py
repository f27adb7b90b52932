"""Arithmetic on stored samples, checked against results computed by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.model import Window
from kindgate.observe.counters import increase, largest_gauge, largest_rate, longest_gap, total_gauge, total_rate
from kindgate.observe.series import Range


def _range(*points: tuple[float, float]) -> Range:
    return Range({}, tuple(time for time, _ in points), tuple(value for _, value in points))


def test_increase_outside_the_window_is_excluded() -> None:
    """5 of the 10 seconds between the samples are in the window, and so is half of the growth."""
    assert increase(_range((0, 0), (10, 8)), Window(5, 20)) == 4


def test_a_window_between_two_samples_is_interpolated() -> None:
    """The burst is shorter than cAdvisor's sampling interval."""
    assert increase(_range((0, 0), (20, 10)), Window(5, 7)) == 1


def test_a_falling_counter_is_a_reset() -> None:
    """The counter grows by 2 before the restart and by 3 after it."""
    assert increase(_range((0, 5), (1, 7), (2, 3)), Window(0, 2)) == 5


@given(
    st.lists(st.integers(0, 10**9), min_size=2, max_size=20),
    st.floats(0, 20),
)
def test_the_parts_of_a_window_add_up(steps: list[int], cut: float) -> None:
    """Splitting a window anywhere neither counts growth twice nor loses any."""
    series = _range(*((time, sum(steps[: time + 1])) for time in range(len(steps))))
    cut = min(cut, len(steps) - 1)
    parts = increase(series, Window(0, cut)) + increase(series, Window(cut, len(steps)))
    assert parts == pytest.approx(sum(steps[1:]), rel=1e-9, abs=1e-6)


def test_known_rates_are_summed_over_all_series() -> None:
    """Before the second series starts only the first counts, and after both end the rate is unknown."""
    first, second = _range((0, 0), (10, 10)), _range((5, 0), (10, 10))
    assert total_rate([first, second], [1, 6, 10]) == [1, 3, None]
    assert largest_rate([first, second], Window(0, 20)) == 3
    assert largest_rate([first, second], Window(0, 5)) == 1


def test_the_highest_rate_of_a_window_inside_a_gap_is_known() -> None:
    """No sample is in the window, but the two around it give the rate."""
    assert largest_rate([_range((0, 0), (20, 40))], Window(5, 7)) == 2


def test_a_gauges_sample_is_valid_for_a_limited_time() -> None:
    """A container last seen 30 s ago uses no memory now."""
    first, second = _range((0, 100), (10, 50)), _range((5, 7))
    assert total_gauge([first, second], [-1, 0, 5, 10, 31, 36]) == [None, 100, 107, 57, 50, None]
    assert largest_gauge([first, second], Window(4, 12)) == 107


def test_only_gaps_around_the_window_count() -> None:
    """A gap that ended before the window is irrelevant."""
    assert longest_gap([_range((0, 0), (30, 1), (41, 2), (49, 3))], Window(35, 45)) == 11
