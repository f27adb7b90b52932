"""The container whose end explains a missed objective: it ended during the bursts, and its failures suffice for the miss.

A wrong cause is worse than none. An end counts only if it lies within a burst, and only with failures that it can cause: lost
connections and timeouts, for the application also its ingress's answers about a missing backend, and for the ingress those of
a controller that has just started and does not know its routes yet. Without those failures, the objective must hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from kindgate.cluster.api_client import connect
from kindgate.deploy.monitoring import split_monitoring
from kindgate.errors import KindgateError
from kindgate.load.result import NETWORK_KINDS, BurstResult, FailureKind, Series
from kindgate.model import Verdict
from kindgate.observe.container_ends import ContainerEnd, container_ends
from kindgate.observe.resource_summary import SYSTEM_NAMESPACE
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.environment import DeployedApplication
from kindgate.report.failure_causes import EndedContainer
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.slo.compare import HEAD, Comparison
from kindgate.slo.judgement import Judgement
from kindgate.slo.rules import allowed_share
from kindgate.slo.threshold import Selector, Threshold
from kindgate.waiting import Deadline

PRECISION = 1.0
"""Seconds: a pod's status has whole seconds."""

RECOVERY = 30.0
"""Seconds from a container's next start until it answers as before: its probes, and the time until the ingress notices."""

STATUS_SECONDS = 20.0
"""Timeout for reading the pods' statuses."""

_LOST = NETWORK_KINDS | {FailureKind.TIMEOUT, FailureKind.UNSENT}
"""Failures that the end of any program on the way can cause."""

_BAD_GATEWAY = frozenset({502, 503, 504})
"""An ingress controller's answers about a backend that does not answer."""

_NO_ROUTE = frozenset({404, 503})
"""Its answers while it does not know its routes; seen for half a second after Traefik's restart."""


def ended_containers(
    result: Judgement | Comparison, bursts: Sequence[BurstResult], application: DeployedApplication, test: str = ""
) -> tuple[EndedContainer, ...]:
    """The report's records of the container whose end explains why `result` is a FAIL; empty if none is known to.

    A cluster that does not answer is no reason for another error: nothing is known then.
    """
    if result.verdict is not Verdict.FAIL or not bursts:
        return ()
    try:
        with connect(application.address) as api:
            ends = container_ends(api, _judged_namespaces(application), Deadline.after(STATUS_SECONDS))
    except KindgateError:
        return ()
    cause = explained_by(result, bursts, ends, test)
    return () if cause is None else (cause,)


def explained_by(
    result: Judgement | Comparison, bursts: Sequence[BurstResult], ends: Sequence[ContainerEnd], test: str = ""
) -> EndedContainer | None:
    """The first of `ends` whose failures suffice for a missed objective; None if there is none."""
    causes = (_cause(end, bursts, selector, allowed, test) for selector, allowed in _missed_shares(result) for end in ends)
    return next((cause for cause in causes if cause is not None), None)


def _judged_namespaces(application: DeployedApplication) -> frozenset[str]:
    """The namespaces of the judged version's own workloads."""
    rendered, _ = split_monitoring(application.rendered)
    return frozenset(rendered.namespaces) - {SYSTEM_NAMESPACE}


def _missed_shares(result: Judgement | Comparison) -> Iterator[tuple[Selector, float]]:
    """The requests of each missed objective, and the share of them that may fail."""
    if isinstance(result, Comparison):
        for row in result.results:
            if row.verdict is Verdict.FAIL and not row.tolerance.selector.metric.per_journey:
                yield row.tolerance.selector.with_tag("arm", HEAD), 1 - row.tolerance.quantile / 100
        return
    for one in result.results:
        allowed = _allowed_failures(one.threshold)
        if one.verdict is Verdict.FAIL and allowed is not None:
            yield one.threshold.selector, allowed


def _allowed_failures(threshold: Threshold) -> float | None:
    """The share of failed requests above which a threshold is missed; None if failures are not what it is about."""
    selector, expression = threshold.selector, threshold.expression
    if selector.metric.per_journey or not selector.metric.tagged or "kind" in selector.tag_map:
        return None
    if selector.metric.name == "http_req_failed":
        return expression.limit if expression.wants_less else None
    return allowed_share(threshold) if expression.wants_less or selector.metric.name == "checks" else None


def _cause(end: ContainerEnd, bursts: Sequence[BurstResult], selector: Selector, allowed: float, test: str) -> EndedContainer | None:
    if not any(burst.window.start - PRECISION <= end.ended <= burst.window.start + burst.seconds + PRECISION for burst in bursts):
        return None
    # a run that began during the bursts followed an earlier end, whose time is no longer known
    repeated = end.began >= bursts[0].window.start
    since = bursts[0].window.start if repeated else end.ended - PRECISION
    statuses = _BAD_GATEWAY if not end.ingress else frozenset() if repeated else _NO_ROUTE
    until = end.resumed + RECOVERY if end.resumed is not None else bursts[-1].window.end
    requests = failed = explained = 0
    for burst in bursts:
        affected = burst.window.end >= since and burst.window.start <= until
        for series, judged in zip(burst.series, burst_sample(burst).series, strict=True):
            if judged.has_tags(selector.tag_map):
                requests += series.scheduled
                failed += series.scheduled - series.completed
                explained += _explained(series, statuses) if affected else 0
    if not requests or failed / requests <= allowed or (failed - explained) / requests > allowed:
        return None
    return EndedContainer(
        test=shortened(test, LINE_LIMIT),
        workload=shortened(f"{end.namespace}/{end.workload}", NAME_LIMIT),
        out_of_memory=end.out_of_memory,
        exit_code=max(0, end.exit_code),
        at=end.ended,
        failed=explained,
        requests=requests,
    )


def _explained(series: Series, statuses: Collection[int]) -> int:
    """Number of failed requests that the end of a container can have caused: lost ones, and those with one of `statuses`."""
    lost = sum(count for kind, count in series.failed.items() if kind in _LOST)
    return lost + sum(count for status, count in series.status.items() if status in statuses)
