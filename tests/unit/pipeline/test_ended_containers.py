"""A container's end as the cause of a missed objective: only if its time and its failures fit."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kindgate.load.result import BurstResult, FailureKind
from kindgate.model import ClusterAddress, Rendered
from kindgate.observe.container_ends import ContainerEnd
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.ended_containers import ended_containers, explained_by
from kindgate.pipeline.environment import DeployedApplication, RunningCluster
from kindgate.report.failure_causes import EndedContainer
from kindgate.slo.compare import compare
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import judge
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Objectives, Tolerance
from tests.unit.report.bursts import measured_burst, shop_burst

BURSTS, BROKEN = 24, range(8, 17)
"""The number of bursts, one every five seconds, and those in which requests fail."""


@functools.cache
def _bursts(kind: FailureKind = FailureKind.RESET, status: int = 200) -> tuple[BurstResult, ...]:
    """Bursts of which nine lose half of their requests in one way."""
    return tuple(_failing(measured_burst(number), kind, status) if number in BROKEN else measured_burst(number) for number in range(BURSTS))


def _failing(burst: BurstResult, kind: FailureKind, status: int) -> BurstResult:
    def failing(series: Any) -> Any:
        failed = series.scheduled // 2
        times = series.response
        kept = type(times).of([20_000] * (series.scheduled - failed))
        statuses = {200: series.scheduled - failed, status: failed} if kind is FailureKind.HTTP else {200: series.scheduled - failed}
        return replace(
            series,
            completed=series.scheduled - failed,
            response=kept,
            failed_response=type(times).of([1000] * failed),
            failed={kind: failed},
            status=statuses,
        )

    return replace(burst, series=tuple(failing(series) for series in burst.series))


def _judged(text: str, bursts: Sequence[BurstResult]) -> Judgement:
    return judge(Objectives(parse_marker((text,))), [burst_sample(burst) for burst in bursts])


def _end(burst: BurstResult, *, ingress: bool = True, after: float = 0.5, **changes: Any) -> ContainerEnd:
    """A container that ended some seconds after the start of a burst, and resumed 20 seconds later."""
    ended = burst.window.start + after
    return replace(ContainerEnd("ns", "traefik", "OOMKilled", 137, ended - 1e5, ended, ended + 20, ingress), **changes)


def _cause(text: str, end_in: int = BROKEN.start, *, bursts: tuple[BurstResult, ...] | None = None, **end: Any) -> EndedContainer | None:
    bursts = bursts or _bursts()
    return explained_by(_judged(text, bursts), bursts, [_end(bursts[end_in], **end)], "a test")


@pytest.mark.parametrize("text", ["http_req_failed: rate<0.01", "p(99)<200", "http_req_failed{route:foo.localhost}: rate<=0"])
def test_an_end_during_the_bursts_explains_lost_requests(text: str) -> None:
    """The record has the workload, the time, and the share of requests that were lost because of it."""
    cause = _cause(text)

    assert cause is not None
    assert (cause.test, cause.workload, cause.out_of_memory, cause.exit_code) == ("a test", "ns/traefik", True, 137)
    assert cause.failed / cause.requests == pytest.approx(0.5 * len(BROKEN) / BURSTS)


@pytest.mark.parametrize(
    ("end_in", "after"),
    [(0, -60.0), (BURSTS - 1, 60.0), (BROKEN.start, 3.6)],
    ids=["before the bursts", "after the bursts", "between two bursts"],
)
def test_an_end_outside_the_bursts_explains_nothing(end_in: int, after: float) -> None:
    """Another test may have killed the pod between two series of bursts."""
    assert _cause("http_req_failed: rate<0.01", end_in, after=after) is None


def test_an_end_after_the_failures_is_not_their_cause() -> None:
    """What failed before the container ended failed for another reason."""
    assert _cause("http_req_failed: rate<0.01", BROKEN.stop + 2) is None


def test_an_end_long_before_the_failures_is_not_their_cause() -> None:
    """Once the container runs again and has had time to become ready, other failures have another cause."""
    assert _cause("http_req_failed: rate<0.01", 0, resumed=_bursts()[0].window.start - 25.0) is None


def test_repeated_ends_explain_all_bursts() -> None:
    """If the run that ended had itself begun during the bursts, an earlier one ended in them too, at an unknown time."""
    bursts = _bursts()
    assert _cause("http_req_failed: rate<0.01", BROKEN.stop + 2, began=bursts[BROKEN.stop].window.start) is not None


@pytest.mark.parametrize(
    ("kind", "status", "ingress"),
    [
        (FailureKind.HTTP, 500, True),
        (FailureKind.HTTP, 500, False),
        (FailureKind.HTTP, 404, False),
        (FailureKind.HTTP, 502, True),
        (FailureKind.CHECK, 200, True),
        (FailureKind.CHECK, 200, False),
    ],
)
def test_wrong_answers_have_another_cause(kind: FailureKind, status: int, *, ingress: bool) -> None:
    """A container that ended answers nothing, so something else sent these answers."""
    assert _cause("http_req_failed: rate<0.01", bursts=_bursts(kind, status), ingress=ingress) is None


@pytest.mark.parametrize(("status", "ingress"), [(502, False), (503, False), (504, False), (404, True), (503, True)])
def test_an_ingress_answers_for_what_is_missing(status: int, *, ingress: bool) -> None:
    """Without the application it is a bad gateway; having just started, it does not know its routes yet."""
    assert _cause("http_req_failed: rate<0.01", bursts=_bursts(FailureKind.HTTP, status), ingress=ingress) is not None


def test_an_ingress_that_ended_repeatedly_does_not_explain_missing_pages() -> None:
    """Its ends are not known one by one, and pages that the application does not have are answered in all bursts too."""
    bursts = _bursts(FailureKind.HTTP, 404)
    assert _cause("http_req_failed: rate<0.01", bursts=bursts, began=bursts[0].window.start) is None


@pytest.mark.parametrize("text", ["med<10", "max<1", "http_reqs: count>100000", "http_req_waiting: avg<1"])
def test_an_objective_that_is_missed_anyway_has_another_cause(text: str) -> None:
    """With a median limit below the normal response time, lost requests are not why it is missed."""
    assert _cause(text) is None


def test_a_met_objective_needs_no_cause() -> None:
    """Requests were lost, but no more than allowed."""
    assert _cause("http_req_failed: rate<0.9") is None


def test_a_comparison_is_explained_by_the_judged_versions_requests() -> None:
    """The pull request's container ended, and its requests have no p(95)."""
    bursts = tuple(shop_burst(number, failing=0.3) for number in range(30))
    compared = compare((Tolerance(95.0, 0.15),), [burst_sample(burst) for burst in bursts])

    cause = explained_by(compared, bursts, [_end(bursts[20], ingress=False, began=bursts[3].window.start)])

    assert cause is not None
    assert cause.requests == 30 * 200
    assert explained_by(compared, bursts, []) is None


def test_a_cluster_that_does_not_answer_has_no_known_cause(tmp_path: Path) -> None:
    """The missed objective is reported without a cause, and not replaced by another error."""
    kubeconfig = tmp_path / "config"
    address = ClusterAddress("c", kubeconfig, "kind-c", "http://127.0.0.1:1")
    application = DeployedApplication(RunningCluster(address, Rendered(Path("o"), ()), Path("kubectl"), tmp_path, tmp_path))

    assert ended_containers(_judged("http_req_failed: rate<0.01", _bursts()), _bursts(), application) == ()
