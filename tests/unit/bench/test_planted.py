"""The delay that makes a server slower by a given share, and the number of FAILs that suffices."""

import pytest

from bench.planted import SLOWDOWNS, calibrate_delay, has_expected_fails, is_overloaded


@pytest.mark.parametrize("gain", [0.6, 1.0, 1.5])
def test_calibration_reaches_the_requested_change(gain: float) -> None:
    """The result also holds if the response time grows by more or less than the delay."""
    usual = 2000.0

    def show(microseconds: float) -> tuple[float, float]:
        return gain * microseconds / usual, usual

    trial = calibrate_delay(0.15, show)

    assert trial.change == pytest.approx(0.15, abs=0.02)
    assert trial.microseconds == pytest.approx(0.15 * usual / gain, rel=0.15)


def test_calibration_never_asks_for_a_negative_delay() -> None:
    """A noisy machine may show a slowdown without any delay."""
    asked: list[float] = []

    def show(microseconds: float) -> tuple[float, float]:
        asked.append(microseconds)
        return 0.6, 2000.0

    assert calibrate_delay(0.15, show).microseconds == 0.0
    assert min(asked) == 0.0


def test_an_overloaded_machine_is_recognized_by_the_service_time() -> None:
    """Servers that answer at once have no service time to compare with."""
    assert is_overloaded(800_000.0, SLOWDOWNS["slower"])
    assert not is_overloaded(60_000.0, SLOWDOWNS["slower"])
    assert not is_overloaded(800_000.0, SLOWDOWNS["misplaced"])


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


def test_the_slower_version_waits_in_the_same_way_as_both() -> None:
    """Its extra time is added to the sleep of every answer; without one it spins."""
    assert SLOWDOWNS["slower"].delays(6000.0) == (46_000.0, 0.0)
    assert SLOWDOWNS["slower"].delays(0.0) == (40_000.0, 0.0)
    assert SLOWDOWNS["misplaced"].delays(300.0) == (0.0, 300.0)
