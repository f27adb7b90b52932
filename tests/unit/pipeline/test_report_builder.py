"""From results to a report: figures keep their values, and anything over the bounds is dropped and reported."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import DeployError
from kindgate.histogram import Histogram
from kindgate.load.journey_series import JourneySeries
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.result import BurstResult, FailureKind, Series, Slot
from kindgate.model import ClusterAddress, Phase, Verdict, Window
from kindgate.observe.resource_summary import ResourceSummary, UseSeries, WorkloadUse
from kindgate.observe.workloads import Allowance
from kindgate.pipeline.report_builder import BURSTS, Measurement, build_report, setup_error_record
from kindgate.report.run_report import Run, RunReport
from kindgate.slo.judgement import Judgement, ThresholdResult
from kindgate.slo.threshold import METRICS, Expression, Selector, Threshold
from kindgate.slo.validity import ValidityCheck

RUN = Run(id="1", started=1_790_000_000.0, seconds=60.0)
TEST = "tests/e2e/test_latency.py::test_slo"


def _burst(slots: int = 3) -> BurstResult:
    """Ten requests to each of two hosts; the second host answers two of its requests with 503."""
    plan = BurstPlan(
        routes=(Route("http://127.0.0.1:1", host="foo.localhost"), Route("http://127.0.0.1:1", host="bar.localhost")),
        loop=OpenLoop.constant(10, seconds=2.0),
    )
    foo = Series("foo.localhost", "foo.localhost", "", "GET", 10, 10, 10, response=Histogram.of(range(1000, 11_000, 1000)))
    bar = Series(
        "bar.localhost",
        "bar.localhost",
        "",
        "GET",
        10,
        10,
        8,
        response=Histogram.of([50_000] * 8),
        failed={FailureKind.HTTP: 2},
        status={200: 8, 503: 2},
    )
    return BurstResult(
        plan=plan,
        window=Window(1_790_000_010.0, 1_790_000_012.5),
        seconds=2.0,
        series=(foo, bar),
        send_lag=Histogram.of([10, 20, 400]),
        cap_wait=Histogram.of([0, 500_000]),
        timeline=tuple(Slot(start=place * 0.1, sent=1, response=Histogram.of([1000 * (place + 1)])) for place in range(slots)),
    )


def _judgement(measured: float | None, operator: str = "<", limit: float = 200.0) -> Judgement:
    threshold = Threshold(Selector(METRICS["http_req_duration"], (("host", "foo.localhost"),)), Expression("p", operator, limit, 95.0))
    result = ThresholdResult(
        threshold, Verdict.PASS, measured, "ms", limit, (90.0, math.inf), 20, 1, None, "why", (100.0, math.inf), "rises"
    )
    return Judgement(Verdict.PASS, (result,), (ValidityCheck("loop lag", ok=True, measured="p99 1 ms", required="at most 2 ms"),))


def _report(*measurements: Measurement) -> RunReport:
    return build_report(RUN, exit_code=0, measurements=measurements)


def test_burst_figures_are_recorded_in_milliseconds() -> None:
    """Overall and per route, figures equal what numpy computes from the raw times."""
    (burst,) = _report(Measurement(TEST, (_burst(),))).bursts
    foo, bar = burst.routes
    assert (foo.route, foo.figures.p50, foo.figures.max) == ("foo.localhost", 5.5, 10.0)
    assert (bar.figures.failed, bar.figures.success_rate) == (2, 0.8)
    assert (burst.overall.count, burst.overall.p50, burst.overall.rate) == (20, 9.5, 10.0)
    assert [(failure.kind, failure.count, failure.example) for failure in burst.failures] == [("http", 2, "503: 2")]


def test_a_journeys_runs_are_recorded() -> None:
    """Its own times in milliseconds, and names that tell steps of journeys and versions apart."""
    journey = JourneySeries("buy", "head", (), 5, 5, 3, 2, Histogram.of([1000, 2000, 3000]))
    (burst,) = _report(Measurement(TEST, (replace(_burst(), journeys=(journey, JourneySeries("idle", ""))),))).bursts

    buy, idle = burst.journeys
    assert (buy.journey, buy.count, buy.completed, buy.failed, buy.p50, buy.max) == ("buy (head)", 5, 3, 2, 2.0, 3.0)
    assert (idle.journey, idle.p50) == ("idle", None)


def test_a_step_is_named_with_its_journey() -> None:
    """The same route can be a step, and be sent by itself."""
    burst = _burst()
    step = replace(burst.series[0], journey="buy", arm="base")
    (record,) = _report(Measurement(TEST, (replace(burst, series=(burst.series[0], step)),))).bursts

    assert [route.route for route in record.routes] == ["foo.localhost", "foo.localhost in buy (base)"]


def test_a_burst_records_its_send_lag() -> None:
    """Send lag is in microseconds and the time spent waiting for a slot in seconds."""
    (burst,) = _report(Measurement(TEST, (_burst(),))).bursts
    assert burst.send_lag is not None
    assert (burst.send_lag.p50, burst.send_lag.max) == (20, 400)
    assert burst.generator.cap_wait == 0.5
    assert burst.send_lag.distribution is not None
    assert sum(burst.send_lag.distribution.counts) == 3
    assert burst.send_lag.distribution.edges[0] <= 10
    assert burst.send_lag.distribution.edges[-1] > 400


def test_a_distribution_contains_every_request() -> None:
    """The bins hold exactly the successful requests."""
    (burst,) = _report(Measurement(TEST, (_burst(),))).bursts
    assert burst.distribution is not None
    assert sum(burst.distribution.counts) == 18
    assert burst.distribution.edges[0] <= 1.0
    assert burst.distribution.edges[-1] > 50.0
    assert (burst.distribution.counts[0], burst.distribution.counts[-1]) == (1, 8)


def test_a_time_on_an_edge_counts_in_the_upper_bin() -> None:
    """10 ms falls into the bin that starts at 10 ms, not the one that ends there."""
    series = Series("x", "x", "", "GET", 3, 3, 3, response=Histogram.of([1000, 10_000, 10_000]))
    result = BurstResult(_burst().plan, Window(1.0, 2.0), 1.0, (series,))
    distribution = _report(Measurement(TEST, (result,))).bursts[0].distribution
    assert distribution is not None
    assert dict(zip(distribution.edges, distribution.counts, strict=False))[10.0] == 2


def test_a_long_burst_has_fewer_points_but_all_requests() -> None:
    """1,000 slots of 100 ms become at most 120 points, and no request is lost."""
    (burst,) = _report(Measurement(TEST, (_burst(1000),))).bursts
    timeline = burst.timeline
    assert timeline is not None
    assert len(timeline.sent) <= 120
    assert sum(timeline.sent) == 1000
    assert timeline.step * len(timeline.sent) >= 100
    assert timeline.max[-1] == 1000


def test_a_timeline_ends_with_the_last_request() -> None:
    """Later slots, in which only answers arrive, would look like throughput dropping to zero."""
    result = _burst(5)
    waiting = tuple(Slot(start=place * 0.1, answered=1) for place in range(5, 8))
    (burst,) = _report(Measurement(TEST, (replace(result, timeline=(*result.timeline, *waiting)),))).bursts
    assert burst.timeline is not None
    assert burst.timeline.sent == (1,) * 5


def test_a_burst_without_answers_has_no_times() -> None:
    """Missing times are never shown as 0 ms."""
    silent = BurstResult(_burst().plan, Window(1.0, 2.0), 1.0, (Series("x", "x", "", "GET", 5, 5, 0, failed={FailureKind.TIMEOUT: 5}),))
    (burst,) = _report(Measurement(TEST, (silent,))).bursts
    assert (burst.overall.p95, burst.overall.success_rate, burst.distribution, burst.timeline) == (None, 0.0, None, None)


def test_a_rate_is_a_share() -> None:
    """A share of 0.002 is shown as 0.2 %, as in the sentence next to it."""
    threshold = Threshold(Selector(METRICS["http_req_failed"], ()), Expression("rate", "<", 0.01, None))
    result = ThresholdResult(threshold, Verdict.PASS, 0.002, "", 0.01, (0.0, 0.004), 1000, 20, None, "why", (), "")
    (objective,) = _report(Measurement(TEST, judgement=Judgement(Verdict.PASS, (result,), ()))).objectives
    assert objective.unit == "share"


def test_a_threshold_keeps_verdict_interval_and_margin() -> None:
    """An infinite end of the interval becomes null, because JSON has no infinity."""
    (objective,) = _report(Measurement(TEST, (), _judgement(150.0))).objectives
    assert (objective.metric, objective.expression) == ("http_req_duration{host:foo.localhost}", "p(95)<200")
    assert (objective.measured, objective.low, objective.high, objective.margin) == (150.0, 90.0, None, 0.25)
    assert (objective.per_burst, objective.trend, objective.test) == ((100.0, None), "rises", TEST)


def test_the_margin_of_a_lower_limit_is_the_share_above_it() -> None:
    """`rate>0.9` measured at 0.99 has 10 % headroom."""
    (objective,) = _report(Measurement(TEST, (), _judgement(220.0, ">"))).objectives
    assert objective.margin == pytest.approx(0.1)


@pytest.mark.parametrize(("measured", "operator", "limit"), [(None, "<", 200.0), (math.inf, "<", 200.0), (1.0, "<", 0.0), (1.0, "==", 2.0)])
def test_an_undefined_margin_is_none(measured: float | None, operator: str, limit: float) -> None:
    """No data, failed requests, a limit of 0 or an exact value give no margin."""
    (objective,) = _report(Measurement(TEST, (), _judgement(measured, operator, limit))).objectives
    assert objective.margin is None


def test_validity_checks_are_recorded() -> None:
    """The report shows which validity checks the measurement passed."""
    (gate,) = _report(Measurement(TEST, (), _judgement(1.0))).gates
    assert (gate.name, gate.ok, gate.measured, gate.test) == ("loop lag", True, "p99 1 ms", TEST)


def test_resource_limits_are_summed_over_all_pods() -> None:
    """Two pods with half a core each may use one core together; bytes are shown as MB."""
    use = WorkloadUse(
        namespace="echo",
        workload="foo",
        pods=2,
        restarts=1,
        cpu_avg=0.25,
        cpu_max=0.5,
        memory_max=14e6,
        received=2e6,
        sent=None,
        throttled=0.1,
        allowance=Allowance(cpu_limit=0.5, memory_limit=64e6),
        series=UseSeries((1.0, 2.0), (None, 0.5), (14e6, None)),
    )
    summary = ResourceSummary(Window(100.0, 130.0), (use,), ("smeared",))
    (window,) = _report(Measurement(TEST, resources=(summary,))).resources
    (used,) = window.workloads
    assert (used.cpu_limit, used.cpu_request, used.memory_limit, used.memory_max, used.rx, used.tx) == (1.0, None, 128.0, 14.0, 2.0, None)
    assert used.series is not None
    assert used.series.memory == (14.0, None)
    assert (window.started, window.seconds, window.notes) == (100.0, 30.0, ("smeared",))


def test_omitted_bursts_are_reported() -> None:
    """Bursts beyond the bound are dropped and reported, so the report stays within what a reader accepts."""
    burst = _burst(1)
    report = _report(Measurement(TEST, (burst,) * (BURSTS + 3)))
    assert len(report.bursts) == BURSTS
    assert "3 more bursts were omitted from the report" in report.notes


def test_a_setup_error_is_recorded_unchanged() -> None:
    """Message, time waited, last state and next step are kept; an endless message is truncated."""
    record = setup_error_record(DeployError("x" * 5000, waited=12.5, last_state="pending", next_step="look"), "deploy", str)
    assert (len(record.message), record.waited, record.last_state, record.next_step) == (1000, 12.5, "pending", "look")


def test_a_setup_error_is_redacted_before_it_is_cut() -> None:
    """Half of a secret at the cut would not be recognized as one, and be shown."""
    record = setup_error_record(DeployError(f"{'x' * 990} my-long-secret"), "deploy", lambda text: text.replace("my-long-secret", "***"))
    assert record.message == f"{'x' * 990} ***"


def test_cluster_and_phases_are_recorded() -> None:
    """The report holds where the application ran and how long each phase took."""
    address = ClusterAddress(
        "kg", Path("k"), "kind-kg", "http://127.0.0.1:1", ("a", "b", "c"), "v1.37.2", "kindest/node:v1.37.2", reused=True
    )
    report = build_report(RUN, exit_code=0, address=address, phases=(Phase("create", 1.0, 2.0, ok=False, note="why"),))
    assert report.cluster is not None
    assert (report.cluster.nodes, report.cluster.origin) == (3, "reused")
    assert [(phase.name, phase.ok, phase.note) for phase in report.phases] == [("create", False, "why")]
