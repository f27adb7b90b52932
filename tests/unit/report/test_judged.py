"""Figures that a report keeps of a judgment: everything needed to recompute it, or none of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from kindgate.pipeline.burst_samples import burst_sample
from kindgate.report.judged import OBJECTIVES_LIMIT, JudgedResult, JudgedThreshold, JudgedTolerance, Origin, judged_figures
from kindgate.report.measurements import Size, samples_of
from kindgate.slo.compare import compare
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import judge
from kindgate.slo.objectives import RESPONSE_TIMES, Objectives, Tolerance
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import METRICS, Selector
from tests.unit.report.bursts import measured_burst

SAMPLES = tuple(burst_sample(measured_burst(number, arms="duet")) for number in range(8))


def _found(samples: Sequence[BurstSample], *texts: str, test: str = "a") -> JudgedResult:
    origin = Origin(tuple(sample.started for sample in samples), len(samples))
    return JudgedResult(judge(Objectives(parse_marker(texts or ("p(95)<200",))), samples), origin, test)


def test_tests_that_share_bursts_share_their_figures() -> None:
    """Each judgment refers to its bursts by index, and every burst appears once, in start order."""
    kept = judged_figures([_found(SAMPLES[2:6]), _found(SAMPLES[:4], test="b")], SAMPLES)
    assert [record.bursts for record in kept.judged] == [(2, 3, 4, 5), (0, 1, 2, 3)]
    assert samples_of(kept.figures) == SAMPLES[:6]


def test_bursts_without_a_judgement_are_omitted() -> None:
    """A suite may send many bursts that are not judged."""
    assert samples_of(judged_figures([_found(SAMPLES[3:5])], SAMPLES).figures) == SAMPLES[3:5]


TEXTS = (
    "http_req_duration{host:foo.localhost}: p(99.9999999)<200.0000000000001",
    "http_req_failed{kind:network,route:a b:c}: rate<0.1",
    "http_reqs: count>10",
    "send_lag: max<5",
    "avg<=1e3",
    "checks: rate===1",
)


def test_an_objective_is_recorded_exactly_as_judged() -> None:
    """Every digit of its limit, its tags and its effect on the run are kept."""
    result = _found(SAMPLES, *TEXTS).result
    (record,) = judged_figures([JudgedResult(result, Origin((1.0,), 1, own=True))], ()).judged
    assert [one.threshold("@pytest.mark.slo") for one in record.thresholds] == list(parse_marker(TEXTS))
    assert record.own


def test_abort_settings_are_recorded() -> None:
    """Abort settings decide how many bursts a run may have."""
    thresholds = parse_marker(({"threshold": "max<1", "abortOnFail": True, "delayAbortEval": "3s"},), "test")
    (record,) = judged_figures([JudgedResult(judge(Objectives(thresholds), SAMPLES))], ()).judged
    assert record.thresholds[0].threshold("test") == thresholds[0]


def test_a_comparison_is_recorded_exactly_as_judged() -> None:
    """Tolerances, bursts per figure and placement of the versions are kept."""
    checkout = RESPONSE_TIMES.with_tag("route", "check out:}").with_tag("group", "shop")
    journeys = Selector(METRICS["iteration_duration"], (("journey", "buy"),))
    cpu = Selector(METRICS["cpu_per_request"], (("workload", "shop"),))
    tolerances = (
        Tolerance(95.0, 0.1),
        Tolerance(99.9, 0.123456789, selector=checkout),
        Tolerance(50.0, 0.1, selector=journeys),
        Tolerance(50.0, 0.05, selector=cpu),
    )
    found = JudgedResult(compare(tolerances, SAMPLES, look=2), Origin(tuple(sample.started for sample in SAMPLES), 4, 4, "a on b"), "duet")
    (record,) = judged_figures([found], SAMPLES).judged
    assert [one.tolerance() for one in record.tolerances] == list(tolerances)
    assert (record.per_look, record.turns, record.look, record.looks, record.placement, record.test) == (4, 4, 2, 3, "a on b", "duet")


def test_a_judgement_with_too_many_figures_is_recorded_without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """A subset of its bursts could give a different verdict, so none are kept; the figures of other judgments stay."""
    of_one = Size.of(SAMPLES[:1], judged_figures([_found(SAMPLES[:1], "max<1000")], SAMPLES).figures)
    monkeypatch.setattr("kindgate.report.measurements.TEXT_LIMIT", 6 * of_one.text)
    kept = judged_figures([_found(SAMPLES[:3]), _found(SAMPLES), _found(SAMPLES[1:4], test="c")], SAMPLES)
    assert [record.bursts for record in kept.judged] == [(0, 1, 2), (), (1, 2, 3)]
    assert kept.left_out == 1


def test_a_judgement_of_an_unknown_burst_is_recorded_without_figures() -> None:
    """A full disk may have lost a burst."""
    kept = judged_figures([_found(SAMPLES)], SAMPLES[1:])
    assert (kept.judged[0].bursts, kept.figures, kept.left_out) == ((), (), 1)


def test_a_judgement_with_too_many_objectives_is_recorded_without_figures() -> None:
    """Holm's correction needs all objectives of a test."""
    many = [f"max<{limit}" for limit in range(1000, 1000 + OBJECTIVES_LIMIT)]
    kept = judged_figures([_found(SAMPLES[:1], "max<1000"), _found(SAMPLES[:1], *many), _found(SAMPLES[:1])], SAMPLES)
    assert [(len(record.thresholds), record.bursts) for record in kept.judged] == [(1, (0,)), (OBJECTIVES_LIMIT - 1, ())]
    assert kept.left_out == 2


@pytest.mark.parametrize(
    ("metric", "aggregation", "quantile"),
    [
        ("http_reqs", "p", 95.0),
        ("nothing", "p", 95.0),
        ("http_req_duration", "p", None),
        ("http_req_duration", "avg", 95.0),
        ("checks", "value", None),
    ],
)
def test_an_objective_outside_the_grammar_is_refused(metric: str, aggregation: str, quantile: float | None) -> None:
    """A report may come from a stranger; the judge accepts only valid objectives."""
    record = JudgedThreshold(metric=metric, aggregation=aggregation, operator="<", limit=1.0, quantile=quantile)
    with pytest.raises(ValueError, match="objective"):
        record.threshold()


@pytest.mark.parametrize("metric", ["http_req_failed", "send_lag", "nothing"])
def test_a_tolerance_of_a_metric_that_is_not_compared_is_refused(metric: str) -> None:
    """Only times of requests and journeys can be compared, whatever a report claims."""
    with pytest.raises(ValueError, match="cannot be compared"):
        JudgedTolerance(quantile=95.0, max_regression=0.1, metric=metric).tolerance()


@pytest.mark.parametrize("tags", [{f"tag{number}": "x" for number in range(17)}, {"route": "x" * 1001}, {"x" * 301: "y"}])
def test_tags_are_bounded(tags: dict[str, str]) -> None:
    """An untrusted report cannot hold more or longer tags than a run may send."""
    with pytest.raises(ValidationError):
        JudgedTolerance(quantile=95.0, max_regression=0.1, tags=tags)
