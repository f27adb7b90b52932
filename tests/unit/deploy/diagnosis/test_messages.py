"""Kinds of causes, recognized by the messages of Kubernetes and container runtimes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.diagnosis.cause import CauseKind
from kindgate.deploy.diagnosis.messages import HOST_LIMIT, WATCH_LIMIT, kind_of_event, kind_of_text, text_causes
from kindgate.model import ObjectRef

LINES = [
    (
        CauseKind.FIREWALL,
        "pods of node a to reach pods of other nodes: the host's firewall drops packets between pods of different nodes: `-P FORWARD DROP`",
    ),
    (CauseKind.HOST_LIMIT, 'run.go:72] "command failed" err="failed complete: fsnotify watcher init: too many open files"'),
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
    (CauseKind.START, 'container app: StartError, exit code 128: exec: "nope": executable file not found in $PATH'),
    (CauseKind.START, "Pod echo/foo: CreateContainerError: container app: no command specified"),
    (CauseKind.OUT_OF_MEMORY, "container app: StartError, exit code 128: container init was OOM-killed (memory limit too low?)"),
    (CauseKind.MISSING_VALUES, 'Pod echo/foo: CreateContainerConfigError: container app: secret "key" not found'),
    (CauseKind.MISSING_VALUES, "Failed: Error: couldn't find key url in ConfigMap echo/settings"),
    (
        CauseKind.CONFIGURATION,
        "Pod echo/foo: CreateContainerConfigError: container app: container has runAsNonRoot and image will run as root",
    ),
    (CauseKind.EVICTION, 'Evicted: Usage of EmptyDir volume "data" exceeds the limit "1Gi".'),
    (CauseKind.EVICTION, "Evicted: Pod ephemeral local storage usage exceeds the total limit of containers 1Gi."),
    (CauseKind.OUT_OF_MEMORY, "Evicted: The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi."),
    (CauseKind.DEADLINE, "DeadlineExceeded: Job was active longer than specified deadline"),
    (CauseKind.DEADLINE, "DeadlineExceeded: Pod was active on the node longer than the specified deadline"),
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
def test_each_kind_is_recognized(kind: CauseKind, line: str) -> None:
    """The most specific kind that matches the line is recognized."""
    assert kind_of_text(line) is kind


@pytest.mark.parametrize(
    "line",
    [
        'Pulled: Container image "nginx" already present on machine',
        "Scheduled: Successfully assigned echo/foo to worker",
        "Started: Started container app",
        'Failed to watch: configmaps "coredns" is forbidden: User "system:node:n" cannot list resource "configmaps"',
        "NodeReady: Node worker status is now: NodeReady",
        'E1 "Failed to get status" err="rpc error: code = DeadlineExceeded desc = context deadline exceeded"',
        'kubelet: configmap "kube-root-ca.crt" not found yet',
        "",
    ],
)
def test_an_ordinary_line_has_no_kind(line: str) -> None:
    """Ordinary log lines with the same words match no kind."""
    assert kind_of_text(line) is CauseKind.UNKNOWN


@given(st.text(), st.text())
def test_any_line_can_be_classified(reason: str, message: str) -> None:
    """Any text has a kind, and text without one names no cause."""
    assert kind_of_text(message) in CauseKind
    assert kind_of_event(reason, message) in CauseKind
    found = list(text_causes(ObjectRef("Node", "", "worker"), [message]))
    assert len(found) == (kind_of_text(message) is not CauseKind.UNKNOWN)


@pytest.mark.parametrize(
    ("reason", "message", "kind"),
    [
        ("Unhealthy", "Readiness probe failed: out of memory, 429 Too Many Requests", CauseKind.PROBE),
        ("DeadlineExceeded", "Job was active longer than specified deadline", CauseKind.DEADLINE),
        ("FailedCreatePodSandBox", 'no runtime for "gvisor" is configured', CauseKind.SANDBOX),
        ("FailedCreatePodSandBox", 'failed to setup network for sandbox "1"', CauseKind.CNI),
        ("FailedMount", 'MountVolume.SetUp failed for volume "c": configmap "c" not found', CauseKind.MOUNT),
        (
            "FailedScheduling",
            "0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }",
            CauseKind.DISK_PRESSURE,
        ),
        ("BackOff", "Back-off restarting failed container app in pod foo", CauseKind.CRASH_LOOP),
        ("Failed", "Error: something that nobody has seen", CauseKind.UNKNOWN),
    ],
)
def test_the_reason_of_an_event_comes_before_its_text(reason: str, message: str, kind: CauseKind) -> None:
    """A probe's message quotes the application, so only its reason counts; others are refined by the kubelet's own words."""
    assert kind_of_event(reason, message) is kind


@pytest.mark.parametrize(
    ("line", "is_limit"),
    [
        ("fsnotify watcher init: too many open files", True),
        ("The configured user limit (128) on the number of inotify instances or the limit on open files was reached", True),
        ("accept4: too many open files; 1024 connections are open", False),
    ],
)
def test_an_applications_own_open_files_are_not_the_hosts(line: str, *, is_limit: bool) -> None:
    """An application can reach its own limit of open files; only file watchers share the host's."""
    assert bool(WATCH_LIMIT.search(line)) is is_limit
    assert HOST_LIMIT.search(line)
