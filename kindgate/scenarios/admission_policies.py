"""Which of the application's workloads ValidatingAdmissionPolicies would refuse: created as dry runs in a namespace they apply to.

The policies are those of `k8s/components/admission-policies`. One that the cluster has already is used as it is, so an overlay
can change it; the others exist only meanwhile. Before anything is judged, each policy must refuse a pod that violates it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from kindgate.assets import manifests
from kindgate.cluster.api_client import Api
from kindgate.cluster.api_retry import request_if_exists, retried
from kindgate.errors import ScenarioError
from kindgate.model import ClusterAddress, Manifest, ObjectRef, kind_of
from kindgate.pod_templates import pod_templates
from kindgate.process import ProcessName
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.pod_admission import TRIAL_SECONDS, dry_run, trial_namespace
from kindgate.scenarios.undo import undone_afterward
from kindgate.scenarios.undo_journal import UndoRecord
from kindgate.slo.policy_judge import PolicyResult
from kindgate.waiting import Deadline, Pending, Ready, wait_for

LABEL: Final = {"kindgate.dev/admission-policies": "deny"}
"""The label of namespaces to which the policies apply."""

ENFORCED_SECONDS = 60.0

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"})
"""The kinds that the policies match."""

_DENIED = re.compile(r"ValidatingAdmissionPolicy '([^']*)' with binding '[^']*' denied request: (.*)", re.DOTALL)

_RESOURCES: Final = {"requests": {"cpu": "10m"}, "limits": {"memory": "16Mi"}}
_LABELS: Final = {"app.kubernetes.io/name": "trial"}


def trial(image: str = "docker.io/library/web:1.0", labels: Mapping[str, str] = _LABELS, **resources: object) -> dict[str, Any]:
    """A pod that every policy admits, unless an argument violates one; `resources` replaces those of its container."""
    container = {"name": "web", "image": image, "resources": resources or _RESOURCES}
    metadata = {"name": "trial", "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


VIOLATIONS: Mapping[str, Manifest] = MappingProxyType(
    {
        "kindgate-required-labels": trial(labels={}),
        "kindgate-limits": trial(limits={"cpu": "1"}),
        "kindgate-registries": trial("registry.invalid/web:1.0"),
        "kindgate-no-latest": trial("docker.io/library/web:latest"),
    }
)
"""A pod for each policy, which this one alone refuses."""


def try_workloads(api: Api, address: ClusterAddress, kubectl: Path, objects: Iterable[Manifest]) -> PolicyResult:
    """The result for the workloads among `objects`; nothing is created but an empty namespace, and missing policies meanwhile.

    Raises `ScenarioError` if a policy does not refuse what violates it, and `KindgateError` if this cannot be tried.
    """
    missed, unknown, judged = [], [], 0
    with admission_policies(api, address, kubectl), trial_namespace(api, address, kubectl, LABEL) as namespace:
        wait_enforced(api, namespace)
        for item in objects:
            if kind_of(item) not in WORKLOADS or not pod_templates(item):
                continue
            judged += 1
            message = dry_run(api, placed(item, namespace))
            policy, reason = denial_in(message)
            if policy:
                missed.append(f"{ObjectRef.of(item)}: {policy}: {reason}")
            elif message:
                unknown.append(f"{ObjectRef.of(item)}: {message}")
    return PolicyResult("admission policies admit the workloads", "workload", judged, tuple(missed), tuple(unknown), len(missed))


@contextmanager
def admission_policies(api: Api, address: ClusterAddress, kubectl: Path) -> Iterator[None]:
    """Create the policies that the cluster lacks, and delete those afterward, also if this process is killed in the block."""
    deadline = Deadline.after(TRIAL_SECONDS)
    missing = [item for item in shipped_policies() if request_if_exists(api, "GET", api.object_path(item, deadline), deadline) is None]
    if not missing:
        yield
        return
    record = UndoRecord(
        episode=f"admission-policies-{secrets.token_hex(3)}",
        what="policy: admission policies",
        cluster=address.name,
        existing=address.existing,
        kubectl=kubectl,
        kubeconfig=address.kubeconfig,
        context=address.context,
        process=ProcessName.current(),
        steps=tuple(UndoStep(("delete", item["kind"].lower(), item["metadata"]["name"], "--ignore-not-found")) for item in missing),
    )
    with undone_afterward(record) as undo:
        for item in missing:
            _create(api, item, deadline)
        yield
    if undo.error:
        raise ScenarioError("the admission policies are not deleted", last_state=undo.error, next_step="run `kindgate scenario undo`")


def shipped_policies() -> Sequence[Manifest]:
    """The policies and their bindings in `k8s/components/admission-policies`."""
    text = (manifests() / "components" / "admission-policies" / "policies.yaml").read_text(encoding="utf-8")
    return [item for item in yaml.safe_load_all(text) if item]


def wait_enforced(api: Api, namespace: str) -> None:
    """Wait until each policy refuses a pod that violates it; raises `WaitTimeout`, with those that do not."""

    def probe() -> Ready[None] | Pending:
        found = {name: denial_in(dry_run(api, placed(pod, namespace)))[0] for name, pod in VIOLATIONS.items()}
        idle = [name for name, policy in found.items() if policy != name]
        return Pending(f"not enforced: {', '.join(idle)}") if idle else Ready(None)

    wait_for(
        "the admission policies to refuse what violates them",
        probe,
        Deadline.after(ENFORCED_SECONDS),
        interval=0.5,
        next_step="compare the overlay's policies with k8s/components/admission-policies",
    )


def placed(item: Manifest, namespace: str) -> dict[str, Any]:
    """The object in another namespace."""
    metadata = {key: item["metadata"][key] for key in ("name", "labels", "annotations") if key in item["metadata"]}
    return {**item, "metadata": {**metadata, "namespace": namespace}}


def denial_in(message: str) -> tuple[str, str]:
    """The policy that refused an object and its reason; empty if the message is not of a policy."""
    match = _DENIED.search(message)
    return (match[1], match[2]) if match is not None else ("", "")


def _create(api: Api, item: Manifest, deadline: Deadline) -> None:
    path = api.object_path(item, deadline).rpartition("/")[0]
    retried(lambda: api.request("POST", path, deadline, body=item), f"{ObjectRef.of(item)} cannot be created", deadline)
