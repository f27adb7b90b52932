"""The schedule: exact if uniform, Poisson on request, reproducible by seed, and complete when split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kindgate.load.journey import Journey, Step
from kindgate.load.plan import OpenLoop, Route, Stage
from kindgate.load.schedule import NANOS, make_schedule

ROUTES = (Route("http://127.0.0.1/", name="a"), Route("http://127.0.0.1/", name="b", weight=3))


def test_uniform_arrivals_are_evenly_spaced_from_the_start() -> None:
    """At 1,000 per second the nth request is due n milliseconds after the start."""
    schedule = make_schedule(OpenLoop.constant(1000, seconds=3, arrival="uniform"), ROUTES, 1)
    assert np.array_equal(schedule.intended, np.arange(3000) * 1_000_000)


def test_poisson_gaps_are_exponential() -> None:
    """A Kolmogorov-Smirnov test does not distinguish the gaps from an exponential distribution with the planned mean."""
    schedule = make_schedule(OpenLoop.constant(500, seconds=20), ROUTES, 7)
    gaps = np.diff(schedule.intended) / NANOS
    assert stats.kstest(gaps, "expon", args=(0, 1 / 500)).pvalue > 0.01


@given(seed=st.integers(0, 2**32), generators=st.integers(1, 8), arrival=st.sampled_from(["poisson", "uniform"]))
def test_shares_are_a_partition_of_the_schedule(seed: int, generators: int, arrival: str) -> None:
    """Any number of generators together send exactly the plan's schedule."""
    loop = OpenLoop.constant(200, seconds=1, arrival="uniform" if arrival == "uniform" else "poisson")
    whole = make_schedule(loop, ROUTES, seed)
    shares = [make_schedule(loop, ROUTES, seed).share(index, generators) for index in range(generators)]
    together = sorted((time, route) for share in shares for time, route in zip(share.intended, share.route, strict=True))
    assert together == sorted(zip(whole.intended, whole.route, strict=True))


@given(seed=st.integers(0, 2**32))
def test_times_ascend_and_stay_within_the_stages(seed: int) -> None:
    """No request is due before the start or after the end."""
    schedule = make_schedule(OpenLoop((Stage(1, 0, 100), Stage(1, 100, 100), Stage(0.5, 100, 20))), ROUTES, seed)
    assert len(schedule.intended) == 50 + 100 + 30
    assert np.all(np.diff(schedule.intended) >= 0)
    assert schedule.intended[0] >= 0
    assert schedule.intended[-1] <= 2.5 * NANOS


def test_another_seed_gives_another_schedule() -> None:
    """The same seed gives the same schedule."""
    loop = OpenLoop.constant(100, seconds=1)
    first, again, other = (make_schedule(loop, ROUTES, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.intended, again.intended)
    assert not np.array_equal(first.intended, other.intended)
    assert not np.array_equal(first.route, other.route)


def test_every_block_holds_each_route_as_often_as_its_weight() -> None:
    """Hosts are mixed evenly, and their order varies between blocks."""
    blocks = make_schedule(OpenLoop.constant(100, seconds=4), ROUTES, 1).route.reshape(-1, 4)
    assert np.all(np.sort(blocks, axis=1) == [0, 1, 1, 1])
    assert len(np.unique(blocks, axis=0)) == 4


@pytest.mark.parametrize("arrival", ["poisson", "uniform"])
def test_a_ramp_grows_with_the_square_of_time(arrival: str) -> None:
    """From 0 to 1,000 per second in 2 s, half of the 1,000 requests come within the first sqrt(2) seconds."""
    loop = OpenLoop((Stage(2, 0, 1000),), "uniform" if arrival == "uniform" else "poisson")
    half = np.median(make_schedule(loop, ROUTES, 3).intended) / NANOS
    assert half == pytest.approx(2**0.5, rel=0.05)


def test_a_stage_with_rate_zero_is_a_pause() -> None:
    """Nothing is sent during it, and later stages come after it."""
    loop = OpenLoop((Stage(1, 10, 10), Stage(1, 0, 0), Stage(1, 10, 10)), "uniform")
    seconds = make_schedule(loop, ROUTES, 1).intended / NANOS
    assert not np.any((seconds >= 1) & (seconds < 2))
    assert len(seconds) == 20


STREAMS: tuple[Route | Journey, ...] = (
    Route("http://127.0.0.1/", name="a"),
    Route("http://127.0.0.1/", name="b", weight=3, stream="b"),
    Journey("buy", (Step(0),), 4, stream="buy"),
)


@given(seed=st.integers(0, 2**32))
def test_streams_arrive_by_processes_of_their_own(seed: int) -> None:
    """A uniform one is evenly spaced within a Poisson load; each has exactly its share of the requests."""
    loop = OpenLoop.constant(80, seconds=10)
    schedule = make_schedule(replace(loop, streams=(("b", "uniform"), ("buy", "poisson"))), STREAMS, seed)

    assert np.array_equal(np.bincount(schedule.route), np.bincount(make_schedule(loop, STREAMS, seed).route))
    assert np.all(np.diff(schedule.intended) >= 0)
    assert (schedule.intended[0] >= 0, schedule.intended[-1] <= 10 * NANOS) == (True, True)
    gaps = np.diff(schedule.intended[schedule.route == 1])
    assert np.all(np.abs(gaps - NANOS / 30) <= 1)
    assert len(np.unique(np.diff(schedule.intended[schedule.route == 2]))) > 100


def test_uniform_streams_of_equal_rates_do_not_coincide() -> None:
    """Requests that are always sent together would be bursts, not a uniform load."""
    streams = (("b", "uniform"), ("c", "uniform"))
    entries = tuple(Route("http://127.0.0.1/", name=name, stream=name) for name in "bc")
    schedule = make_schedule(replace(OpenLoop.constant(100, seconds=2), streams=streams), entries, 1)  # type: ignore[arg-type]  # its words

    assert np.min(np.diff(schedule.intended)) > NANOS / 5000


def test_a_stream_follows_the_stages() -> None:
    """Its share of the rate is the same at every moment."""
    loop = OpenLoop((Stage(1, 0, 400), Stage(1, 0, 0), Stage(1, 400, 400)), streams=(("b", "uniform"),))
    seconds = make_schedule(loop, STREAMS, 1).intended[make_schedule(loop, STREAMS, 1).route == 1] / NANOS

    assert not np.any((seconds > 1) & (seconds < 2))
    assert np.count_nonzero(seconds < 1) / len(seconds) == pytest.approx(1 / 3, abs=0.02)


@given(seed=st.integers(0, 1000), weights=st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(any))
def test_occurrences_of_an_entry_are_numbered_in_order(seed: int, weights: list[int]) -> None:
    """Routes and journeys count alike, over the shares of all generators; an entry of weight 0 never occurs."""
    routes = tuple(Route("http://127.0.0.1/", weight=weight) for weight in weights[1:])
    entries: tuple[Route | Journey, ...] = (*routes, Journey("buy", (Step(0),), weights[0]))
    whole = make_schedule(OpenLoop.constant(100, requests=40), entries, seed, numbered=True)

    seen: dict[int, list[int]] = {}
    for entry, number in zip(whole.route.tolist(), whole.number.tolist(), strict=True):
        seen.setdefault(entry, []).append(number)
    assert {entry: list(range(len(numbers))) for entry, numbers in seen.items()} == seen
    assert all(entries[entry].weight for entry in seen)
    shares = [whole.share(index, 3) for index in range(3)]
    assert [shares[0].number[1], shares[1].number[1], shares[2].number[1]] == whole.number[3:6].tolist()
