"""The resource summary, from a real Prometheus' answers about a cluster under 30 s of load."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import NoSamplesError
from kindgate.model import Rendered, Window
from kindgate.observe.prometheus_client import PrometheusClient
from kindgate.observe.resource_summary import WorkloadUse, resource_summary
from kindgate.waiting import Deadline

LOAD = 30.0
RENDERED = Rendered(
    Path(),
    (
        {
            "kind": "Deployment",
            "metadata": {"name": "foo", "namespace": "demo"},
            "spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "50m", "memory": "32Mi"}}}]}}},
        },
    ),
)

Serve = Callable[[float, float], None]


@pytest.fixture
def window(load_of_30_s: Serve) -> Window:
    """The load's window, over a minute ago, so nothing needs waiting for."""
    began = time.time() - 100
    load_of_30_s(began, began + LOAD)
    return Window(began, began + LOAD)


@pytest.fixture
def uses(client: PrometheusClient, window: Window) -> dict[str, WorkloadUse]:
    """Each workload's use in the window."""
    summary = resource_summary(client, window, ("demo", "ingress"), RENDERED, Deadline.after(20))
    return {use.workload: use for use in summary.workloads}


def test_cpu_is_that_of_the_containers_in_the_window(uses: dict[str, WorkloadUse]) -> None:
    """By hand from the recording: 0.976 s in one pod and 1.088 s in the other."""
    assert uses["foo"].cpu_avg == pytest.approx((0.976 + 1.088) / LOAD, rel=0.01)
    assert uses["foo"].cpu_max == pytest.approx(0.0405 + 0.0414, rel=0.02)


def test_a_pod_limited_to_50_millicores_is_throttled(uses: dict[str, WorkloadUse]) -> None:
    """More than half of the periods were throttled."""
    assert uses["foo"].throttled == pytest.approx(0.53, abs=0.03)
    assert uses["foo"].allowance.cpu_limit == 0.05
    assert uses["bar"].throttled is None


def test_memory_counts_only_containers(uses: dict[str, WorkloadUse]) -> None:
    """The pause container and the pod's cgroup, which contains both, are not counted again."""
    assert uses["foo"].memory_max == pytest.approx(2 * 7.3e6, rel=0.05)


def test_network_is_that_of_the_pods_in_the_window(uses: dict[str, WorkloadUse]) -> None:
    """By hand from the recording: 1.323 and 1.130 MB received, 0.875 and 0.758 MB sent."""
    assert uses["foo"].received == pytest.approx(2.453e6, rel=0.01)
    assert uses["foo"].sent == pytest.approx(1.633e6, rel=0.01)


def test_pods_gone_before_the_window_are_ignored(uses: dict[str, WorkloadUse]) -> None:
    """The rollout before the load replaced both pods."""
    assert uses["foo"].pods == 2


def test_a_killed_container_is_one_restart(uses: dict[str, WorkloadUse]) -> None:
    """The same pod and container get a new ID; a rollout's pods are new, not restarted."""
    assert {name: use.restarts for name, use in uses.items()} == {"bar": 1, "foo": 0, "traefik": 0}


def test_the_chart_shows_the_load_rise_and_fall(uses: dict[str, WorkloadUse], window: Window) -> None:
    """CPU over time is low before the window and high in its middle."""
    series = uses["foo"].series
    cpu = dict(zip((round(at - window.start) for at in series.times), series.cpu, strict=True))
    before, amid = cpu[-5], cpu[15]
    assert before is not None
    assert amid is not None
    assert amid > 3 * before
    assert len(series.times) == len(series.memory) <= 120


def test_only_the_requested_namespaces_count(client: PrometheusClient, window: Window) -> None:
    """The ingress controller is excluded unless its namespace is named."""
    summary = resource_summary(client, window, ("demo",), RENDERED, Deadline.after(20))
    assert [use.workload for use in summary.workloads] == ["bar", "foo"]
    assert summary.running_pods == 3


def test_a_window_shorter_than_cadvisors_gap_is_noted(client: PrometheusClient, window: Window) -> None:
    """Means over 20 s are not presented as a burst's own figures."""
    summary = resource_summary(client, Window(window.start + 10, window.start + 12), ("demo",), RENDERED, Deadline.after(20))
    assert any("cAdvisor sampled every 25 s" in note for note in summary.notes)


def test_a_namespace_without_containers_is_an_error(client: PrometheusClient, window: Window) -> None:
    """Missing figures are never shown as zeros."""
    with pytest.raises(NoSamplesError, match="elsewhere"):
        resource_summary(client, window, ("elsewhere",), RENDERED, Deadline.after(20))


def test_a_missing_sample_is_noted(client: PrometheusClient, load_of_30_s: Serve) -> None:
    """The window ended 24.8 s ago, so only 0.2 s of waiting remain."""
    end = time.time() - 24.8
    load_of_30_s(end - LOAD, end - 3)
    summary = resource_summary(client, Window(end - LOAD, end), ("demo",), RENDERED, Deadline.after(20))
    assert summary.notes[0] == "the figures end before the window: one container was last sampled 3.0 s before the window's end"


def test_an_existing_sample_after_the_window_ends_the_wait(client: PrometheusClient, load_of_30_s: Serve) -> None:
    """Nothing waits for a sample that already exists."""
    end = time.time()
    load_of_30_s(end - LOAD, end + 0.1)
    began = time.monotonic()
    summary = resource_summary(client, Window(end - LOAD, end), ("demo",), RENDERED, Deadline.after(20))
    assert not any("figures end" in note for note in summary.notes)
    assert time.monotonic() - began < 20


def test_only_workloads_in_the_manifests_are_reported_in_kube_system(client: PrometheusClient, prometheus: Any, window: Window) -> None:
    """An overlay's metrics-server is judged, but kube-proxy is not."""
    recorded = prometheus.answer

    def moved(endpoint: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        status, body = recorded(endpoint, parameters)
        return status, body.replace(b'"namespace": "demo"', b'"namespace": "kube-system"')

    prometheus.answer = moved
    kube_system_workload = {**RENDERED.objects[0], "metadata": {"name": "foo", "namespace": "kube-system"}}
    summary = resource_summary(client, window, ("demo", "ingress"), Rendered(Path(), (kube_system_workload,)), Deadline.after(20))
    assert [(use.namespace, use.workload) for use in summary.workloads] == [("ingress", "traefik"), ("kube-system", "foo")]


def test_a_workload_gone_before_the_window_has_no_row(client: PrometheusClient, prometheus: Any, window: Window) -> None:
    """Its last samples are older than the load."""
    recorded = prometheus.answer

    def renamed(endpoint: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        status, body = recorded(endpoint, parameters)
        return status, body.replace(b"foo-7fbb45c94f-", b"gone-7fbb45c94f-")

    prometheus.answer = renamed
    summary = resource_summary(client, window, ("demo",), RENDERED, Deadline.after(20))
    assert [use.workload for use in summary.workloads] == ["bar", "foo"]
