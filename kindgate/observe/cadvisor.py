"""cAdvisor's series of pods and containers: their queries, which ones count, which pods ran, and what restarted.

The kubelet's cAdvisor samples a container every 10 to 20 seconds and stamps each sample with its own time (seen on
Kubernetes 1.37: gaps of 10.5 to 19.5 s at a scrape interval of 5 s). `rate()` over a short range therefore sees one
sample or none, so the stored samples are read with their own times and evaluated exactly. Pure functions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields, replace

from kindgate.model import Window
from kindgate.observe.series import Labels, Range

CPU = "container_cpu_usage_seconds_total"
MEMORY = "container_memory_working_set_bytes"
RECEIVED = "container_network_receive_bytes_total"
SENT = "container_network_transmit_bytes_total"
PERIODS = "container_cpu_cfs_periods_total"
THROTTLED = "container_cpu_cfs_throttled_periods_total"
STARTED = "container_start_time_seconds"
SEEN = "container_last_seen"

SEEN_AGE = 15
"""Seconds after which a container that cAdvisor has not seen again counts as gone: three scrapes."""


@dataclass(frozen=True)
class PodSeries:
    """The stored samples of some pods, one tuple per metric: per container, but per pod for the network."""

    cpu: tuple[Range, ...]
    memory: tuple[Range, ...]
    received: tuple[Range, ...]
    sent: tuple[Range, ...]
    periods: tuple[Range, ...]
    throttled: tuple[Range, ...]
    started: tuple[Range, ...]
    seen: tuple[Range, ...]

    def all_labels(self) -> Iterator[Labels]:
        """Yield the labels of every CPU series."""
        return (series.labels for series in self.cpu)

    def of_pods(self, pods: Collection[tuple[str, str]]) -> PodSeries:
        """Return the series of these pods, each given as namespace and name."""
        return replace(
            self,
            **{metric.name: tuple(series for series in getattr(self, metric.name) if _pod(series) in pods) for metric in fields(self)},
        )


def namespace_selector(metric: str, namespaces: Iterable[str]) -> str:
    """Select a cAdvisor metric's pod series in these namespaces.

    The kubelet's `/metrics/resource` shares some of the names; only cAdvisor's series have an `id`.
    """
    names = "|".join(re.escape(name).replace("\\", "\\\\") for name in sorted(namespaces))
    return f'{metric}{{namespace=~"{names}",pod!="",id!=""}}'


def stored_samples_query(metric: str, namespaces: Iterable[str], seconds: float) -> str:
    """Select every stored sample of the last `seconds`."""
    return f"{namespace_selector(metric, namespaces)}[{math.ceil(seconds)}s]"


def oldest_sample_query(namespaces: Iterable[str]) -> str:
    """Query the oldest of the running containers' latest cAdvisor samples, in seconds since 1970."""
    names = tuple(namespaces)
    running = f"{namespace_selector(SEEN, names)} > time() - {SEEN_AGE}"
    return f"min(timestamp({namespace_selector(CPU, names)}) and on (namespace, pod, id) ({running}))"


def pod_series(
    *,
    cpu: Iterable[Range],
    memory: Iterable[Range],
    received: Iterable[Range],
    sent: Iterable[Range],
    periods: Iterable[Range],
    throttled: Iterable[Range],
    started: Iterable[Range],
    seen: Iterable[Range],
) -> PodSeries:
    """Select the series that count among everything cAdvisor reports about pods.

    It reports a pod's cgroup, its pause container and its containers: the sum of all would count twice.
    """
    return PodSeries(
        cpu=counted_series(cpu),
        memory=counted_series(memory),
        received=_outside_loopback(received),
        sent=_outside_loopback(sent),
        periods=counted_series(periods),
        throttled=counted_series(throttled),
        started=counted_series(started),
        seen=counted_series(seen),
    )


def counted_series(all_series: Iterable[Range]) -> tuple[Range, ...]:
    """Return each pod's container series, or its cgroup's if the container runtime does not label containers."""
    by_pod: dict[tuple[str, str], list[Range]] = {}
    for series in all_series:
        by_pod.setdefault(_pod(series), []).append(series)
    return tuple(series for pod in sorted(by_pod) for series in _counted_of_pod(by_pod[pod]))


def running_at(series: PodSeries, window: Window) -> set[tuple[str, str]]:
    """Return the pods with a container that was seen around the window's end."""
    return {
        _pod(container)
        for container in series.seen
        if any(window.end - SEEN_AGE < time <= window.end + SEEN_AGE for time in container.times)
    }


def restarts_in(series: PodSeries, window: Window) -> int:
    """Return the number of container restarts in the window: a new `id` for the same pod and container name."""
    runs: dict[tuple[str, str, str], set[tuple[float, str]]] = {}
    for container in series.started:
        runs.setdefault((*_pod(container), container.labels.get("container", "")), set()).add(
            (container.values[0], container.labels.get("id", ""))
        )
    restart_times = [started for container_runs in runs.values() for started, _ in sorted(container_runs)[1:]]
    return sum(math.floor(window.start) <= started <= window.end for started in restart_times)


def _counted_of_pod(all_series: list[Range]) -> list[Range]:
    container_series = [series for series in all_series if series.labels.get("container")]
    return container_series or [series for series in all_series if not series.labels.get("image")]


def _outside_loopback(all_series: Iterable[Range]) -> tuple[Range, ...]:
    return tuple(series for series in all_series if series.labels.get("interface") != "lo")


def _pod(series: Range) -> tuple[str, str]:
    return series.labels["namespace"], series.labels["pod"]
