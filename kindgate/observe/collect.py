"""Collect a failure bundle: everything that helps to explain a failure once the cluster is gone."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kindgate.cluster.api_client import connect
from kindgate.deploy.diagnosis.cause import Cause, CauseKind, ranked
from kindgate.deploy.diagnosis.cluster import SYSTEM_NAMESPACE, cluster_causes, dns_causes
from kindgate.deploy.diagnosis.messages import HOST_LIMIT, WATCH_LIMIT, text_causes
from kindgate.deploy.readiness import LOG_HEADING
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered, Window
from kindgate.object_status import app_container_statuses, is_unhealthy
from kindgate.observe.bundle import Bundle, BundleWriter
from kindgate.observe.cluster_state import ClusterState, container_runs, rfc3339
from kindgate.observe.manifest_diff import differences
from kindgate.observe.node_logs import collect_containers, collect_node_logs
from kindgate.observe.object_evidence import event_lines, node_text, pod_table
from kindgate.observe.secret_objects import environment_secrets, kubeconfig_secrets, secret_values, without_secrets
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor
from kindgate.waiting import Deadline

FetchMetrics = Callable[[Window, Deadline], Mapping[str, Any]]
"""Returns a window's metrics as JSON-compatible data; the caller provides the access to Prometheus."""

_MAX_PODS = 30
"""The maximum number of pods whose logs are collected."""

_INGRESS_NAMES = frozenset({"traefik", "ingress-nginx", "nginx-ingress"})
"""Values of the label app.kubernetes.io/name on ingress controllers."""


@dataclass(frozen=True)
class BrokenCluster:
    """A cluster that itself failed: its nodes are inspected through the engine. `creation_log` is kind's output."""

    engine: Engine
    nodes: Sequence[str] = ()
    creation_log: str = ""


def collect_bundle(
    target: ClusterAddress | None,
    *,
    folder: Path,
    deadline: Deadline,
    window: Window | None = None,
    rendered: Rendered | None = None,
    namespaces: Collection[str] = (),
    applied: bool = False,
    error: str = "",
    fetch_metrics: FetchMetrics | None = None,
    engine: Engine | None = None,
    broken: BrokenCluster | None = None,
) -> Bundle:
    """Write the available evidence to `folder`, and name the known causes.

    `target` is the cluster, None if there is none yet; `window` is the failed test's time span, for the ingress log and
    the metrics; `namespaces` are those of everything that the run applies; `error` is the raised error, which might name
    the cause; `applied` means that all of `rendered` must exist; `engine` runs the nodes' containers. Errors are not
    raised: an unavailable piece is listed in `Bundle.missing` and in bundle.json, and the others are kept.
    """
    secrets = [*environment_secrets(os.environ), *secret_values(rendered.objects if rendered else ())]
    writer = BundleWriter(folder, Redactor(secrets))
    causes = list(text_causes(ObjectRef("error", "", "of the run"), _own_lines(error)))
    if engine is not None and target is not None and not target.existing:
        with writer.piece("containers.txt"):
            causes += collect_containers(writer, engine, target, deadline)
    if target is not None:
        with writer.piece("cluster"), connect(target) as api:
            state = ClusterState(api, rendered.namespaces if rendered else (), deadline)
            writer.redactor = _redactor(writer, target, state, secrets)
            causes += _collect_state(writer, state, window, rendered, applied=applied)
    if error:
        with writer.piece("error.txt"):
            writer.write("error.txt", error)
    if rendered is not None:
        with writer.piece("rendered.yaml"):
            writer.write("rendered.yaml", yaml.safe_dump_all([without_secrets(item) for item in rendered.objects], sort_keys=False))
    if fetch_metrics is not None and window is not None:
        with writer.piece("prometheus.json"):
            writer.write("prometheus.json", json.dumps(fetch_metrics(window, deadline), indent=1, default=str))
    if broken is not None:
        with writer.piece("nodes"):
            if broken.creation_log:
                writer.write("kind.log", broken.creation_log)
            causes += collect_node_logs(writer, broken.engine, broken.nodes, deadline)
    return _finish(writer, ranked(causes, {*namespaces, SYSTEM_NAMESPACE} if namespaces else ()))


def _finish(writer: BundleWriter, causes: tuple[Cause, ...]) -> Bundle:
    """Return the bundle; if not even its summary can be written, only the data in memory."""
    with writer.piece("bundle.json"):
        return writer.finish(causes)
    return Bundle(writer.folder, (), causes, dict(writer.missing))


def _redactor(writer: BundleWriter, target: ClusterAddress, state: ClusterState, secrets: Sequence[KnownValue]) -> Redactor:
    """Return a redactor that also knows the cluster's secrets; unreadable ones are recorded, as redaction then covers less."""
    known = [*secrets]
    with writer.piece("redaction of the kubeconfig's credentials"):
        known += kubeconfig_secrets(yaml.safe_load(target.kubeconfig.read_text()) or {})
    with writer.piece("redaction of the values of Secrets"):
        known += secret_values(state.items("Secret"))
    return Redactor(known)


def _collect_state(
    writer: BundleWriter, state: ClusterState, window: Window | None, rendered: Rendered | None, *, applied: bool
) -> list[Cause]:
    """Collect objects and logs from a cluster whose API responds; return the causes they show, the strongest evidence first."""
    causes: list[Cause] = []
    pods: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    claims: list[dict[str, Any]] = []
    with writer.piece("pods.txt"):
        pods = state.items("Pod")
        writer.write("pods.txt", pod_table(pods))
    with writer.piece("events.txt"):
        events = state.items("Event")
        writer.write("events.txt", event_lines(events))
    with writer.piece("nodes.txt"):
        nodes = state.items("Node")
        writer.write("nodes.txt", node_text(nodes))
    with writer.piece("claims"):
        claims = state.items("PersistentVolumeClaim")
    unhealthy = [pod for pod in pods if is_unhealthy(pod)]
    for pod in unhealthy[:_MAX_PODS]:
        _describe(writer, pod, events)
    for logged in _pods_to_log(unhealthy, pods, rendered):
        causes += _collect_logs(writer, state, logged)
    if window is not None:
        _collect_ingress_log(writer, state, pods, window)
    if rendered is not None:
        with writer.piece("difference.txt"):
            lines, missing = _differences(state, rendered)
            writer.write("difference.txt", "\n".join(lines) + "\n")
            causes += missing if applied else []
    with writer.piece("system"):
        causes += dns_causes(state.items("Deployment", "apps/v1"))
    since = rfc3339(window.start) if window is not None else ""
    return [*cluster_causes(pods, events, nodes, claims, since), *causes]


def _describe(writer: BundleWriter, pod: Manifest, events: Sequence[Manifest]) -> None:
    """Write a pod's object followed by its events, as `kubectl describe` shows them."""
    metadata = pod["metadata"]
    pod_events = [event for event in events if (event.get("involvedObject") or {}).get("uid") == metadata.get("uid")]
    with writer.piece(f"pods/{metadata['namespace']}/{metadata['name']}"):
        text = yaml.safe_dump(without_secrets(pod), sort_keys=False)
        writer.write(f"pods/{metadata['namespace']}/{metadata['name']}.txt", f"{text}\n--- events\n{event_lines(pod_events)}")


def _pods_to_log(unhealthy: Sequence[Manifest], pods: Sequence[Manifest], rendered: Rendered | None) -> list[Manifest]:
    """Return unhealthy pods, then the application's own: an objective can fail while every pod is healthy."""
    unhealthy_uids = {str(pod["metadata"].get("uid")) for pod in unhealthy}
    namespaces = set(rendered.namespaces if rendered else ())
    application_pods = [
        pod for pod in pods if pod["metadata"]["namespace"] in namespaces and str(pod["metadata"].get("uid")) not in unhealthy_uids
    ]
    return [*unhealthy, *application_pods][:_MAX_PODS]


def _collect_logs(writer: BundleWriter, state: ClusterState, pod: Manifest) -> list[Cause]:
    """Collect every container's log and that of its previous run; return the lines about limits of the host as causes."""
    texts: list[str] = []
    folder = f"logs/{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    waiting = {
        str(item["name"])
        for item in app_container_statuses(pod)
        if (item.get("state") or {}).get("waiting") and not item.get("restartCount")
    }
    for container, has_previous_run in container_runs(pod):
        if container not in waiting:
            with writer.piece(f"{folder}/{container}.log"):
                texts.append(state.log(pod, container))
                writer.write(f"{folder}/{container}.log", texts[-1])
        if has_previous_run:
            with writer.piece(f"{folder}/{container}.previous.log"):
                texts.append(state.log(pod, container, previous=True))
                writer.write(f"{folder}/{container}.previous.log", texts[-1])
    limit = HOST_LIMIT if pod["metadata"]["namespace"] == SYSTEM_NAMESPACE else WATCH_LIMIT
    lines = (line for text in texts for line in text.splitlines() if limit.search(line))
    return [Cause(CauseKind.HOST_LIMIT, ObjectRef.of(pod), "", line) for line in lines]


def _collect_ingress_log(writer: BundleWriter, state: ClusterState, pods: Sequence[Manifest], window: Window) -> None:
    """Write the ingress controllers' logs in the window, including the access log."""
    for pod in pods:
        if (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name") in _INGRESS_NAMES:
            with writer.piece(f"ingress/{pod['metadata']['name']}.log"):
                text = "".join(state.log(pod, container, window=window) for container, _ in container_runs(pod))
                writer.write(f"ingress/{pod['metadata']['name']}.log", text)


def _differences(state: ClusterState, rendered: Rendered) -> tuple[list[str], list[Cause]]:
    """Return a line per missing object and per field whose live value differs from the requested one, and a cause per missing object."""
    lines: list[str] = []
    missing: list[Cause] = []
    for requested in rendered.objects:
        live = state.live(requested)
        lines += differences(without_secrets(requested), without_secrets(live) if live is not None else None)
        if live is None:
            missing.append(Cause(CauseKind.MISSING, ObjectRef.of(requested), "", "is not there"))
    return lines, missing


def _own_lines(error: str) -> Iterator[str]:
    """Yield the lines of a run's error without the log that it quotes: an application may name any cause."""
    lines = (line for line in error.splitlines() if line.strip())
    return itertools.takewhile(lambda line: LOG_HEADING not in line, lines)
