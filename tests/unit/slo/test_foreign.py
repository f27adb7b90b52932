"""Results that other programs on the machine can explain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.model import Verdict
from kindgate.slo.counts import measure
from kindgate.slo.grammar import parse_marker
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import Threshold
from kindgate.slo.validity import missed_by_answers, outlasts_foreign_load
from tests.unit.slo.conftest import _burst

MakeBurst = Callable[..., BurstSample]


def _threshold(text: str) -> Threshold:
    (threshold,) = parse_marker((text,))
    return threshold


@pytest.mark.parametrize(
    ("text", "failed", "expected"),
    [
        ("p(95)<200", {"http": 6}, True),
        ("p(95)<200", {"check": 6}, True),
        ("p(95)<200", {"http": 5}, False),
        ("p(95)<200", {"timeout": 50}, False),
        ("p(95)<200", {"http": 4, "timeout": 50}, False),
        ("max<200", {"http": 1}, True),
        ("max<200", {"timeout": 1}, False),
        ("avg<200", {"http": 50}, False),
        ("avg<200", {"http": 100}, True),
        ("p(95)<200", {"http": 100}, True),
        ("p(95)<200", {"http": 99, "reset": 1}, True),
        ("send_lag: p(95)<1", {"http": 50}, False),
        ("http_req_failed: rate<0.05", {"http": 6}, True),
        ("http_req_failed: rate<0.05", {"connect": 6, "reset": 6, "unsent": 6, "unanswered": 6, "retried": 6}, False),
        ("http_req_failed{kind:timeout}: rate<0.05", {"http": 50, "timeout": 50}, False),
        ("http_req_failed: rate<=0", {"http": 1}, True),
        ("http_req_failed: rate==0", {"timeout": 1}, False),
        ("http_req_failed: rate>0.5", {"timeout": 1}, True),
        ("http_reqs: count>1000", {"http": 50}, False),
        ("dropped_iterations: count<1", {"unsent": 50}, False),
    ],
)
def test_only_wrong_answers_are_held_against_the_service(text: str, failed: dict[str, int], expected: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """A wrong status or body is the service's fault; slow, lost and unsent requests may be due to a lack of CPU time."""
    sample = _burst([1.0] * (100 - sum(failed.values())), failed)

    assert missed_by_answers(_threshold(text), [sample]) is expected


def test_wrong_bodies_fail_a_rate_of_checks(burst: MakeBurst) -> None:
    """Unanswered requests pass no check either, but here they are not the service's fault."""
    assert missed_by_answers(_threshold("checks: rate>0.9"), [burst([1.0] * 80, {"check": 20}, checks=(80, 20))])
    assert not missed_by_answers(_threshold("checks: rate>0.9"), [burst([1.0] * 80, {"timeout": 20}, checks=(80, 0))])


def test_checks_that_nothing_makes_are_missed_on_any_machine(burst: MakeBurst) -> None:
    """Answers without any check fail; if there were no answers at all, some might have been checked."""
    assert missed_by_answers(_threshold("checks: rate>0.9"), [burst([1.0] * 10)])
    assert not missed_by_answers(_threshold("checks: rate>0.9"), [burst([], {"timeout": 10})])


def test_chance_is_allowed_for(burst: MakeBurst) -> None:
    """A share of wrong answers just above the limit is not significant; one far above it is."""
    threshold = _threshold("http_req_failed: rate<0.05")

    def outlasts(wrong: int) -> bool:
        samples = [burst([1.0] * (100 - wrong), {"http": wrong}, started=3.0 * place) for place in range(10)]
        return outlasts_foreign_load(threshold, Verdict.FAIL, samples, 0.05)

    assert not outlasts(6)
    assert outlasts(12)


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INCONCLUSIVE])
def test_what_is_no_fail_stands_unless_it_is_about_time(burst: MakeBurst, verdict: Verdict) -> None:
    """Other programs cannot make the service answer more requests."""
    samples = [burst([1.0] * 100)] * 2

    assert outlasts_foreign_load(_threshold("http_req_failed: rate<0.05"), verdict, samples, 0.05)
    assert outlasts_foreign_load(_threshold("http_reqs: count>10"), verdict, samples, 0.05)
    for metric in ("http_req_duration", "http_req_waiting", "service_time", "send_lag"):
        assert not outlasts_foreign_load(_threshold(f"{metric}: p(95)<200"), verdict, samples, 0.05)


@given(
    text=st.sampled_from(["p(95)<9", "p(50)<9", "max<9", "http_req_failed: rate<0.1", "http_req_failed: rate<=0", "checks: rate>0.9"]),
    good=st.integers(1, 40),
    failed=st.dictionaries(st.sampled_from(["http", "check", "timeout", "connect", "unsent", "retried"]), st.integers(1, 40)),
)
def test_what_wrong_answers_alone_miss_is_missed(text: str, good: int, failed: dict[str, int]) -> None:
    """If wrong answers alone explain a miss, the objective is in fact missed, whatever the failures."""
    sample = _burst([1.0] * good, failed, checks=(good, failed.get("check", 0)))
    threshold = _threshold(text)
    value = measure(threshold, [sample])

    if missed_by_answers(threshold, [sample]):
        assert value is not None
        assert not threshold.expression.holds(value)
