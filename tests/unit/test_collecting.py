"""Side effects of collecting each unit test file."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.conftest import PROFILE, pytest_ignore_collect


def test_a_changing_file_count_does_not_break_hypothesis(request: pytest.FixtureRequest) -> None:
    """Hypothesis still draws examples afterward, and a slow machine fails no property."""
    drawn: list[int] = []

    def draw(number: int) -> None:
        drawn.append(number)

    for _ in range(2000):
        pytest_ignore_collect(Path(__file__), request.config)

    given(st.integers())(draw)()

    assert drawn
    assert settings.get_current_profile_name() == PROFILE
    assert settings().deadline is None
