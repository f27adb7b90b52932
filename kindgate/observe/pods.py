"""cAdvisor's series of pods and containers: which ones count, which pods ran, and what restarted. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields, replace

from kindgate.model import Window
from kindgate.observe.queries import SEEN_AGE
from kindgate.observe.series import Labels, Range


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
        cpu=counted(cpu),
        memory=counted(memory),
        received=_outside_loopback(received),
        sent=_outside_loopback(sent),
        periods=counted(periods),
        throttled=counted(throttled),
        started=counted(started),
        seen=counted(seen),
    )


def counted(all_series: Iterable[Range]) -> tuple[Range, ...]:
    """Return each pod's container series, or its cgroup's if the container runtime does not label containers."""
    by_pod: dict[tuple[str, str], list[Range]] = {}
    for series in all_series:
        by_pod.setdefault(_pod(series), []).append(series)
    return tuple(series for pod in sorted(by_pod) for series in _counted_of_pod(by_pod[pod]))


def running_at(series: PodSeries, window: Window) -> set[tuple[str, str]]:
    """Return the pods with a container that was seen around the window's end."""
    return {_pod(one) for one in series.seen if any(window.end - SEEN_AGE < time <= window.end + SEEN_AGE for time in one.times)}


def restarts_in(series: PodSeries, window: Window) -> int:
    """Return the number of container restarts in the window: a new `id` for the same pod and container name."""
    runs: dict[tuple[str, str, str], set[tuple[float, str]]] = {}
    for one in series.started:
        runs.setdefault((*_pod(one), one.labels.get("container", "")), set()).add((one.values[0], one.labels.get("id", "")))
    later = [begun for each in runs.values() for begun, _ in sorted(each)[1:]]
    return sum(math.floor(window.start) <= begun <= window.end for begun in later)


def _counted_of_pod(all_series: list[Range]) -> list[Range]:
    labelled = [series for series in all_series if series.labels.get("container")]
    return labelled or [series for series in all_series if not series.labels.get("image")]


def _outside_loopback(all_series: Iterable[Range]) -> tuple[Range, ...]:
    return tuple(series for series in all_series if series.labels.get("interface") != "lo")


def _pod(series: Range) -> tuple[str, str]:
    return series.labels["namespace"], series.labels["pod"]
