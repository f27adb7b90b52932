"""Facts that end a run between interim looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kindgate.slo.abort import final_misses
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from kindgate.slo.sample import BurstSample

MakeBurst = Callable[..., BurstSample]


def _lost(text: str, samples: list[BurstSample], *, abort: bool = True, delay: float = 0.0) -> bool:
    threshold = replace(parse_marker((text,))[0], abort_on_fail=abort, delay_abort_eval=delay)
    return final_misses(Objectives((threshold,)), samples) == (threshold,)


@pytest.mark.parametrize("text", ["max<50", "p(100)<=50", "http_req_failed: rate==0", "http_req_failed: rate<=0", "checks: rate>=1"])
def test_a_final_miss_ends_the_run(burst: MakeBurst, text: str) -> None:
    """One request of 100 ms breaks a maximum of 50 ms irreversibly, and one failure breaks "none"."""
    bad = burst([10.0] * 9 + [100.0], {"http": 1}, checks=(9, 1))
    good = burst([10.0] * 10, checks=(10, 0))

    assert _lost(text, [good, bad])
    assert not _lost(text, [good, good])
    assert not _lost(text, [])


@pytest.mark.parametrize(
    "text", ["p(95)<50", "avg<50", "max>500", "http_reqs: count>1000", "http_reqs: rate>1000", "http_req_failed: rate<0.01"]
)
def test_a_miss_that_can_still_recover_does_not_end_the_run(burst: MakeBurst, text: str) -> None:
    """Intervals wait for their look, and a count or a maximum can still grow."""
    assert not _lost(text, [burst([100.0] * 10, {"http": 5})] * 5)


def test_a_run_ends_early_only_if_requested_and_after_the_delay(burst: MakeBurst) -> None:
    """Without abortOnFail, or before delayAbortEval has passed, the run continues."""
    samples = [burst([100.0] * 10)]

    assert not _lost("max<50", samples, abort=False)
    assert _lost("max<50", samples, delay=2.0)
    assert not _lost("max<50", samples, delay=2.1)


def test_a_late_generator_does_not_end_a_run(burst: MakeBurst) -> None:
    """A maximum that late sending explains, and requests that the generator never sent, do not end the run."""
    assert not _lost("max<90", [burst([100.0] * 10, lag_ms=30)])
    assert _lost("max<90", [burst([200.0] * 10, lag_ms=30)])
    assert not _lost("dropped_iterations: count<1", [burst([1.0] * 10, {"unsent": 5})])


def test_no_miss_is_final_while_the_machine_is_at_fault(burst: MakeBurst) -> None:
    """CPU steal slows the service too, so nothing missed meanwhile ends the run."""
    assert _lost("max<50", [burst([100.0] * 10)])
    assert not _lost("max<50", [burst([100.0] * 10, steal=0.3)])


def test_foreign_load_excuses_slow_requests_but_not_wrong_responses(burst: MakeBurst) -> None:
    """If other programs use the CPUs, a missed maximum is not the service's fault, but a 500 under "none at all" is."""
    assert not _lost("max<50", [burst([100.0] * 10, foreign=0.9)])
    assert not _lost("http_req_failed: rate<=0", [burst([1.0] * 9, {"timeout": 1}, foreign=0.9)])
    assert _lost("http_req_failed: rate<=0", [burst([1.0] * 9, {"http": 1}, foreign=0.9)])


def test_a_minimum_is_lost_by_one_fast_request(burst: MakeBurst) -> None:
    """A minimum can only fall, and generator delay does not make a request fast."""
    assert _lost("min>20", [burst([10.0, 100.0])])
