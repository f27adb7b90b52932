"""Evidence of what failed, gathered while it still stands: for a phase of the pipeline, and for a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kindgate.cluster.ownership import look
from kindgate.diagnostics.bundle import Bundle, bundle_folder
from kindgate.diagnostics.collect import Broken, Series, collect_bundle
from kindgate.errors import ClusterError
from kindgate.host.engine import Engine
from kindgate.metrics.access import prometheus_in_cluster
from kindgate.model import ClusterAddress, Window
from kindgate.pipeline.stages import Provisioned
from kindgate.report.escape import shortened
from kindgate.report.record import LINE_LIMIT
from kindgate.report.run import FailureBundle
from kindgate.waiting import Deadline

COLLECT_SECONDS = 30.0
"""A bundle is worth a short wait; a cluster that does not answer costs no more than this."""

STEP = 5.0
"""Seconds between two values of a series, which is Prometheus' scrape interval."""

PROMQL = (
    "sum by (namespace, pod) (rate(container_cpu_usage_seconds_total[30s]))",
    "sum by (namespace, pod) (container_memory_working_set_bytes)",
)


def gather_evidence(standing: Provisioned, name: str, window: Window, error: str) -> Bundle:
    """What the cluster shows of the test or phase `name`, which failed in `window` with `error`."""
    return collect_bundle(
        standing.address,
        folder=bundle_folder(standing.artifacts, name),
        deadline=Deadline.after(COLLECT_SECONDS),
        window=window,
        rendered=standing.rendered,
        applied=standing.deployed,
        error=error,
        engine=standing.engine,
        series=_series(standing.address) if standing.monitoring else None,
    )


def gather_node_evidence(engine: Engine, address: ClusterAddress, artifacts: Path, name: str, error: ClusterError) -> Bundle:
    """What the nodes themselves show of a cluster that could not be created or used; `error` holds what kind said."""
    nodes = address.nodes or look(engine, address.name, Deadline.after(COLLECT_SECONDS)).kubernetes_nodes
    return collect_bundle(
        address if address.nodes and address.kubeconfig.exists() else None,
        folder=bundle_folder(artifacts, name),
        deadline=Deadline.after(COLLECT_SECONDS),
        error=str(error),
        broken=Broken(engine, nodes, error.last_state),
    )


def bundle_record(name: str, bundle: Bundle, artifacts: Path) -> FailureBundle:
    """The bundle as the report names it, by paths inside the artifacts' folder."""
    folder = bundle.folder.relative_to(artifacts).as_posix()
    return FailureBundle(
        name=shortened(name, LINE_LIMIT),
        path=folder,
        cause=shortened(bundle.cause, LINE_LIMIT),
        files=tuple(f"{folder}/{file}" for file in bundle.files[:200]),
    )


def _series(address: ClusterAddress) -> Series:
    """CPU and memory of every pod over a window, by Prometheus."""

    def fetch(window: Window, deadline: Deadline) -> Mapping[str, Any]:
        with prometheus_in_cluster(address.kubeconfig, address.context) as client:
            return {promql: [asdict(one) for one in client.query_range(promql, window, STEP, deadline)] for promql in PROMQL}

    return fetch
