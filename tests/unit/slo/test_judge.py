"""Judging all thresholds together: interim looks, correction, validity checks, redirects, abort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kindgate.errors import SloError
from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import judge, overall
from kindgate.slo.objectives import Objectives
from kindgate.slo.sample import BurstSample, Health, Series
from kindgate.slo.slo_file import parse_document

MakeBurst = Callable[..., BurstSample]
MakeRun = Callable[..., list[BurstSample]]


def _objectives(*texts: str) -> Objectives:
    return Objectives(parse_marker(texts))


def _verdicts(objectives: Objectives, samples: list[BurstSample], **options: int) -> list[Verdict]:
    return [result.verdict for result in judge(objectives, samples, **options).results]  # type: ignore[arg-type]  # looks are whole numbers


def test_a_run_passes_when_every_objective_does(run: MakeRun) -> None:
    """If all objectives are met, the run is a PASS and needs no further look."""
    judgement = judge(_objectives("p(95)<200", "http_req_failed: rate<0.01", "max<1000"), run())

    assert judgement.verdict is Verdict.PASS
    assert judgement.decided
    assert not judgement.abort


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ([Verdict.PASS, Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE),
        ([Verdict.PASS, Verdict.INVALID, Verdict.INCONCLUSIVE], Verdict.INVALID),
        ([Verdict.PASS, Verdict.INVALID, Verdict.FAIL], Verdict.FAIL),
        ([Verdict.PASS], Verdict.PASS),
    ],
)
def test_the_worst_objective_is_the_verdict(verdicts: list[Verdict], verdict: Verdict) -> None:
    """FAIL outranks INVALID, INVALID outranks INCONCLUSIVE, and INCONCLUSIVE outranks PASS."""
    assert overall(verdicts) is verdict


def test_an_inconclusive_run_continues_until_the_last_look(run: MakeRun) -> None:
    """An undecided run continues after the first two looks and stays INCONCLUSIVE after the third."""
    objectives = _objectives("p(95)<162")

    assert [judge(objectives, run(), look=look).decided for look in (1, 2, 3)] == [False, False, True]


def test_each_look_has_its_share_of_the_error_rate(run: MakeRun) -> None:
    """One of three looks leaves more limits undecided than a single planned look."""
    (low, high), (low_of_three, high_of_three) = (
        judge(_objectives("p(95)<162"), run(), look=1, looks=looks).results[0].interval or (None, None) for looks in (1, 3)
    )
    assert low is not None
    assert high is not None
    assert low_of_three is not None
    assert high_of_three is not None

    assert low_of_three < low < high < high_of_three
    middle = (high + high_of_three) / 2
    assert _verdicts(_objectives(f"p(95)<{middle}"), run(), look=1, looks=1) == [Verdict.PASS]
    assert _verdicts(_objectives(f"p(95)<{middle}"), run(), look=1, looks=3) == [Verdict.INCONCLUSIVE]


def test_many_objectives_need_stronger_evidence_to_fail(run: MakeRun) -> None:
    """A marginal FAIL of a single objective is undecided among ten; a clear one stays a FAIL, and PASSes are not affected."""
    samples = run()
    doubtful, others = "p(95)<155", [f"p(95)<{limit}" for limit in range(200, 209)]

    assert _verdicts(_objectives(doubtful), samples) == [Verdict.FAIL]
    assert _verdicts(_objectives(doubtful, *others), samples) == [Verdict.INCONCLUSIVE] + [Verdict.PASS] * 9
    assert _verdicts(_objectives("p(95)<120", *others), samples) == [Verdict.FAIL] + [Verdict.PASS] * 9


def test_facts_are_not_corrected(run: MakeRun) -> None:
    """A violated fact is a FAIL among any number of objectives."""
    assert _verdicts(_objectives("max<300", *[f"p(95)<{limit}" for limit in range(200, 209)]), run())[0] is Verdict.FAIL


def test_a_late_generator_makes_a_pass_invalid(run: MakeRun) -> None:
    """PASS and INCONCLUSIVE both need every validity check to hold."""
    judgement = judge(_objectives("p(95)<200", "p(95)<162", "http_req_failed: rate<0.01"), run(lag_ms=20))

    assert judgement.verdict is Verdict.INVALID
    assert {result.verdict for result in judgement.results} == {Verdict.INVALID}
    assert judgement.decided


def test_a_late_generator_makes_a_doubtful_fail_invalid(run: MakeRun) -> None:
    """A p(95) of 162 ms against 150 may be due to sending up to 20 ms late; against 50 it is not."""
    assert _verdicts(_objectives("p(95)<150"), run(lag_ms=20)) == [Verdict.INVALID]
    assert _verdicts(_objectives("p(95)<50"), run(lag_ms=20)) == [Verdict.FAIL]


def test_cpu_steal_makes_every_fail_invalid(run: MakeRun) -> None:
    """CPU steal slows the service itself, so no result about it is certain."""
    assert _verdicts(_objectives("p(95)<50"), run(steal=0.2)) == [Verdict.INVALID]


@pytest.mark.parametrize("limit", [50, 150, 162, 200])
def test_a_latency_verdict_is_invalid_under_foreign_load(run: MakeRun, limit: int) -> None:
    """Met or clearly missed, the result on an idle machine is unknown, so even a FAIL becomes INVALID."""
    (result,) = judge(_objectives(f"p(95)<{limit}"), run(foreign=0.9)).results

    assert result.verdict is Verdict.INVALID
    assert "foreign CPU: 90 % of the machine (valid: at most 15 %)" in result.explanation


def test_an_error_status_fails_even_under_foreign_load(burst: MakeBurst) -> None:
    """A lack of CPU time does not explain a 500: neither the error rate nor the times that count it as too slow are excused."""
    samples = [burst(np.full(900, 1.0), {"http": 100}, foreign=0.9, started=3.0 * place) for place in range(20)]

    assert _verdicts(_objectives("http_req_failed: rate<0.01", "p(95)<200", "p(80)<0.5"), samples) == [
        Verdict.FAIL,
        Verdict.FAIL,
        Verdict.INVALID,
    ]


def test_timeouts_are_excused_under_foreign_load(burst: MakeBurst) -> None:
    """A late answer might have been on time on an idle machine; a met objective that involves no times stays met."""
    samples = [burst(np.full(900, 1.0), {"timeout": 100}, foreign=0.9, started=3.0 * place) for place in range(20)]
    objectives = _objectives("http_req_failed: rate<0.01", "http_req_failed: rate<0.5", "http_req_failed{kind:http}: rate<0.01")

    assert _verdicts(objectives, samples) == [Verdict.INVALID, Verdict.PASS, Verdict.PASS]


def test_only_the_late_generator_is_blamed_if_foreign_load_cannot_explain_a_fail(burst: MakeBurst) -> None:
    """An error rate passes alongside other programs but not with a late generator; the sentence names each objective's reason."""
    samples = [burst(np.full(1000, 1.0), foreign=0.9, lag_ms=50, started=3.0 * place) for place in range(20)]

    time, rate = judge(_objectives("p(95)<200", "http_req_failed: rate<0.01"), samples).results

    assert (time.verdict, rate.verdict) == (Verdict.INVALID, Verdict.INVALID)
    assert "foreign CPU" in time.explanation
    assert "loop lag" in time.explanation
    assert "foreign CPU" not in rate.explanation


def _frozen(burst: int, *, cap: int, lag_us: int) -> BurstSample:
    """Build 3 s of uniform load at 1,000/s with a freeze of 500 ms and an instant drain; with a cap, the rest waits for a slot."""
    intended = np.arange(0, 3_000_000, 1000)
    start = 1_000_000 + 1000 * burst
    response = np.where((intended >= start) & (intended < start + 500_000), start + 500_000 - intended, 300)
    held = np.maximum(0, response - cap * 1000)
    return BurstSample(
        started=5.0 * burst,
        seconds=3.0,
        series=(Series({"host": "foo"}, 3000, 3000, response=Histogram.of(response), service=Histogram.of(response - held)),),
        send_lag=Histogram.of(held + lag_us),
        health=Health(loop_lag=Histogram.of([lag_us] * 3000), scheduled=3000, punctual=3000, cpu_share=0.1, steal=0.0),
    )


@pytest.mark.parametrize("cap", [256, 4096])
@pytest.mark.parametrize("lag_us", [50, 15_000])
def test_a_frozen_server_fails_and_is_never_invalid(cap: int, lag_us: int) -> None:
    """p90 is 200.1 ms as theory predicts, whether or not the cap is reached, and even if the freeze delayed the generator."""
    samples = [_frozen(burst, cap=cap, lag_us=lag_us) for burst in range(20)]

    judgement = judge(_objectives("p(90)<100"), samples)

    assert judgement.verdict is Verdict.FAIL
    assert judgement.results[0].measured == pytest.approx(200.1, abs=0.2)


def test_a_service_time_hides_the_queue_that_response_time_shows() -> None:
    """With the cap reached, most requests have a short service time, so objectives use response time."""
    samples = [_frozen(burst, cap=256, lag_us=50) for burst in range(20)]

    judgement = judge(_objectives("p(95)<300", "service_time: p(95)<300"), samples)

    assert [result.verdict for result in judgement.results] == [Verdict.FAIL, Verdict.PASS]


def test_quick_mode_decides_facts_only(run: MakeRun) -> None:
    """With one burst, anything that needs an interval is undecided, but facts are decided."""
    judgement = judge(_objectives("p(95)<200", "avg<200", "checks: rate>0.9", "max<1000", "http_reqs: count>10"), run(count=1), looks=1)

    assert [result.verdict for result in judgement.results] == [
        Verdict.INCONCLUSIVE,
        Verdict.INCONCLUSIVE,
        Verdict.FAIL,
        Verdict.PASS,
        Verdict.PASS,
    ]


def test_a_result_carries_its_evidence(run: MakeRun) -> None:
    """The report gets the measured value, unit, limit, interval, sample sizes and each burst's value."""
    result = judge(_objectives("p(95)<200"), run(), looks=1).results[0]

    assert result.measured == pytest.approx(161, abs=2)
    assert (result.unit, result.limit, result.samples, result.bursts) == ("ms", 200.0, 20_000, 20)
    assert result.interval is not None
    assert result.p_value == 1.0
    assert len(result.trend) == 20
    assert all(value is not None and 130 < value < 200 for value in result.trend)
    assert result.drift == ""


def test_a_percentile_among_failures_has_no_value(burst: MakeBurst) -> None:
    """A report cannot hold an infinite percentile, so neither the burst nor the run has a value."""
    result = judge(_objectives("p(95)<200"), [burst([1.0] * 90, {"timeout": 10})] * 20).results[0]

    assert result.verdict is Verdict.FAIL
    assert result.measured is None
    assert set(result.trend) == {None}


def test_drift_is_reported(burst: MakeBurst) -> None:
    """The sentence mentions a service that slows down from burst to burst."""
    samples = [burst(np.full(500, 100.0 + 2 * place)) for place in range(20)]

    assert judge(_objectives("p(95)<200"), samples).results[0].drift == (
        "p(95) rose over the bursts, from 105 ms in the first third to 133 ms in the last: "
        "the interval assumes that bursts are alike, so it is too narrow here."
    )


@pytest.mark.parametrize(("delay", "abort"), [("0s", True), ("58s", True), ("61s", False)])
def test_a_missed_objective_can_end_the_run(run: MakeRun, delay: str, abort: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """With abortOnFail a FAIL ends the run once delayAbortEval has passed since the first burst began (20 bursts take 59 s)."""
    objectives = parse_document(
        f'thresholds: {{http_req_duration: [{{threshold: "p(95)<100", abortOnFail: true, delayAbortEval: {delay}}}, "p(95)<90"]}}'
    )

    assert judge(objectives, run()).abort is abort


def test_judging_without_thresholds_is_an_error() -> None:
    """Judging without thresholds is an error, not a PASS."""
    with pytest.raises(SloError, match="no threshold"):
        judge(Objectives(), [])


def redirected(samples: list[BurstSample], share: float) -> list[BurstSample]:
    """Return the same bursts with this share of their answers replaced by redirects."""
    return [
        replace(sample, series=tuple(replace(series, redirects=round(series.response.count * share)) for series in sample.series))
        for sample in samples
    ]


@pytest.mark.parametrize("objective", ["p(95)<200", "http_req_failed: rate<0.01", "max<1000"])
def test_redirects_alone_never_pass(run: MakeRun, objective: str) -> None:
    """They are fast and never fail, but say nothing about the application."""
    objectives = Objectives(parse_marker((objective,)))
    assert judge(objectives, run()).verdict is Verdict.PASS

    (result,) = judge(objectives, redirected(run(), 1.0)).results

    assert result.verdict is Verdict.INCONCLUSIVE
    assert "every response was a redirect" in result.explanation


def test_some_redirects_among_other_responses_can_pass(run: MakeRun) -> None:
    """A site may redirect some of its pages."""
    assert judge(Objectives(parse_marker(("p(95)<200",))), redirected(run(), 0.5)).verdict is Verdict.PASS


def test_a_missed_objective_stays_missed(run: MakeRun) -> None:
    """Slow redirects still miss the objective."""
    assert judge(Objectives(parse_marker(("p(95)<50",))), redirected(run(), 1.0)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("threshold", "verdict"),
    [
        ("p(95)<900", Verdict.INVALID),
        ("max<9000", Verdict.INVALID),
        ("http_req_waiting: avg<900", Verdict.INVALID),
        ("p(95)<50", Verdict.FAIL),
        ("http_req_failed: rate<0.05", Verdict.PASS),
        ("http_reqs: count>10", Verdict.PASS),
    ],
)
def test_a_closed_loop_never_passes_an_objective_on_a_time(run: MakeRun, threshold: str, verdict: Verdict) -> None:
    """A load that waits for responses hides slow ones; what it finds too slow is too slow, and wrong responses are wrong."""
    samples = [replace(sample, closed_loop="50 users") for sample in run()]

    (result,) = judge(_objectives(threshold), samples).results

    assert result.verdict is verdict
    assert ("closed loop: 50 users" in result.explanation) is (verdict is Verdict.INVALID)


def test_wrong_responses_fail_in_a_closed_loop(burst: MakeBurst) -> None:
    """A FAIL of one objective is the run's verdict, although another one is INVALID."""
    samples = [
        replace(burst([100.0] * 900, {"http": 100}, checks=(0, 50), started=1000.0 + 3 * place), closed_loop="2 users")
        for place in range(20)
    ]

    judgement = judge(_objectives("http_req_failed: rate<0.01", "checks: rate>0.9", "p(50)<900"), samples)

    assert [result.verdict for result in judgement.results] == [Verdict.FAIL, Verdict.FAIL, Verdict.INVALID]
    assert judgement.verdict is Verdict.FAIL


def test_a_closed_loop_is_shown_even_if_no_objective_is_about_a_time(run: MakeRun) -> None:
    """It is reported among the validity checks; an open loop is not."""
    objectives = _objectives("http_req_failed: rate<0.05")
    samples = run()
    closed = judge(objectives, [replace(sample, closed_loop="50 users") for sample in samples])

    assert [(check.measured, check.ok) for check in closed.validity if check.name == "arrivals"] == [("closed loop: 50 users", None)]
    assert not [check for check in judge(objectives, samples).validity if check.name == "arrivals"]


def test_a_closed_loop_is_the_first_reason(run: MakeRun) -> None:
    """It stays on any machine, unlike other programs on this one."""
    samples = [replace(sample, closed_loop="50 users", health=replace(sample.health, foreign=0.9)) for sample in run()]

    failed = [check.name for check in judge(_objectives("p(95)<900"), samples).validity if check.failed]

    assert failed == ["arrivals", "foreign CPU"]
