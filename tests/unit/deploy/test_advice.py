"""Advice for an application that is not ready."""

from __future__ import annotations

import pytest

from kindgate.deploy.advice import blocking_cause, next_step, remedy
from kindgate.deploy.diagnosis.cause import NO_GRACE, SHORT_GRACE, UNLIMITED_GRACE, Cause, CauseKind
from kindgate.model import ObjectRef

POD = ObjectRef("Pod", "shop", "web-1")


def cause(reason: str, message: str = "", grace: float = UNLIMITED_GRACE) -> Cause:
    """Build a cause that keeps shop/web-1 from becoming ready."""
    return Cause(CauseKind.UNKNOWN, POD, reason, message, grace)


@pytest.mark.parametrize(
    ("reported_cause", "remedy_word"),
    [
        (cause("Unschedulable", "0/3 nodes are available: 1 node(s) had untolerated taint {a: }, 2 Insufficient cpu."), "requests"),
        (cause("Unschedulable", "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."), "hostPort"),
        (cause("Unschedulable", "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."), "preferred"),
        (cause("Unschedulable", "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints."), "preferred"),
        (cause("Unschedulable", "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."), "nodeSelector"),
        (cause("Unschedulable", "0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: db}."), "toleration"),
        (cause("Unschedulable", '0/1 nodes are available: persistentvolumeclaim "data" not found.'), "create the PersistentVolumeClaim"),
        (cause("Unschedulable", "pod has unbound immediate PersistentVolumeClaims."), "volume"),
        (cause("CreateContainerConfigError", 'container web: secret "key" not found', SHORT_GRACE), "--app-secret"),
        (cause("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", SHORT_GRACE), "USER"),
        (cause("QuotaExceeded", "exceeded quota: small", SHORT_GRACE), "ResourceQuota"),
        (cause("QuotaExceeded", "failed quota: q: must specify limits.cpu", SHORT_GRACE), "LimitRange"),
        (cause("ImagePullBackOff", "not found", SHORT_GRACE), "--app-image"),
        (cause("ErrImagePull", "401 Unauthorized", SHORT_GRACE), "--kind-load"),
        (cause("FailedCreate", "error looking up service account shop/web", SHORT_GRACE), "ServiceAccount"),
        (cause("FailedMount", 'configmap "c" not found', SHORT_GRACE), "provide"),
        (cause("ReadinessGatesNotReady"), "readinessGates"),
        (cause("SchedulingGated"), "gates"),
        (cause("NoScheduler"), "schedulerName"),
        (cause("OOMKilled", "container web exceeded its memory limit"), "raise the container's memory limit"),
        (cause("OOMKilled", "container web has no memory limit and was killed"), "more memory"),
        (cause("StartError", "container init was OOM-killed (memory limit too low?)", NO_GRACE), "memory limit"),
        (cause("StartError", 'exec: "nope": not found', NO_GRACE), "command"),
        (cause("CrashLoopBackOff"), "log"),
        (cause("ProbeFailed", "Readiness probe failed: HTTP probe failed with statuscode: 404"), "path and port"),
        (cause("ProvisioningFailed", 'storageclass "fast" not found'), "standard"),
        (cause("ExternalProvisioning", "Waiting for 'ebs.csi.aws.com' to create a volume"), "provisioner"),
        (cause("OldPodStuck"), "`kubectl -n shop delete pod web-1`"),
    ],
)
def test_a_cause_that_waiting_cannot_resolve_has_a_remedy(reported_cause: Cause, remedy_word: str) -> None:
    """A cause that time does not remove gets a remedy, never the advice to wait."""
    assert remedy_word in remedy(reported_cause)
    assert blocking_cause([reported_cause]) == reported_cause
    assert "--app-timeout" not in next_step(reported_cause)


@pytest.mark.parametrize(
    "reported_cause",
    [
        cause("ProbeFailed", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        cause("ProbeFailed", "Readiness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused"),
        cause("ProbeFailed", "Startup probe failed: context deadline exceeded"),
        cause("FailedCreate", "failed calling webhook: connection refused"),
        cause("FailedMount", "timed out waiting for the condition"),
        cause("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition"),
        cause("RunContainerError", "context deadline exceeded"),
        cause("FailedAttachVolume", "volume is still attached to another node"),
        cause("FailedCreatePodSandBox", "network plugin is not ready"),
        cause("Unschedulable", "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }."),
    ],
)
def test_a_cause_that_can_pass_has_no_remedy(reported_cause: Cause) -> None:
    """A starting program or a network that is coming up gets no remedy: it might only need more time."""
    assert remedy(reported_cause) == ""
    assert blocking_cause([reported_cause]) is None


def test_the_next_step_names_the_remedy_and_the_object() -> None:
    """The next step is a command with the object's name, and without a namespace if the object has none."""
    assert next_step(cause("OOMKilled")) == "raise the container's memory limit; for details run `kubectl -n shop describe pod web-1`"
    definition = Cause(CauseKind.UNKNOWN, ObjectRef("CustomResourceDefinition", "", "a.example.dev"), "Failed", "names are taken")
    assert next_step(definition) == "for details run `kubectl describe customresourcedefinition a.example.dev`"
