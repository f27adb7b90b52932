"""Known causes, recognized by the messages of Kubernetes and container runtimes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.model import ObjectRef
from kindgate.observe.classify import CauseKind, cause_kind, classify
from kindgate.observe.object_evidence import Observation

POD = ObjectRef("Pod", "echo", "foo-1")

LINES = [
    (CauseKind.ENGINE, "the container engine does not answer: Cannot connect to the Docker daemon"),
    (CauseKind.NODE_DOWN, "the node's container is paused: Up 2 minutes (Paused)"),
    (CauseKind.NODE_DOWN, "the node's container is gone"),
    (
        CauseKind.FIREWALL,
        "pods of node a to reach pods of other nodes: the host's firewall drops packets between pods of different nodes: `-P FORWARD DROP`",
    ),
    (CauseKind.HOST_LIMIT, 'run.go:72] "command failed" err="failed complete: fsnotify watcher init: too many open files"'),
    (CauseKind.DNS, "DNS of the cluster: 0 of 2 replicas are ready"),
    (CauseKind.MISSING, "is not there"),
    (CauseKind.RATE_LIMIT, 'Failed: Failed to pull image "nginx": toomanyrequests: You have reached your pull rate limit'),
    (CauseKind.RATE_LIMIT, "container app: ErrImagePull: unexpected status from HEAD request: 429 Too Many Requests"),
    (CauseKind.IMAGE_PULL, 'container app: ImagePullBackOff: Back-off pulling image "registry.example/nope:1"'),
    (CauseKind.IMAGE_PULL, 'Failed: Failed to pull image "nope": rpc error: code = NotFound desc = failed to pull and unpack image'),
    (CauseKind.IMAGE_PULL, "container app: InvalidImageName: Failed to apply default image tag"),
    (CauseKind.IMAGE_PULL, "container app: ErrImageNeverPull: Container image is not present with pull policy of Never"),
    (CauseKind.OUT_OF_MEMORY, "container app: OOMKilled, exit code 137"),
    (CauseKind.OUT_OF_MEMORY, "OOMKilling: Memory cgroup out of memory: Killed process 123 (app)"),
    (CauseKind.OUT_OF_MEMORY, "SystemOOM: System OOM encountered, victim process: app, pid: 1"),
    (CauseKind.CRASH_LOOP, "container app: CrashLoopBackOff: back-off 10s restarting failed container=app"),
    (CauseKind.CRASH_LOOP, "BackOff: Back-off restarting failed container app in pod foo"),
    (CauseKind.CRASH_LOOP, 'container app: StartError, exit code 128: exec: "nope": executable file not found in $PATH'),
    (CauseKind.PROBE, "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500"),
    (CauseKind.PROBE, "Killing: Container app failed liveness probe, will be restarted"),
    (CauseKind.SCHEDULING, "FailedScheduling: 0/3 nodes are available: 3 Insufficient cpu."),
    (CauseKind.SCHEDULING, "Unschedulable: 0/3 nodes are available: 1 node(s) had untolerated taint"),
    (CauseKind.MOUNT, 'FailedMount: MountVolume.SetUp failed for volume "config": configmap "nope" not found'),
    (CauseKind.MOUNT, "FailedAttachVolume: Multi-Attach error for volume"),
    (CauseKind.QUOTA, 'FailedCreate: Error creating: pods "foo-1" is forbidden: exceeded quota: small, requested: pods=1'),
    (CauseKind.QUOTA, 'FailedCreate: pods "foo-1" is forbidden: failed quota: small: must specify limits.cpu'),
    (
        CauseKind.WEBHOOK,
        'Internal error occurred: failed calling webhook "validate.nginx.ingress.kubernetes.io": connect: connection refused',
    ),
    (CauseKind.ADMISSION, 'admission webhook "validation.gatekeeper.sh" denied the request: [must-have-owner]'),
    (CauseKind.ADMISSION, 'admission webhook "policy.example" denied the request: containers must specify limits'),
    (CauseKind.ADMISSION, "deployments.apps is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"),
    (CauseKind.ADMISSION, 'FailedCreate: pods "foo-1" is forbidden: violates PodSecurity "restricted:latest"'),
    (CauseKind.ADMISSION, 'FailedCreate: pods "foo-1" is forbidden: error looking up service account echo/app'),
    (CauseKind.CNI, 'FailedCreatePodSandBox: failed to setup network for sandbox "1": plugin type="bridge" failed (add)'),
    (CauseKind.CNI, "NotReady: KubeletNotReady: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady"),
    (CauseKind.DISK_PRESSURE, "DiskPressure: KubeletHasDiskPressure: kubelet has disk pressure"),
    (CauseKind.DISK_PRESSURE, "Evicted: The node was low on resource: ephemeral-storage."),
    (CauseKind.DISK_PRESSURE, "container app: CreateContainerError: write /x: no space left on device"),
    (CauseKind.NODE, "NotReady: NodeStatusUnknown: Kubelet stopped posting node status."),
]


@pytest.mark.parametrize(("kind", "line"), LINES, ids=[f"{number}: {kind}" for number, (kind, _) in enumerate(LINES)])
def test_each_known_cause_is_named(kind: CauseKind, line: str) -> None:
    """The most specific cause that matches the line is named."""
    assert cause_kind(line) is kind


def test_every_cause_is_covered_by_a_line() -> None:
    """Every cause is tested with a line in this module."""
    assert {kind for kind, _ in LINES} == set(CauseKind)


@pytest.mark.parametrize(
    "line",
    [
        "the node's container is Up 3 minutes ago: Up 3 minutes ago",
        "the node's container is running: Up 3 minutes",
        'Pulled: Container image "nginx" already present on machine',
        "Scheduled: Successfully assigned echo/foo to worker",
        "Started: Started container app",
        'Failed to watch: configmaps "coredns" is forbidden: User "system:node:n" cannot list resource "configmaps"',
        "NodeReady: Node worker status is now: NodeReady",
        "",
    ],
)
def test_an_ordinary_line_has_no_cause(line: str) -> None:
    """Ordinary log lines with the same words match no cause."""
    assert cause_kind(line) is None


@given(st.text())
def test_any_line_can_be_classified(line: str) -> None:
    """Any text can be classified."""
    cause_kind(line)


def test_the_best_explanation_comes_first_with_its_line() -> None:
    """A rate limit explains the back-off, whatever was seen first."""
    causes = classify(
        [
            Observation(POD, "container app: ImagePullBackOff: Back-off pulling image"),
            Observation(POD, "Unhealthy: Readiness probe failed"),
            Observation(POD, "Failed: 429 Too Many Requests"),
        ]
    )
    assert [cause.kind for cause in causes] == [CauseKind.RATE_LIMIT, CauseKind.IMAGE_PULL, CauseKind.PROBE]
    assert str(causes[0]) == "rate limit: Pod echo/foo-1: Failed: 429 Too Many Requests"


def test_an_object_is_named_once_per_cause() -> None:
    """A pod's repeated back-offs are one cause; those of another pod are a second one."""
    other = ObjectRef("Pod", "echo", "bar-1")
    lines = [Observation(pod, f"BackOff: Back-off restarting failed container {number}") for number in range(3) for pod in (POD, other)]
    causes = classify(lines)
    assert [(cause.object, cause.proof[-1]) for cause in causes] == [(POD, "0"), (other, "0")]


def test_a_failed_probe_of_a_system_pod_is_not_a_cause() -> None:
    """A failed probe of a system pod on a busy machine does not explain a slow application; a crash loop there does."""
    scheduler = ObjectRef("Pod", "kube-system", "kube-scheduler-node")

    causes = classify(
        [Observation(scheduler, "Unhealthy: Readiness probe failed"), Observation(scheduler, "container a: CrashLoopBackOff")]
    )

    assert [cause.kind for cause in causes] == [CauseKind.CRASH_LOOP]
