"""When p95 is back: exact on plain cases, and by simulation how often chance is mistaken for a change, and a change for chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kindgate.load.raw_samples import CODES, OK, Rows
from kindgate.load.result import FailureKind
from kindgate.load.schedule import NANOS
from kindgate.scenarios.attribution import sendable
from kindgate.scenarios.recovery import recovered_at
from tests.unit.scenarios.episode_rows import Sent, rows_of, steady

LOST = CODES[FailureKind.CONNECT]
BEGAN, ENDED, UNTIL = 5.0, 10.0, 25.0

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
"""Draws response times in seconds."""


def found(sent: list[Sent], until: float = UNTIL) -> float | None:
    """The recovery of an episode with these requests."""
    return recovered_at(sendable(rows_of(sent)), BEGAN, ENDED, until)


def test_a_steady_state_that_was_never_left_is_back_at_once() -> None:
    """The recovery time is 0."""
    assert found(steady(0, UNTIL)) == ENDED


@pytest.mark.parametrize(("took", "outcome"), [(0.05, OK), (0.01, LOST)])
def test_the_steady_state_is_back_when_requests_are_neither_slow_nor_lost(took: float, outcome: int) -> None:
    """To the tenth of a second: a few slow requests at the beginning of a window are within what chance explains."""
    recovered = found([*steady(0, ENDED), *steady(ENDED, 13.35, took, outcome), *steady(13.35, UNTIL)])

    assert recovered is not None
    assert (13.4 if outcome == LOST else 13.2) <= recovered <= 13.45


def test_a_relapse_within_three_seconds_is_no_recovery() -> None:
    """Two good windows in a row prove nothing."""
    slow = [*steady(ENDED, 12, 0.1), *steady(14.5, 16, 0.1)]

    assert found([*steady(0, ENDED), *slow, *steady(12, 14.5), *steady(16, UNTIL)]) == pytest.approx(16, abs=0.1)


def test_a_stall_of_the_steady_state_is_no_disturbance() -> None:
    """Twenty requests in a row are slow, as it happened before the action."""
    stalls = [*steady(2, 2.2, 0.1), *steady(11, 11.2, 0.1)]

    assert found([*steady(0, 2), *steady(2.2, 11), *steady(11.2, UNTIL), *stalls]) == ENDED


def test_what_follows_the_proof_does_not_undo_it() -> None:
    """A later disturbance is another one."""
    assert found([*steady(0, 14), *steady(14, UNTIL, 0.1)]) == ENDED


@pytest.mark.parametrize("until", [10.0, 12.9])
def test_no_proof_fits_into_less_than_three_windows(until: float) -> None:
    """An episode that ends too early has no recovery."""
    assert found(steady(0, UNTIL), until) is None
    assert found(steady(0, UNTIL), 13.0) == ENDED


def test_silence_is_no_steady_state() -> None:
    """A window without requests is not good."""
    assert found([*steady(0, ENDED), *steady(20, UNTIL)]) == pytest.approx(19.1, abs=0.11)


def test_without_answers_before_there_is_nothing_to_return_to() -> None:
    """A service that was down before the action has no p95."""
    assert found([*steady(0, BEGAN, 0.01, LOST), *steady(BEGAN, UNTIL)]) is None


@pytest.mark.parametrize(("took", "back"), [(0.1099, True), (0.111, False)])
def test_the_limit_is_a_tenth_above_p95(took: float, *, back: bool) -> None:
    """All requests take 100 ms before."""
    assert (found([*steady(0, ENDED, 0.1), *steady(ENDED, UNTIL, took)]) == ENDED) is back


@pytest.mark.parametrize(("took", "back"), [(0.0019, True), (0.0021, False)])
def test_a_millisecond_more_is_always_accepted(took: float, *, back: bool) -> None:
    """For a p95 of 1 ms, a tenth of it is within the noise of a machine's scheduler."""
    assert (found([*steady(0, ENDED, 0.001), *steady(ENDED, UNTIL, took)]) == ENDED) is back


@pytest.mark.parametrize(("rate", "proof"), [(50, 6.0), (10, 15.0), (2, 15.0)])
def test_a_low_rate_has_longer_windows(rate: float, proof: float) -> None:
    """A window has a hundred requests if five seconds suffice for them, and a proof takes three windows."""
    sent = steady(0, 50, rate=rate)
    assert found(sent, ENDED + proof - 0.1) is None
    assert found(sent, ENDED + proof) == ENDED


@given(
    shift=st.floats(0, 5),
    slow=st.lists(st.tuples(st.floats(5, 20), st.floats(0.02, 3)), max_size=20),
    lost=st.lists(st.floats(5, 20), max_size=5),
)
def test_a_recovery_is_a_good_time_within_the_episode(shift: float, slow: list[tuple[float, float]], lost: list[float]) -> None:
    """No request of the three seconds after it is lost, and a longer episode with the same beginning finds the same."""
    sent = [*steady(0, UNTIL), *((at, took, OK) for at, took in slow), *((at, 0.01, LOST) for at in lost)]
    recovered = found(sent, UNTIL - shift)
    if recovered is None:
        return
    assert ENDED <= recovered <= UNTIL - shift - 3
    assert not [at for at in lost if recovered + 1e-6 <= at < recovered + 3 - 1e-6]
    assert found(sent, UNTIL) == recovered


def lognormal(sigma: float) -> Draw:
    """Response times with a median of some milliseconds; `sigma` 1 has a tail that is heavy for a service."""
    return lambda random, count: np.exp(random.normal(-5.0, sigma, count))


def pareto(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Response times with an infinite variance."""
    return 0.003 * (1 + random.pareto(1.5, count))


def recoveries(draw: Draw, episodes: int, factor: float = 1.0, seed: int = 1) -> list[float | None]:
    """The recoveries of episodes at 200 requests per second, whose response times change by `factor` at the end of the action."""
    random = np.random.default_rng(seed)
    return [recovered_at(_drawn(draw, random, factor), BEGAN, ENDED, UNTIL) for _ in range(episodes)]


def _drawn(draw: Draw, random: np.random.Generator, factor: float) -> Rows:
    count = round(200 * UNTIL)
    due = np.sort(random.uniform(0, UNTIL, count))
    took = draw(random, count) * np.where(due >= ENDED, factor, 1)
    rows: Rows = np.zeros((count, 8), np.int64)
    rows[:, 1] = rows[:, 2] = due * NANOS
    rows[:, 3] = (due + took) * NANOS
    return rows


@pytest.mark.parametrize("draw", [lognormal(0.3), lognormal(1.0), pareto], ids=["light", "heavy", "infinite variance"])
def test_chance_alone_is_rarely_taken_for_a_disturbance(draw: Draw) -> None:
    """Nothing has changed: at most 2 of 100 episodes have a recovery time above 0, none of a second, and each one recovers.

    With a limit of 1.1 times the highest windowed p95 of the time before, 12 to 32 of 100 had one, up to 4.5 s.
    """
    results = recoveries(draw, 100)

    assert sum(recovered != ENDED for recovered in results) <= 2
    assert all(recovered is not None and recovered < ENDED + 1 for recovered in results)


@pytest.mark.parametrize("draw", [lognormal(0.3), lognormal(1.0)], ids=["light", "heavy"])
def test_a_doubled_p95_is_rarely_taken_for_chance(draw: Draw) -> None:
    """It stays doubled for fifteen seconds: at most 1 of 30 episodes recovers."""
    assert sum(recovered is not None for recovered in recoveries(draw, 30, factor=2.0)) <= 1
