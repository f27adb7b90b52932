"""The kind of a cause by its reason, and by phrases of Kubernetes, containerd and registries in the text of events and logs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from kindgate.deploy.diagnosis.cause import Cause, CauseKind
from kindgate.model import ObjectRef

QUOTA_EXCEEDED = re.compile(r"exceeded quota|failed quota|must specify (?:limits|requests|cpu|memory)", re.IGNORECASE)
"""A ResourceQuota is used up, or demands a value that the pod lacks."""

ADMISSION_DENIED = re.compile(r"violates PodSecurity|denied (?:the )?request", re.IGNORECASE)
"""Pod Security, a webhook ("denied the request") or a ValidatingAdmissionPolicy ("denied request") refused the object.

The message quotes what a policy demands ("denied the request: must specify limits"): test for a denial before a quota.
"""

WEBHOOK_FAILED = re.compile(r"failed calling webhook|failed to call webhook|no endpoints available for service .*webhook", re.IGNORECASE)
"""A webhook did not answer: most do once their own pods are ready."""

HOST_LIMIT = re.compile(r"too many open files|inotify\w* .*limit|no space left on device: .*inotify", re.IGNORECASE)
"""The host's inotify instances or open files are exhausted; kube-proxy and kubelets are affected first."""

WATCH_LIMIT = re.compile(
    r"(?:inotify|fsnotify|watch).*too many open files|too many open files.*inotify|inotify\w* .*limit|no space left on device: .*inotify",
    re.IGNORECASE,
)
"""The same in the log of an application, which can also exceed its own limit of open files."""

MISSING_VALUES = re.compile(r"\b(?:secret|configmap) \"[^\"]*\" not found|couldn't find key .+ in (?:configmap|secret) ", re.IGNORECASE)
"""A ConfigMap, a Secret or one of their keys does not exist."""

_RUNTIME_KINDS: tuple[tuple[CauseKind, tuple[str, ...]], ...] = (
    (CauseKind.HOST_LIMIT, (HOST_LIMIT.pattern,)),
    (
        CauseKind.RATE_LIMIT,
        (r"toomanyrequests", r"429 too many requests", r"rate limit exceeded", r"pull rate limit", r"status code 429"),
    ),
    (
        CauseKind.DISK_PRESSURE,
        (r"\bDiskPressure", r"disk-pressure", r"no space left on device", r"low on resource: ephemeral-storage", r"FreeDiskSpaceFailed"),
    ),
    (
        CauseKind.OUT_OF_MEMORY,
        (r"\bOOM-?Kill(?:ed|ing)\b", r"SystemOOM", r"out of memory", r"low on resource: memory", r"MemoryPressure"),
    ),
)
"""Shortages that the kubelet, the runtime or a registry can report in the message of almost any other problem."""

_TEXT_KINDS: tuple[tuple[CauseKind, tuple[str, ...]], ...] = (
    (CauseKind.FIREWALL, (r"the host's firewall drops packets",)),
    *_RUNTIME_KINDS,
    (CauseKind.EVICTION, (r"\bEvicted: ",)),
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
    (CauseKind.MISSING_VALUES, (rf"\b(?:CreateContainerConfigError|Failed: Error): .*(?:{MISSING_VALUES.pattern})",)),
    (CauseKind.CONFIGURATION, (r"\bCreateContainerConfigError\b",)),
    (CauseKind.START, (r"\b(?:StartError|ContainerCannotRun|RunContainerError|CreateContainerError)\b",)),
    (CauseKind.CRASH_LOOP, (r"CrashLoopBackOff", r"back-off restarting failed container")),
    # the reason alone is also the name of a gRPC code ("code = DeadlineExceeded") that fills the logs of nodes
    (CauseKind.DEADLINE, (r"was active (?:on the node )?longer than (?:the )?specified deadline",)),
    (CauseKind.PROBE, (r"(?:readiness|liveness|startup) probe (?:failed|errored)", r"failed (?:liveness|startup) probe")),
    (CauseKind.NODE, (r"\bNotReady\b", r"kubelet stopped posting node status")),
)
"""A line indicates the first kind that matches."""


def _compiled(kinds: Iterable[tuple[CauseKind, tuple[str, ...]]]) -> tuple[tuple[CauseKind, re.Pattern[str]], ...]:
    return tuple((kind, re.compile("|".join(patterns), re.IGNORECASE)) for kind, patterns in kinds)


_RUNTIME_PATTERNS = _compiled(_RUNTIME_KINDS)
_TEXT_PATTERNS = _compiled(_TEXT_KINDS)

_STATE_KINDS: Mapping[str, CauseKind] = {
    "ErrImagePull": CauseKind.IMAGE_PULL,
    "ImagePullBackOff": CauseKind.IMAGE_PULL,
    "InvalidImageName": CauseKind.IMAGE_PULL,
    "ErrImageNeverPull": CauseKind.IMAGE_PULL,
    "ImageInspectError": CauseKind.IMAGE_PULL,
    "CreateContainerConfigError": CauseKind.CONFIGURATION,
    "CreateContainerError": CauseKind.START,
    "RunContainerError": CauseKind.START,
    "StartError": CauseKind.START,
    "ContainerCannotRun": CauseKind.START,
    "OOMKilled": CauseKind.OUT_OF_MEMORY,
    "Evicted": CauseKind.EVICTION,
    "DeadlineExceeded": CauseKind.DEADLINE,
    "Unschedulable": CauseKind.SCHEDULING,
}
"""The reasons of container states, of pods, and of the condition PodScheduled."""

_DECISIVE_REASONS = frozenset({"OOMKilled", "DeadlineExceeded"})
"""Reasons that no message refines: a killed container's is what the application wrote last."""

_EVENT_KINDS: Mapping[str, CauseKind] = {"Unhealthy": CauseKind.PROBE, "DeadlineExceeded": CauseKind.DEADLINE}
"""Events whose reason decides: the message of a failed probe quotes the application."""


def kind_of_state(reason: str, message: str) -> CauseKind:
    """Return the kind that the reason of a container's or pod's state stands for; a shortage in its message explains more."""
    kind = _STATE_KINDS.get(reason, CauseKind.UNKNOWN)
    if kind is CauseKind.UNKNOWN or reason in _DECISIVE_REASONS:
        return kind
    if kind is CauseKind.CONFIGURATION and MISSING_VALUES.search(message):
        return CauseKind.MISSING_VALUES
    return _first_match(_RUNTIME_PATTERNS, message, kind)


def kind_of_event(reason: str, message: str) -> CauseKind:
    """Return the kind of cause that an event reports."""
    otherwise = CauseKind.SANDBOX if reason == "FailedCreatePodSandBox" else CauseKind.UNKNOWN
    return _EVENT_KINDS.get(reason) or _first_match(_TEXT_PATTERNS, f"{reason}: {message}", otherwise)


def kind_of_text(line: str) -> CauseKind:
    """Return the kind of cause that a line of text indicates."""
    return _first_match(_TEXT_PATTERNS, line, CauseKind.UNKNOWN)


def text_causes(ref: ObjectRef, lines: Iterable[str]) -> Iterator[Cause]:
    """Yield a cause for each line of text about the object that indicates one."""
    for line in lines:
        kind = kind_of_text(line)
        if kind is not CauseKind.UNKNOWN:
            yield Cause(kind, ref, "", line)


def _first_match(patterns: Iterable[tuple[CauseKind, re.Pattern[str]]], text: str, otherwise: CauseKind) -> CauseKind:
    return next((kind for kind, pattern in patterns if pattern.search(text)), otherwise)
