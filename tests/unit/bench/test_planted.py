"""The spin that makes a server slower by a given share, and the number of FAILs that suffices."""

import pytest

from bench.planted import SLOWDOWNS, calibrate_spin, has_expected_fails


@pytest.mark.parametrize("gain", [0.6, 1.0, 1.5])
def test_calibration_reaches_the_requested_change(gain: float) -> None:
    """The result also holds if the response time grows by more or less than the spin."""
    usual = 2000.0

    def show(microseconds: float) -> tuple[float, float]:
        return gain * microseconds / usual, usual

    trial = calibrate_spin(0.15, show)

    assert trial.change == pytest.approx(0.15, abs=0.02)
    assert trial.microseconds == pytest.approx(0.15 * usual / gain, rel=0.15)


@pytest.mark.parametrize(
    ("plant", "fails", "runs", "expected"),
    [
        ("slower", 9, 10, True),
        ("slower", 8, 10, False),
        ("slower", 5, 5, True),
        ("slower", 4, 5, False),
        ("slower", 0, 0, False),
        ("misplaced", 0, 10, True),
        ("misplaced", 1, 10, False),
        ("misplaced", 0, 0, False),
    ],
)
def test_fails_are_judged_by_the_planted_slowdown(plant: str, fails: int, runs: int, *, expected: bool) -> None:
    """A slower version must FAIL and one with worse placement must not; without runs nothing is shown."""
    assert has_expected_fails(fails, runs, SLOWDOWNS[plant]) is expected
