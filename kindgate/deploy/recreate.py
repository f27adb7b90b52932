"""Objects that cannot be changed in place: recreated if nothing is lost, otherwise one line gives the command.

Such changes occur on a kept cluster: a Job's template, a selector, a Service's address, a roleRef.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from kindgate.cluster.api_client import Api
from kindgate.cluster.api_retry import request_if_exists, wait_deleted
from kindgate.deploy.last_applied import contains
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress, Manifest, ObjectRef, group_of, kind_of
from kindgate.object_status import condition
from kindgate.pod_templates import pod_template
from kindgate.waiting import Deadline

_IMMUTABLE_PHRASES = (
    r"(immutable|(may|can) ?not (be )?changed?\b|updates? to .*(is|are) forbidden|updates may not change"
    r"|can be resized|can ?not be less than|can ?not be updated)"
)
_IMMUTABLE = re.compile(rf"^Forbidden: [^\n]*{_IMMUTABLE_PHRASES}|{_IMMUTABLE_PHRASES}[^:\n]*$")
"""The API server's messages about immutable fields: the phrase comes before the two values or after one, which can be any text."""

_POLICY = re.compile("denied (the )?request")
"""The message of a rejecting policy, whose wording is arbitrary."""

_LOSSLESS_KINDS = frozenset(
    {"Job", "CronJob", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod"}
    | {"ConfigMap", "Secret", "Service", "EndpointSlice", "Ingress", "IngressClass", "NetworkPolicy", "RoleBinding", "ClusterRoleBinding"}
    | {"ResourceQuota", "LimitRange", "PodDisruptionBudget", "HorizontalPodAutoscaler", "PriorityClass", "RuntimeClass", "StorageClass"}
)
"""Kinds that the manifest describes completely. Volumes outlive the pods, StatefulSets and classes that use them."""

_HOLDS_DATA = {
    "PersistentVolumeClaim": "deleting it also deletes its data",
    "PersistentVolume": "deleting it may also delete its data",
    "CustomResourceDefinition": "deleting it also deletes all its objects",
}


def immutable_fields(error: ApiError, manifest: Manifest, live: Manifest) -> tuple[str, ...]:
    """Return the fields that `error` refuses to change on `live`; none if it has another cause.

    If the server names only `spec`, these are the fields of it that differ.
    """
    fields: dict[str, None] = {}
    for field, message in error.causes or (("", error.message),):
        if _IMMUTABLE.search(message) and not _POLICY.search(error.message):
            fields |= dict.fromkeys(_differing_fields(manifest, live, changeable=message) if field in {"", "spec"} else (field,))
    return tuple(fields)


def loss_on_recreation(manifest: Manifest, live: Manifest) -> str:
    """Return what is lost when `live` is deleted and recreated; empty if nothing is."""
    kind = kind_of(manifest)
    if kind == "PersistentVolumeClaim" and (live.get("status") or {}).get("phase") == "Pending":
        return ""  # a claim without a volume has no data
    if kind not in _LOSSLESS_KINDS:
        return _HOLDS_DATA.get(kind, "it is unknown what deleting it would lose")
    retention = (live.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    if kind == "StatefulSet" and retention.get("whenDeleted") == "Delete":
        return "deleting it also deletes the data of its claims"
    return ""


def recreate(api: Api, path: str, live: Manifest, deadline: Deadline) -> None:
    """Delete the object with its dependents and wait until it is gone; the next apply creates it again. Raises `DeployError`."""
    uid = str(live["metadata"]["uid"])
    request_if_exists(api, "DELETE", path, deadline, body={"propagationPolicy": "Foreground", "preconditions": {"uid": uid}})
    wait_deleted(api, path, ObjectRef.of(live), uid, deadline)


def is_failed_job(manifest: Manifest, live: Manifest) -> bool:
    """Return whether this is a failed Job: no change makes it run again."""
    return kind_of(manifest) == "Job" and condition(live, "Failed").get("status") == "True"


def deletion_command(path: str, manifest: Manifest, live: Manifest, others: Iterable[Manifest], address: ClusterAddress) -> str:
    """Return the command that deletes the object, and any workloads among `others` that use a claim; kubectl waits for both."""
    namespace = ObjectRef.of(live).namespace
    names = [*_claim_users(live, others), f"{_resource(path, manifest)}/{ObjectRef.of(live).name}"]
    scope = f"--namespace {namespace} " if namespace else ""
    if address.existing:
        kubectl = f"kubectl --kubeconfig {shlex.quote(str(address.kubeconfig))} --context {shlex.quote(address.context)}"
    else:
        kubectl = f"kindgate shell --cluster-name {shlex.quote(address.name)} -- kubectl"
    return f"{kubectl} {scope}delete {' '.join(names)}"


def _differing_fields(manifest: Manifest, live: Manifest, changeable: str) -> Iterator[str]:
    """Yield the fields of the specification in which `live` differs, except those that the message calls changeable."""
    spec, live_spec = manifest.get("spec") or {}, live.get("spec") or {}
    allowed = set(re.findall(r"'(\w+)'", changeable))
    differing = [f"spec.{key}" for key, value in spec.items() if key not in allowed and not contains(live_spec.get(key), value)]
    yield from differing or ["spec"]


def _claim_users(live: Manifest, others: Iterable[Manifest]) -> Iterator[str]:
    """Yield the workloads that mount the claim: it is not deleted before their pods are."""
    ref = ObjectRef.of(live)
    for other in others if ref.kind == "PersistentVolumeClaim" else ():
        template = pod_template(other)
        volumes = template.spec.get("volumes") or () if template else ()
        claims = {(volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in volumes}
        if ref.name in claims and ObjectRef.of(other).namespace == ref.namespace:
            yield f"{str(other['kind']).lower()}/{ObjectRef.of(other).name}"


def _resource(path: str, manifest: Manifest) -> str:
    """Return the kind as kubectl accepts it, with its group unless that is one of Kubernetes' short ones."""
    group = group_of(manifest)
    return f"{path.split('/')[-2]}.{group}" if "." in group else str(manifest["kind"]).lower()
