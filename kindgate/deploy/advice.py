"""What to do about an application that is not ready: a remedy where time does not help, else more time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kindgate.deploy.causes import NEVER, Cause
from kindgate.model import ObjectRef

MORE_TIME = "increase --app-timeout"

_REMEDIES: Mapping[str, Sequence[tuple[str, str]]] = {
    "ErrImagePull": [("", "correct the image's name, or provide it with --app-image NAME=IMAGE or --kind-load IMAGE")],
    "InvalidImageName": [("", "correct the image's name")],
    "ErrImageNeverPull": [("", "provide the image with --kind-load IMAGE, or set imagePullPolicy: IfNotPresent")],
    "ImageInspectError": [("", "provide the image again: the node cannot read its copy")],
    "OOMKilled": [("", "raise the container's memory limit")],
    "StartError": [("", "correct the container's command, or its image")],
    "CrashLoopBackOff": [("", "the container's log says why it ends")],
    "PodsFailed": [("", "the log of its pods says why they fail")],
    "CreateContainerConfigError": [
        ("(?i)run as root|runAsNonRoot", "give the image a numeric USER, or set runAsUser"),
        ("(?i)secret", "provide the Secret: --app-secret NAME=ENV_VAR, or a manifest"),
        ("", "provide what the message names"),
    ],
    "CreateContainerError": [("", "correct what the message names")],
    "QuotaExceeded": [
        ("must specify", "give every container what the ResourceQuota counts, or apply a LimitRange with defaults"),
        ("", "raise the ResourceQuota, or lower requests and replicas"),
    ],
    "AdmissionDenied": [("", "change the pod template or the policy that refuses it")],
    "FailedCreate": [("service account", "create the ServiceAccount"), ("", "change the pod template as the API server demands")],
    "FailedMount": [("", "provide what the message names")],
    "FailedCreatePodSandBox": [("", "leave out runtimeClassName, or install the runtime in the nodes")],
    "Unschedulable": [
        ("Insufficient", "lower requests or replicas, or add nodes (--kind-workers)"),
        ("free ports", "leave out hostPort, or add nodes (--kind-workers): it allows one pod on each"),
        ("anti-affinity|topology spread", "make the rule a preferred one, lower the replicas, or add nodes (--kind-workers)"),
        ("affinity|selector", "change nodeSelector or affinity, or label the nodes (--kind-config)"),
        ('persistentvolumeclaim "[^"]*" not found', "create the PersistentVolumeClaim"),
        ("unbound immediate|volume node affinity", "provide a volume that the claim can be bound to"),
        (r"taint \{(?!node\.kubernetes\.io/)", "add a toleration, or remove the taint"),
    ],
    "SchedulingGated": [("", "remove the gates, or apply the controller that does so with --app-apply PATH")],
    "NoScheduler": [("", "leave out schedulerName, or apply the scheduler with --app-apply PATH")],
    "ReadinessGatesNotReady": [("", "leave out readinessGates, or apply the controller that sets them with --app-apply PATH")],
    "ProbeFailed": [("statuscode: 4", "correct the probe's path and port: what answers does not know them")],
    "ProvisioningFailed": [("", "name a storage class that the cluster has; kind has `standard`")],
    "ExternalProvisioning": [
        ("", "apply the provisioner with --app-apply PATH, or name a storage class that the cluster has; kind has `standard`")
    ],
    "FailedBinding": [("", "provide a PersistentVolume that fits, or name a storage class; kind has `standard`")],
    "ClaimMisbound": [("", "let the claim and the volume name each other")],
    "Deleted": [("^Job", "raise ttlSecondsAfterFinished: nothing shows how the Job ended"), ("", "find out what deletes it")],
    "NotFound": [("^Job", "raise ttlSecondsAfterFinished: nothing shows how the Job ended"), ("", "find out what deletes it")],
}
"""For each reason, patterns of what the cause says and what helps then; the first that matches counts."""

_SAME = {"ImagePullBackOff": "ErrImagePull", "ContainerCannotRun": "StartError", "RunContainerError": "CreateContainerError"}

_MAY_PASS = frozenset({"FailedCreate", "FailedMount", "FailedCreatePodSandBox"})
"""Reasons with a remedy only where they are final: a webhook, a disk or a network may come up."""


def remedy(cause: Cause) -> str:
    """What helps against the cause; empty where time may, or nothing is known that does."""
    if cause.reason in _MAY_PASS and cause.grace == NEVER:
        return ""
    if cause.reason == "OldPodStuck":
        return f"delete the pod: `kubectl {_in(cause.object)}delete pod {cause.object.name}`"
    patterns = _REMEDIES.get(_SAME.get(cause.reason, cause.reason), ())
    text = f"{cause.object.kind} {cause.proof}" if cause.reason in {"Deleted", "NotFound"} else cause.proof
    return next((advice for pattern, advice in patterns if re.search(pattern, text)), "")


def next_step(cause: Cause) -> str:
    """The remedy of the cause, and how to see more of its object."""
    return "; ".join(part for part in (remedy(cause), f"`{_describe(cause.object)}` shows more") if part)


def blocking(standing: Sequence[Cause]) -> Cause | None:
    """The first of the causes that time does not remove; None where it may remove all of them."""
    return next((cause for cause in standing if remedy(cause)), None)


def _describe(ref: ObjectRef) -> str:
    return f"kubectl {_in(ref)}describe {ref.kind.lower()} {ref.name}"


def _in(ref: ObjectRef) -> str:
    return f"-n {ref.namespace} " if ref.namespace else ""
