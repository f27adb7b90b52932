"""The next step for an application that is not ready: a remedy if waiting does not help, otherwise more time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kindgate.deploy.diagnosis.cause import UNLIMITED_GRACE, Cause
from kindgate.model import ObjectRef

MORE_TIME = "increase --app-timeout"

_REMEDIES: Mapping[str, Sequence[tuple[str, str]]] = {
    "ErrImagePull": [("", "correct the image name, or provide the image with --app-image NAME=IMAGE or --kind-load IMAGE")],
    "InvalidImageName": [("", "correct the image name")],
    "ErrImageNeverPull": [("", "provide the image with --kind-load IMAGE, or set imagePullPolicy: IfNotPresent")],
    "ImageInspectError": [("", "provide the image again: the node's copy is unreadable")],
    "OOMKilled": [
        ("no memory limit", "set a memory limit, lower what the pods use, or give this machine more memory"),
        ("", "raise the container's memory limit"),
    ],
    "StartError": [("(?i)OOM-killed", "raise the container's memory limit"), ("", "correct the container's command or image")],
    "CrashLoopBackOff": [("", "see the container's log for the cause")],
    "PodsFailed": [("", "see the logs of its pods for the cause")],
    "CreateContainerConfigError": [
        ("(?i)run as root|runAsNonRoot", "give the image a numeric USER, or set runAsUser"),
        ("(?i)secret", "provide the Secret with --app-secret NAME=ENV_VAR or a manifest"),
        ("", "provide the object named in the message"),
    ],
    "CreateContainerError": [("", "correct the setting named in the message")],
    "QuotaExceeded": [
        ("must specify", "set the resources that the ResourceQuota counts on every container, or apply a LimitRange with defaults"),
        ("", "raise the ResourceQuota, or lower requests and replicas"),
    ],
    "AdmissionDenied": [("", "change the pod template or the policy that rejects it")],
    "FailedCreate": [("service account", "create the ServiceAccount"), ("", "change the pod template as the API server requires")],
    "FailedMount": [("", "provide the object named in the message")],
    "FailedCreatePodSandBox": [("", "remove runtimeClassName, or install the runtime on the nodes")],
    "Unschedulable": [
        ("Insufficient", "lower requests or replicas, or add nodes (--kind-workers)"),
        ("free ports", "remove hostPort, or add nodes (--kind-workers): it allows one pod per node"),
        ("anti-affinity|topology spread", "make the rule preferred, lower the replicas, or add nodes (--kind-workers)"),
        ("affinity|selector", "change nodeSelector or affinity, or label the nodes (--kind-config)"),
        ('persistentvolumeclaim "[^"]*" not found', "create the PersistentVolumeClaim"),
        ("unbound immediate|volume node affinity", "provide a volume that the claim can bind to"),
        (r"taint \{(?!node\.kubernetes\.io/)", "add a toleration, or remove the taint"),
    ],
    "SchedulingGated": [("", "remove the gates, or apply the controller that removes them with --app-apply PATH")],
    "NoScheduler": [("", "remove schedulerName, or apply the scheduler with --app-apply PATH")],
    "ReadinessGatesNotReady": [("", "remove readinessGates, or apply the controller that sets them with --app-apply PATH")],
    "ProbeFailed": [("statuscode: 4", "correct the probe's path and port: the server that answers has no such path")],
    "ProvisioningFailed": [("", "use a storage class that the cluster has; kind has `standard`")],
    "ExternalProvisioning": [
        ("", "apply the provisioner with --app-apply PATH, or use a storage class that the cluster has; kind has `standard`")
    ],
    "FailedBinding": [("", "provide a matching PersistentVolume, or set a storage class; kind has `standard`")],
    "ClaimMisbound": [("", "make the claim and the volume refer to each other")],
    "Deleted": [
        ("^Job", "raise ttlSecondsAfterFinished: the Job was removed before its result was seen"),
        ("", "find out which program deletes it"),
    ],
    "NotFound": [
        ("^Job", "raise ttlSecondsAfterFinished: the Job was removed before its result was seen"),
        ("", "find out which program deletes it"),
    ],
}
"""For each reason: patterns of the cause's message and the remedy; the first match wins."""

_EQUIVALENT = {"ImagePullBackOff": "ErrImagePull", "ContainerCannotRun": "StartError", "RunContainerError": "CreateContainerError"}

_POSSIBLY_TRANSIENT = frozenset(
    {
        "FailedCreate",
        "FailedMount",
        "FailedCreatePodSandBox",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "StartError",
        "ContainerCannotRun",
    }
)
"""Reasons that have a remedy only when final: a webhook, disk, network or slow runtime can still recover."""


def remedy(cause: Cause) -> str:
    """Return the remedy for the cause; empty if waiting might help or no remedy is known."""
    if cause.reason in _POSSIBLY_TRANSIENT and cause.grace == UNLIMITED_GRACE:
        return ""
    if cause.reason == "OldPodStuck":
        return f"delete the pod: `kubectl {_namespace_option(cause.object)}delete pod {cause.object.name}`"
    patterns = _REMEDIES.get(_EQUIVALENT.get(cause.reason, cause.reason), ())
    text = f"{cause.object.kind} {cause.message}" if cause.reason in {"Deleted", "NotFound"} else cause.message
    return next((advice for pattern, advice in patterns if re.search(pattern, text)), "")


def next_step(cause: Cause) -> str:
    """The remedy for the cause, and the command that shows its object in detail."""
    return "; ".join(part for part in (remedy(cause), f"for details run `{_describe_command(cause.object)}`") if part)


def blocking_cause(causes: Sequence[Cause]) -> Cause | None:
    """Return the first cause that waiting does not resolve; None if all of them might pass."""
    return next((cause for cause in causes if remedy(cause)), None)


def _describe_command(ref: ObjectRef) -> str:
    return f"kubectl {_namespace_option(ref)}describe {ref.kind.lower()} {ref.name}"


def _namespace_option(ref: ObjectRef) -> str:
    return f"-n {ref.namespace} " if ref.namespace else ""
