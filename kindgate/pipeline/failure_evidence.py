"""Gather evidence of a failure while the environment still exists, for a phase of the pipeline or a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kindgate.cluster.owner_container import inspect_cluster
from kindgate.errors import ClusterError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Window
from kindgate.observe.bundle import Bundle, bundle_folder
from kindgate.observe.collect import BrokenCluster, FetchMetrics, collect_bundle
from kindgate.observe.prometheus_client import prometheus_in_cluster
from kindgate.pipeline.environment import Environment, MonitoredApplication, RunningCluster, cluster_of
from kindgate.report.frozen_record import LINE_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.report.run_report import FailureBundle
from kindgate.waiting import Deadline

COLLECT_SECONDS = 30.0
"""Maximum seconds to collect a bundle, even if the cluster does not respond."""

STEP = 5.0
"""Seconds between two values of a series; equals Prometheus' scrape interval."""

PROMQL = (
    "sum by (namespace, pod) (rate(container_cpu_usage_seconds_total[30s]))",
    "sum by (namespace, pod) (container_memory_working_set_bytes)",
)


def gather_evidence(environment: Environment, name: str, window: Window, error: str) -> Bundle:
    """Collect the state of `environment` for the test or phase `name`, which failed in `window` with `error`."""
    cluster = cluster_of(environment)
    has_metrics = isinstance(environment, MonitoredApplication) and environment.has_prometheus
    return collect_bundle(
        cluster.address,
        folder=bundle_folder(cluster.artifacts, name),
        deadline=Deadline.after(COLLECT_SECONDS),
        window=window,
        rendered=cluster.rendered,
        namespaces=cluster.namespaces,
        applied=not isinstance(environment, RunningCluster),
        error=error,
        engine=cluster.engine,
        fetch_metrics=_series(cluster.address) if has_metrics else None,
    )


def gather_node_evidence(engine: Engine, address: ClusterAddress, artifacts: Path, name: str, error: ClusterError) -> Bundle:
    """Collect the nodes' state after a cluster could not be created or used; `error` includes kind's output."""
    nodes = address.nodes or inspect_cluster(engine, address.name, Deadline.after(COLLECT_SECONDS)).kubernetes_nodes
    return collect_bundle(
        address if address.nodes and address.kubeconfig.exists() else None,
        folder=bundle_folder(artifacts, name),
        deadline=Deadline.after(COLLECT_SECONDS),
        error=str(error),
        broken=BrokenCluster(engine, nodes, error.last_state),
    )


def bundle_record(name: str, bundle: Bundle, artifacts: Path) -> FailureBundle:
    """The bundle's record in the report, with paths relative to the artifacts folder."""
    folder = bundle.folder.relative_to(artifacts).as_posix()
    return FailureBundle(
        name=shortened(name, LINE_LIMIT),
        path=folder,
        cause=shortened(bundle.cause, LINE_LIMIT),
        files=tuple(f"{folder}/{file}" for file in bundle.files[:200]),
    )


def _series(address: ClusterAddress) -> FetchMetrics:
    """CPU and memory of every pod over a window, from Prometheus."""

    def fetch(window: Window, deadline: Deadline) -> Mapping[str, Any]:
        with prometheus_in_cluster(address) as client:
            return {promql: [asdict(one) for one in client.query_range(promql, window, STEP, deadline)] for promql in PROMQL}

    return fetch
