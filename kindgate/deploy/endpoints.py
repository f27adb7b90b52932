"""Whether a Service has an address, and whether one can be expected."""

from __future__ import annotations

from collections.abc import Mapping

from kindgate.deploy.observed import Observed
from kindgate.model import Manifest, ObjectRef

_SERVING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")
"""Workloads that keep pods running. Pods of Jobs and CronJobs come and go, so a Service cannot wait for them."""


def has_ready_address(service: Manifest, observed: Observed) -> bool:
    """Return whether requests to the Service reach a ready pod."""
    return any((endpoint.get("conditions") or {}).get("ready") is not False for endpoint in observed.endpoints(ObjectRef.of(service)))


def awaits_address(service: Manifest, observed: Observed) -> bool:
    """Return whether a pod behind the Service can be expected.

    None can if the Service has no selector or an external name, or selects only workloads without replicas or pods of
    Jobs. Pods of other owners (an operator) count once they exist.
    """
    selector = service["spec"].get("selector") or {}
    if not selector or service["spec"].get("type") == "ExternalName":
        return False
    ref = ObjectRef.of(service)
    if any(not _is_of_a_job(endpoint, ref.namespace, observed) for endpoint in observed.endpoints(ref)):
        return True
    workloads = (item for kind in _SERVING for item in observed.of_kind(kind) if ObjectRef.of(item).namespace == ref.namespace)
    if any(_selects(selector, _template_labels(item)) and _wanted_pods(item, observed) for item in workloads):
        return True
    pods = (pod for pod in observed.of_kind("Pod") if ObjectRef.of(pod).namespace == ref.namespace)
    return any(_selects(selector, pod["metadata"].get("labels") or {}) and _is_running_on_its_own(pod) for pod in pods)


def _selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


def _template_labels(workload: Manifest) -> Mapping[str, str]:
    template = (workload.get("spec") or {}).get("template") or {}
    return (template.get("metadata") or {}).get("labels") or {}


def _wanted_pods(workload: Manifest, observed: Observed) -> int:
    """The number of pods the workload keeps running, as far as its controller has reported."""
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    if workload["kind"] == "DaemonSet":
        return int(status.get("desiredNumberScheduled", 0))
    if spec.get("paused") and not status.get("replicas") and not observed.replicasets(workload):
        return 0
    return int(spec.get("replicas", 1))


def _is_running_on_its_own(pod: Manifest) -> bool:
    """Return whether the pod has no owner and has not ended."""
    return not pod["metadata"].get("ownerReferences") and (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}


def _is_of_a_job(endpoint: Mapping[str, object], namespace: str, observed: Observed) -> bool:
    target = endpoint.get("targetRef")
    name = str(target.get("name")) if isinstance(target, Mapping) else ""
    pod = observed.get(ObjectRef("Pod", namespace, name))
    owners = pod["metadata"].get("ownerReferences") or () if pod is not None else ()
    return any(owner["kind"] == "Job" and str(owner.get("apiVersion", "")).startswith("batch/") for owner in owners)
