"""Resource use of the application during a burst: CPU, memory, network, pods, restarts and throttling, per workload."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from kindgate.errors import NoSamplesError, WaitFailed, WaitTimeout
from kindgate.model import Rendered, Window
from kindgate.observe import cadvisor, counters
from kindgate.observe.cadvisor import PodSeries, pod_series, restarts_in, running_at
from kindgate.observe.prometheus_client import PrometheusClient
from kindgate.observe.series import Range
from kindgate.observe.workloads import Allowance, Workload, described_workload, workload_of, workloads_of
from kindgate.waiting import Deadline, Pending, Ready, wait_for

MARGIN = 30.0
"""Seconds of samples before the window that are needed to know the counters at its start."""

SAMPLE_TIMEOUT = 25.0
"""Seconds within which cAdvisor samples every container again: its longest gap plus a scrape."""

RESTART_LOOKBACK = 330.0
"""Seconds to look back for a container's earlier run: a crash loop's longest back-off is 300 s."""

SERIES_POINTS = 120

SYSTEM_NAMESPACE = "kube-system"


@dataclass(frozen=True)
class UseSeries:
    """CPU in cores and memory in bytes over time, for a chart; None if not measured."""

    times: tuple[float, ...]
    cpu: tuple[float | None, ...]
    memory: tuple[float | None, ...]


@dataclass(frozen=True)
class WorkloadUse:
    """Total use of one workload's pods. CPU in cores, memory and network in bytes.

    `pods` is counted at the window's end, `restarts` in the window. `cpu_max` is the highest average between two cAdvisor
    samples. `throttled` is the share of scheduler periods in which a CPU limit stopped a container, None without a limit.
    `allowance` is per pod.
    """

    namespace: str
    workload: str
    pods: int
    restarts: int
    cpu_avg: float | None
    cpu_max: float | None
    memory_max: float | None
    received: float | None
    sent: float | None
    throttled: float | None
    allowance: Allowance
    series: UseSeries


@dataclass(frozen=True)
class ResourceSummary:
    """Resource use of all workloads of some namespaces in a window; `notes` limit how far to trust the figures."""

    window: Window
    workloads: tuple[WorkloadUse, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def running_pods(self) -> int:
        """The number of pods running at the window's end."""
        return sum(use.pods for use in self.workloads)


def resource_summary(
    client: PrometheusClient, window: Window, namespaces: Iterable[str], rendered: Rendered, deadline: Deadline
) -> ResourceSummary:
    """Return the resource use of the pods of `namespaces` in `window`, with the requests and limits in `rendered`.

    In `kube-system`, only workloads in the manifests are reported: Kubernetes' own pods are not judged. Waits until
    cAdvisor has sampled every running container after the window's end, within `deadline` and for at most `SAMPLE_TIMEOUT`;
    otherwise the notes mention it. Raises `NoSamplesError` if Prometheus has no containers there, and `MetricsError` if it
    cannot be queried.
    """
    names = tuple(sorted(namespaces))
    notes = _wait_for_samples(client, window, names, deadline)
    stored = _stored_series(client, window, names, deadline)
    if not stored.cpu:
        raise NoSamplesError(
            f"Prometheus has no container CPU series for {', '.join(names)} around the window",
            next_step="check /metrics/cadvisor on a node: the series need pod and container labels",
        )
    known_workloads = workloads_of(rendered)
    uses = [
        _use(namespace, workload, series, window, known_workloads) for (namespace, workload), series in _grouped(stored, known_workloads)
    ]
    gap = counters.longest_gap(stored.cpu, window)
    if gap > window.seconds / 2:
        notes += (
            f"cAdvisor sampled every {gap:.0f} s: in a window of {window.seconds:.1f} s, CPU and network are averaged over that time",
        )
    return ResourceSummary(window, tuple(use for use in uses if use.pods or use.cpu_avg), notes)


def _wait_for_samples(client: PrometheusClient, window: Window, names: tuple[str, ...], deadline: Deadline) -> tuple[str, ...]:
    """Wait for a sample of every container; return a note if one is missing."""
    age = time.time() - window.end
    if age > SAMPLE_TIMEOUT:
        return ()
    within = deadline.at_most(SAMPLE_TIMEOUT - max(0.0, age))

    def probe() -> Ready[float] | Pending:
        try:
            oldest = client.query(cadvisor.oldest_sample_query(names), within).value
        except NoSamplesError:
            return Pending("no running container is known yet")
        if oldest >= window.end:
            return Ready(oldest)
        return Pending(f"one container was last sampled {window.end - oldest:.1f} s before the window's end")

    try:
        wait_for("cAdvisor to sample every container", probe, within, interval=1.0)
    except (WaitTimeout, WaitFailed) as error:
        return (f"the figures end before the window: {error.last_state}",)
    return ()


def _stored_series(client: PrometheusClient, window: Window, names: tuple[str, ...], deadline: Deadline) -> PodSeries:
    """Return every stored sample relevant to the window."""
    at = min(time.time(), window.end + SAMPLE_TIMEOUT)

    def fetch(metric: str, lookback: float = MARGIN) -> tuple[Range, ...]:
        try:
            return client.query_stored(cadvisor.stored_samples_query(metric, names, at - window.start + lookback), deadline, at=at).items
        except NoSamplesError:
            return ()

    return pod_series(
        cpu=fetch(cadvisor.CPU),
        memory=fetch(cadvisor.MEMORY),
        received=fetch(cadvisor.RECEIVED),
        sent=fetch(cadvisor.SENT),
        periods=fetch(cadvisor.PERIODS),
        throttled=fetch(cadvisor.THROTTLED),
        started=fetch(cadvisor.STARTED, RESTART_LOOKBACK),
        seen=fetch(cadvisor.SEEN),
    )


def _grouped(series: PodSeries, known_workloads: tuple[Workload, ...]) -> list[tuple[tuple[str, str], PodSeries]]:
    """Return each workload's series, by namespace and name."""
    pods = {(labels["namespace"], labels["pod"]) for labels in series.all_labels()}
    groups: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for namespace, pod in pods:
        if namespace == SYSTEM_NAMESPACE and described_workload(namespace, pod, known_workloads) is None:
            continue
        groups.setdefault((namespace, workload_of(namespace, pod, known_workloads)[0]), set()).add((namespace, pod))
    return [(key, series.of_pods(groups[key])) for key in sorted(groups)]


def _use(namespace: str, workload: str, series: PodSeries, window: Window, known_workloads: tuple[Workload, ...]) -> WorkloadUse:
    pods = running_at(series, window)
    any_pod = next(iter(series.all_labels()))["pod"]
    periods = sum(counters.increase(container, window) for container in series.periods)
    throttled_periods = sum(counters.increase(container, window) for container in series.throttled)
    return WorkloadUse(
        namespace=namespace,
        workload=workload,
        pods=len(pods),
        restarts=restarts_in(series, window),
        cpu_avg=_per_second(series.cpu, window),
        cpu_max=counters.largest_rate(series.cpu, window),
        memory_max=counters.largest_gauge(series.memory, window),
        received=_increase(series.received, window),
        sent=_increase(series.sent, window),
        throttled=min(1.0, throttled_periods / periods) if periods else None,
        allowance=workload_of(namespace, any_pod, known_workloads)[1],
        series=_chart(series, window),
    )


def _increase(all_series: Iterable[Range], window: Window) -> float | None:
    kept = [series for series in all_series if len(series.times) > 1]
    return sum(counters.increase(series, window) for series in kept) if kept else None


def _per_second(all_series: Iterable[Range], window: Window) -> float | None:
    total_increase = _increase(all_series, window)
    return None if total_increase is None or window.seconds <= 0 else total_increase / window.seconds


def _chart(series: PodSeries, window: Window) -> UseSeries:
    begin, end = window.start - MARGIN / 2, window.end + MARGIN / 2
    step = max(1.0, (end - begin) / (SERIES_POINTS - 1))
    times = tuple(begin + step * point for point in range(int((end - begin) / step) + 1))
    return UseSeries(times, tuple(counters.total_rate(series.cpu, times)), tuple(counters.total_gauge(series.memory, times)))
