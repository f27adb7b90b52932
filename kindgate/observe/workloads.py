"""The workload of a pod, and its requests and limits per pod, from `Rendered`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kindgate.deploy.container_rules import LimitDefaults, effective_resources, limit_defaults
from kindgate.errors import MetricsError
from kindgate.model import ObjectRef, Rendered
from kindgate.pod_templates import pod_template

NAME_CHARACTER = "[bcdfghjklmnpqrstvwxz2456789]"
"""The alphabet of Kubernetes' generated names (apimachinery's util/rand), without vowels to avoid words."""

POD_SUFFIXES = {
    "Deployment": f"-{NAME_CHARACTER}{{1,10}}-{NAME_CHARACTER}{{5}}",
    "ReplicaSet": f"-{NAME_CHARACTER}{{5}}",
    "DaemonSet": f"-{NAME_CHARACTER}{{5}}",
    "StatefulSet": "-[0-9]+",
    "Job": f"(-[0-9]+)?-{NAME_CHARACTER}{{5}}",
    "CronJob": f"-[0-9]+(-[0-9]+)?-{NAME_CHARACTER}{{5}}",
    "Pod": "",
}
"""The suffixes that controllers add to a workload's name for its pods."""

UNDESCRIBED_POD = re.compile(f"(?P<name>.+?)(-{NAME_CHARACTER}{{6,10}})?-{NAME_CHARACTER}{{5}}")
"""A pod of a Deployment or DaemonSet that is not in the manifests, because it was already there."""


@dataclass(frozen=True)
class Allowance:
    """Requests and limits of one pod: CPU in cores, memory in bytes; None if a container sets none."""

    cpu_request: float | None = None
    cpu_limit: float | None = None
    memory_request: float | None = None
    memory_limit: float | None = None


@dataclass(frozen=True)
class Workload:
    """A workload, and the requests and limits of each of its pods."""

    namespace: str
    name: str
    pods: re.Pattern[str]
    allowance: Allowance


def workloads_of(rendered: Rendered) -> tuple[Workload, ...]:
    """Return the workloads in the manifests, longer names first, so a pod of `foo-bar` is never assigned to `foo`."""
    workloads = []
    defaults = limit_defaults(rendered.objects)
    for manifest in rendered.of_kind(*POD_SUFFIXES):
        ref = ObjectRef.of(manifest)
        template = pod_template(manifest)
        pattern = re.compile(re.escape(ref.name) + POD_SUFFIXES[ref.kind])
        workloads.append(
            Workload(
                ref.namespace or "default",
                ref.name,
                pattern,
                allowance_of(template.spec if template is not None else {}, str(ref), defaults.get(ref.namespace, LimitDefaults())),
            )
        )
    return tuple(sorted(workloads, key=lambda workload: (-len(workload.name), workload.name)))


def described_workload(namespace: str, pod: str, workloads: Iterable[Workload]) -> Workload | None:
    """Return the workload in the manifests that `pod` belongs to; None if there is none."""
    return next((workload for workload in workloads if workload.namespace == namespace and workload.pods.fullmatch(pod)), None)


def workload_of(namespace: str, pod: str, workloads: Iterable[Workload]) -> tuple[str, Allowance]:
    """Return the name of the workload that `pod` belongs to, and the requests and limits of each of its pods."""
    workload = described_workload(namespace, pod, workloads)
    if workload is not None:
        return workload.name, workload.allowance
    match = UNDESCRIBED_POD.fullmatch(pod)
    return (match["name"] if match else pod), Allowance()


def allowance_of(pod_spec: Mapping[str, Any], owner: str, defaults: LimitDefaults) -> Allowance:
    """Return the sums over a pod's containers, including sidecars, with the LimitRange `defaults` of its namespace.

    Raises `MetricsError` for an invalid quantity.
    """
    from kubernetes.utils.quantity import parse_quantity  # noqa: PLC0415  # it imports all of the kubernetes client

    sidecars = [container for container in pod_spec.get("initContainers") or () if container.get("restartPolicy") == "Always"]
    containers = [*(pod_spec.get("containers") or ()), *sidecars]

    def total(kind: str, resource: str) -> float | None:
        amounts = [effective_resources(container.get("resources") or {}, defaults)[kind].get(resource) for container in containers]
        if not amounts or None in amounts:
            return None
        try:
            return float(sum(parse_quantity(amount) for amount in amounts))  # type: ignore[no-untyped-call]  # published without types
        except ValueError as error:
            raise MetricsError(f"{owner}: {kind} of {resource}: {error}") from error

    return Allowance(total("requests", "cpu"), total("limits", "cpu"), total("requests", "memory"), total("limits", "memory"))
