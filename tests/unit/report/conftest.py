"""Reports of runs with every possible ending, with a fixed clock, fixed IDs and a fixed order."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from kindgate.model import Verdict
from kindgate.report.burst_records import (
    Burst,
    Distribution,
    FailureCount,
    GeneratorHealth,
    JourneySummary,
    LatencyFigures,
    Plan,
    RouteFigures,
    SendLag,
    Timeline,
)
from kindgate.report.capacity_records import CapacityRow, CapacityWorkload
from kindgate.report.objective_records import ComparisonRow, GateChanges, ThresholdChange, ThresholdOutcome, ValidityRow
from kindgate.report.resource_records import ResourceSeries, ResourceWindow, WorkloadResources
from kindgate.report.run_report import (
    Artifact,
    Cluster,
    FailureBundle,
    Link,
    Outcome,
    PhaseTiming,
    PullRequest,
    Run,
    RunEnvironment,
    RunReport,
    SetupError,
    TestResult,
)
from kindgate.slo.objectives import Objectives, Tolerance
from tests.unit.report.judged_runs import bursts_of, compared_run, judged_figures

CAPACITY = CapacityRow(
    test="test_slo",
    met=800.0,
    missed=1000.0,
    reason="too slow",
    workloads=(CapacityWorkload(workload="api\x1b", replicas=2, rate=400.0, cpu=0.15, needed=5),),
    cpu_per_request=2.0,
    price=0.09,
    cost=0.05,
    target=1900.0,
)
START = 1_790_000_000.0
HEAD = "0123456789abcdef0123456789abcdef01234567"
MERGE = "fedcba9876543210fedcba9876543210fedcba98"
LATENCY_TEST = "tests/e2e/test_latency.py::test_slo[all]"


def _figures(scale: float, failed: int = 0) -> LatencyFigures:
    return LatencyFigures(
        count=600,
        failed=failed,
        success_rate=(600 - failed) / 600,
        rate=299.4,
        avg=3.1 * scale,
        p50=2.4 * scale,
        p90=5.2 * scale,
        p95=7.9 * scale,
        p99=14.6 * scale,
        max=41.0 * scale,
    )


def _burst(number: int, scale: float = 1.0, failed: int = 0) -> Burst:
    wave = [scale * (2 + (step * 7 + number) % 5) for step in range(20)]
    edges = tuple(round(2 ** (power / 4), 4) for power in range(25))
    return Burst(
        name=f"burst-{number:02}",
        test=LATENCY_TEST,
        started=START + 60 + 3 * number,
        seconds=2.0,
        plan=Plan(rate=300.0, seconds=2.0, arrival="poisson", seed=number, timeout=10.0, routes=("bar.localhost", "foo.localhost")),
        overall=_figures(scale, failed),
        routes=(
            RouteFigures(route="bar.localhost", figures=_figures(scale * 0.9)),
            RouteFigures(route="foo.localhost", figures=_figures(scale * 1.1, failed)),
        ),
        journeys=(JourneySummary(journey="buy", count=40, completed=38, failed=2, p50=21.0, p95=30.0 * scale, p99=35.0, max=44.0),),
        failures=(FailureCount(kind="http", count=failed, example="503 Service Unavailable"),) if failed else (),
        send_lag=SendLag(p50=4.0, p99=180.0, max=950.0, distribution=Distribution(edges=(1.0, 10.0, 100.0, 1000.0), counts=(500, 80, 20))),
        generator=GeneratorHealth(cpu=0.11, steal=0.0, pressure=0.02),
        timeline=Timeline(
            step=0.1,
            sent=(30,) * 20,
            failed=(0,) * 19 + (failed,),
            p50=tuple(wave),
            p90=tuple(2 * value for value in wave),
            p99=tuple(4 * value for value in wave),
            max=(None, *(6 * value for value in wave[1:])),
        ),
        distribution=Distribution(edges=edges, counts=tuple(max(0, 80 - (bin_ - 6) ** 2) for bin_ in range(24))),
    )


def _objective(verdict: Verdict, measured: float) -> ThresholdOutcome:
    return ThresholdOutcome(
        metric="http_req_duration",
        expression="p(95)<50",
        verdict=verdict,
        measured=measured,
        unit="ms",
        limit=50.0,
        low=measured * 0.9,
        high=measured * 1.2,
        margin=(50 - measured) / 50,
        samples=6000,
        bursts=10,
        explanation="5 % of requests may be slower than 50 ms",
        trend="no trend",
        per_burst=tuple(measured * factor for factor in (0.9, 1.0, 1.1)),
        test=LATENCY_TEST,
    )


def _errors(verdict: Verdict = Verdict.PASS) -> ThresholdOutcome:
    return ThresholdOutcome(
        metric="http_req_failed",
        expression="rate<0.01",
        verdict=verdict,
        measured=0.0,
        unit="",
        limit=0.01,
        low=0.0,
        high=0.0008,
        margin=1.0,
        samples=6000,
        bursts=10,
        test=LATENCY_TEST,
    )


def _resources() -> ResourceWindow:
    times = tuple(START + 55 + 5 * step for step in range(8))
    return ResourceWindow(
        name="burst-01",
        started=START + 63,
        seconds=2.0,
        workloads=tuple(
            WorkloadResources(
                namespace="echo",
                workload=workload,
                pods=2,
                cpu_avg=0.08,
                cpu_max=0.12,
                cpu_request=0.1,
                cpu_limit=0.5,
                memory_max=14.2,
                memory_request=32.0,
                memory_limit=64.0,
                rx=0.41,
                tx=0.58,
                throttled=0.03,
                series=ResourceSeries(times=times, cpu=(0.01, 0.02, 0.1, 0.12, 0.09, None, 0.02, 0.01), memory=(14.0,) * 8),
            )
            for workload in ("bar", "foo")
        ),
    )


def _judged(**burst: float) -> dict[str, Any]:
    """The judged objectives and the figures of generated bursts whose verdicts match the report's."""
    return judged_figures("p(95)<50", "http_req_failed: rate<0.01", test=LATENCY_TEST, **burst)


@functools.cache
def _compared() -> dict[str, Any]:
    """The same for a comparison in which head is two thirds slower than base."""
    judged = _judged(median=55.0)
    report = compared_run(
        Objectives(compare=(Tolerance(95.0, 0.1),)), bursts_of(median=40.0, arms="duet", slower=1.675, size=200, start=100), 6, test=""
    )
    (entry,), before = report.judged, len(judged["figures"])
    assert entry.confirmation is not None
    moved = [tuple(before + place for place in places) for places in (entry.bursts, entry.confirmation.bursts)]
    second = entry.confirmation.model_copy(update={"bursts": moved[1]})
    entry = entry.model_copy(update={"bursts": moved[0], "confirmation": second})
    return {"judged": (*judged["judged"], entry), "figures": (*judged["figures"], *report.figures)}


@pytest.fixture
def passing() -> RunReport:
    """A pull request's run in which every objective is met."""
    return RunReport(
        run=Run(id="9001-2", started=START, seconds=212.4, command="pytest -m e2e"),
        outcome=Outcome.PASSED,
        exit_code=0,
        environment=RunEnvironment(
            os="Debian GNU/Linux 12",
            cpu_model="AMD EPYC 7763",
            cpus=2,
            memory=16_000_000_000,
            engine="docker 26.1.5",
            versions={"kindgate": "0.1.0", "kind": "0.33.0", "python": "3.11.9"},
        ),
        cluster=Cluster(name="kindgate-5f1c2d3e", nodes=3, node_image="kindest/node:v1.37.2", server_version="v1.37.2"),
        pull_request=PullRequest(
            repository="acme/shop",
            number=17,
            head_sha=HEAD,
            merge_sha=MERGE,
            run_id=9001,
            attempt=2,
            run_url="https://github.com/acme/shop/actions/runs/9001",
        ),
        phases=(
            PhaseTiming(name="create", started=START, seconds=31.5),
            PhaseTiming(name="deploy", started=START + 31.5, seconds=9.25, note="14 objects"),
            PhaseTiming(name="judge", started=START + 60, seconds=120.0),
        ),
        objectives=(_objective(Verdict.PASS, 7.9), _errors()),
        **_judged(median=5.0),
        bursts=tuple(_burst(number) for number in range(1, 4)),
        resources=(_resources(),),
        tests=(
            TestResult(node_id="tests/e2e/test_health.py::test_nodes_are_ready", outcome="passed", seconds=0.4),
            TestResult(node_id=LATENCY_TEST, outcome="passed", seconds=34.0),
        ),
        artifacts=(Artifact(name="JUnit", path="junit.xml"), Artifact(name="HTML report", path="report.html")),
        links=(
            Link(name="run", url="https://github.com/acme/shop/actions/runs/9001"),
            Link(name="HTML report", url="https://github.com/acme/shop/actions/runs/9001/artifacts/5"),
        ),
    )


@pytest.fixture
def failing(passing: RunReport) -> RunReport:
    """A run whose latency objective fails, in a pull request that loosens another objective."""
    return passing.model_copy(
        update=_compared()
        | {
            "outcome": Outcome.FAILED,
            "exit_code": 1,
            "objectives": (_objective(Verdict.FAIL, 81.3).model_copy(update={"base": 48.5, "on_base": "passed"}), _errors()),
            "comparison": (
                ComparisonRow(
                    metric="p(95)",
                    unit="ms",
                    base=48.5,
                    head=81.3,
                    change=0.675,
                    low=0.51,
                    high=0.82,
                    tolerance=0.1,
                    verdict=Verdict.FAIL,
                    explanation="slower in this pull request",
                ),
            ),
            "bursts": (_burst(1, 10.0), _burst(2, 10.3, failed=4), _burst(3, 9.8)),
            "tests": (
                TestResult(node_id="tests/e2e/test_health.py::test_nodes_are_ready", outcome="passed", seconds=0.4),
                TestResult(
                    node_id=LATENCY_TEST,
                    outcome="failed",
                    seconds=34.0,
                    error="p(95)<50 of http_req_duration: 81.3 ms",
                    cause="CPU throttling: foo was stopped in 41 % of its periods",
                    details="http_req_duration p(95)<50\n  measured 81.3 ms [73.1, 97.5]\n  see `kubectl top`",
                    bundle="failures/test_slo_all",
                    base="passed",
                ),
            ),
            "failures": (
                FailureBundle(
                    name=LATENCY_TEST,
                    path="failures/test_slo_all",
                    cause="CPU throttling: foo was stopped in 41 % of its periods",
                    files=("failures/test_slo_all/events.txt", "failures/test_slo_all/describe.txt"),
                ),
            ),
            "gate_changes": GateChanges(
                files=("tests/e2e/slo.yaml",),
                thresholds=(ThresholdChange(file="tests/e2e/slo.yaml", metric="http_req_failed", old="rate<0.001", new="rate<0.01"),),
            ),
        }
    )


@pytest.fixture
def inconclusive(passing: RunReport) -> RunReport:
    """A run with an objective that stays undecided."""
    return passing.model_copy(
        update=_judged(median=30.5) | {"outcome": Outcome.INCONCLUSIVE, "objectives": (_objective(Verdict.INCONCLUSIVE, 48.0), _errors())},
    )


@pytest.fixture
def invalid(passing: RunReport) -> RunReport:
    """A run in which the load generator was the bottleneck."""
    return passing.model_copy(
        update=_judged(median=5.0, steal=0.2)
        | {
            "outcome": Outcome.INVALID,
            "exit_code": 21,
            "objectives": (_objective(Verdict.INVALID, 7.9), _errors(Verdict.INVALID)),
            "bursts": (_burst(1), _burst(2)),
            "gates": (
                ValidityRow(
                    name="loop lag",
                    ok=False,
                    measured="p99 12 ms",
                    asked="at most 2.5 ms",
                    advice="lower the rate, or keep other work off this machine",
                    test=LATENCY_TEST,
                ),
                ValidityRow(name="CPU pressure", ok=None, measured="2 %", asked="reported only", test=LATENCY_TEST),
            ),
        }
    )


@pytest.fixture
def setup_failed(passing: RunReport) -> RunReport:
    """A run whose application never became ready."""
    return passing.model_copy(
        update={
            "outcome": Outcome.SETUP_FAILED,
            "exit_code": 17,
            "setup_error": SetupError(
                phase="deploy",
                message="Deployment echo/foo: ImagePullBackOff: no such image docker.io/acme/foo:tpyo",
                waited=12.5,
                last_state="pod foo-7d9c: Back-off pulling image",
                next_step="correct the image in k8s/base/foo.yaml",
            ),
            "phases": (
                PhaseTiming(name="create", started=START, seconds=31.5),
                PhaseTiming(name="deploy", started=START + 31.5, seconds=12.5, ok=False),
            ),
            "objectives": (),
            "judged": (),
            "figures": (),
            "bursts": (),
            "resources": (),
            "tests": (TestResult(node_id=LATENCY_TEST, outcome="error", seconds=0.0, phase="setup", error="DeployError"),),
        }
    )


@pytest.fixture
def interrupted(passing: RunReport) -> RunReport:
    """A run interrupted by a signal."""
    return passing.model_copy(
        update={
            "outcome": Outcome.INTERRUPTED,
            "exit_code": 2,
            "objectives": (),
            "judged": (),
            "figures": (),
            "bursts": (),
            "resources": (),
        }
    )
