"""Find the pods whose resources are metered during bursts, and their control groups on this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from kindgate.deploy.node_placement import pods_of, workload_name
from kindgate.errors import KindgateError
from kindgate.host.pod_cgroups import pod_groups
from kindgate.load.pod_meter import MeteredPod
from kindgate.pipeline.environment import DeployedApplication
from kindgate.slo.compare import BASE, HEAD
from kindgate.waiting import Deadline

FIND_SECONDS = 30.0
"""Timeout for the API server to list the pods."""


def find_metered_pods(application: DeployedApplication) -> tuple[MeteredPod, ...]:
    """The pods that serve the application, by arm: those in the namespaces of both versions, or of the entries' Services.

    Empty if the nodes' control groups, or any one pod's, cannot be read on this machine: the sum of the others would be too low.
    """
    own_cpu = application.cluster.own_cpu
    if own_cpu is None:
        return ()
    arm_of = {namespace: arm for arm, namespaces in _namespaces(application).items() for namespace in namespaces}
    try:
        pods = pods_of(arm_of, application.address, Deadline.after(FIND_SECONDS))
    except KindgateError:
        return ()  # the bursts are judged without these figures
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
    groups = pod_groups(own_cpu.nodes, [str(pod["metadata"]["uid"]) for pod in running])
    if len(groups) < len(running):
        return ()
    return tuple(
        MeteredPod(workload_name(pod), arm_of[pod["metadata"]["namespace"]], groups[str(pod["metadata"]["uid"])]) for pod in running
    )


def find_replicas(application: DeployedApplication) -> Mapping[str, int]:
    """Number of running pods of each of the application's workloads; empty if the API server does not answer."""
    judged = [namespace for arm, namespaces in _namespaces(application).items() if arm != BASE for namespace in namespaces]
    try:
        pods = pods_of(judged, application.address, Deadline.after(FIND_SECONDS))
    except KindgateError:
        return {}  # the capacity is reported without them
    return Counter(workload_name(pod) for pod in pods if (pod.get("status") or {}).get("phase") == "Running")


def _namespaces(application: DeployedApplication) -> Mapping[str, Iterable[str]]:
    """The namespaces of each arm; one without a name if there is no comparison."""
    base = application.cluster.base
    if base is not None:
        return {HEAD: base.namespaces.keys(), BASE: base.namespaces.values()}
    return {"": {entry.service.namespace for entry in application.entries if entry.service is not None}}
