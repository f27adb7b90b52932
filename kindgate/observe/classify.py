"""The known causes of a failure, each with the line that proves it."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kindgate.deploy.rejection_patterns import ADMISSION_DENIED, QUOTA_EXCEEDED, WEBHOOK_FAILED
from kindgate.model import ObjectRef
from kindgate.observe.object_evidence import Observation


class CauseKind(enum.StrEnum):
    """The known causes in order of explanatory power: of two causes for one object, the first explains more."""

    ENGINE = "engine"
    NODE_DOWN = "node down"
    FIREWALL = "firewall of the host"
    MISSING = "object missing"
    DNS = "DNS"
    HOST_LIMIT = "limit of the host"
    RATE_LIMIT = "rate limit"
    DISK_PRESSURE = "disk pressure"
    OUT_OF_MEMORY = "out of memory"
    IMAGE_PULL = "image pull"
    WEBHOOK = "webhook not ready"
    ADMISSION = "admission denied"
    QUOTA = "quota"
    CNI = "CNI"
    MOUNT = "mount"
    SCHEDULING = "scheduling"
    CRASH_LOOP = "crash loop"
    PROBE = "probe"
    NODE = "node not ready"


@dataclass(frozen=True)
class KnownCause:
    """A cause, the object it applies to, and the line that proves it."""

    kind: CauseKind
    object: ObjectRef
    proof: str

    def __str__(self) -> str:
        """One line for a report."""
        return f"{self.kind}: {self.object}: {self.proof}"


SYSTEM_NAMESPACE = "kube-system"

HOST_LIMIT_PATTERN = r"too many open files|inotify\w* .*limit|no space left on device: .*inotify"
"""Messages about exhausted inotify instances or open files of the host; kube-proxy and kubelets are affected first."""

_CAUSE_PATTERNS: tuple[tuple[CauseKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile("|".join(patterns), re.IGNORECASE))
    for kind, patterns in (
        (CauseKind.ENGINE, (r"^the container engine does not answer",)),
        (CauseKind.NODE_DOWN, (r"^the node's container is (?!running\b|up\b)",)),
        (CauseKind.FIREWALL, (r"the host's firewall drops packets",)),
        (CauseKind.HOST_LIMIT, (HOST_LIMIT_PATTERN,)),
        (
            CauseKind.RATE_LIMIT,
            (r"toomanyrequests", r"429 too many requests", r"rate limit exceeded", r"pull rate limit", r"status code 429"),
        ),
        (
            CauseKind.DISK_PRESSURE,
            (
                r"\bDiskPressure",
                r"disk-pressure",
                r"no space left on device",
                r"low on resource: ephemeral-storage",
                r"FreeDiskSpaceFailed",
            ),
        ),
        (
            CauseKind.OUT_OF_MEMORY,
            (r"\bOOMKill(?:ed|ing)\b", r"SystemOOM", r"out of memory", r"low on resource: memory", r"MemoryPressure"),
        ),
        (
            CauseKind.IMAGE_PULL,
            (
                r"\bErrImage\w+",
                r"ImagePullBackOff",
                r"InvalidImageName",
                r"ImageInspectError",
                r"failed to pull .*image",
                r"back-off pulling image",
            ),
        ),
        (CauseKind.WEBHOOK, (WEBHOOK_FAILED.pattern,)),
        (CauseKind.ADMISSION, (ADMISSION_DENIED.pattern,)),
        (CauseKind.QUOTA, (QUOTA_EXCEEDED.pattern,)),
        (CauseKind.ADMISSION, (r"pods \"[^\"]*\" is forbidden: ",)),
        (
            CauseKind.CNI,
            (
                r"set ?up network for sandbox",
                r"cni plugin not initialized",
                r"network plugin is not ready",
                r"NetworkPluginNotReady",
                r"\bcni\b.* failed",
            ),
        ),
        (
            CauseKind.MOUNT,
            (r"\bFailed(?:Mount|AttachVolume|MapVolume)\b", r"MountVolume\.\w+ failed", r"unable to attach or mount volumes"),
        ),
        (CauseKind.SCHEDULING, (r"\bFailedScheduling\b", r"\bUnschedulable\b", r"\d+/\d+ nodes are available")),
        (
            CauseKind.CRASH_LOOP,
            (r"CrashLoopBackOff", r"back-off restarting failed container", r"StartError", r"ContainerCannotRun", r"RunContainerError"),
        ),
        (CauseKind.PROBE, (r"(?:readiness|liveness|startup) probe (?:failed|errored)", r"failed (?:liveness|startup) probe")),
        (CauseKind.DNS, (r"^DNS of the cluster",)),
        (CauseKind.MISSING, (r"^is not there$",)),
        (CauseKind.NODE, (r"\bNotReady\b", r"kubelet stopped posting node status")),
    )
)
"""Phrases of Kubernetes, containerd and registries; a line indicates the first cause that matches."""


def cause_kind(text: str) -> CauseKind | None:
    """Return the cause that a line indicates; None if it indicates no known cause."""
    return next((kind for kind, pattern in _CAUSE_PATTERNS if pattern.search(text)), None)


def classify(observations: Iterable[Observation]) -> tuple[KnownCause, ...]:
    """Return the known causes in the observations, the best explanation first.

    An object appears once per cause, with the first matching line. A failed probe of one of the cluster's own pods does
    not count: on a busy machine each misses one occasionally, and their services are checked separately.
    """
    known_causes: dict[tuple[CauseKind, ObjectRef], KnownCause] = {}
    for observation in observations:
        kind = cause_kind(observation.text)
        if kind is not None and (kind, observation.object.namespace) != (CauseKind.PROBE, SYSTEM_NAMESPACE):
            known_causes.setdefault((kind, observation.object), KnownCause(kind, observation.object, observation.text))
    order = list(CauseKind)
    return tuple(sorted(known_causes.values(), key=lambda cause: order.index(cause.kind)))
