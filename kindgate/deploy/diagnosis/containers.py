"""Why a container does not run: the cause in its state, as the kubelet and the runtime report it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kindgate.deploy.diagnosis.cause import NO_GRACE, PULL_RETRY_GRACE, SHORT_GRACE, UNLIMITED_GRACE, Cause, CauseKind
from kindgate.deploy.diagnosis.messages import kind_of_state
from kindgate.model import Manifest, ObjectRef

_PULL_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
_START_REASONS = frozenset({"StartError", "ContainerCannotRun"})
_CREATION_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})

_FINAL_PULL_MESSAGES = re.compile(
    "not found|does not exist|manifest unknown|unauthorized|authentication required|denied|invalid reference|forbidden|no match for",
    re.IGNORECASE,
)
_UNREACHABLE_REGISTRY = re.compile("no such host|connection refused|unreachable")

_TRANSIENT_MESSAGES = re.compile("deadline exceeded|timed out|is reserved for|services have not yet been read", re.IGNORECASE)
"""A slow runtime, the name that its abandoned attempt still holds, and a kubelet that has just started: each is retried."""


def container_cause(pod: Manifest, container: Mapping[str, Any]) -> Cause | None:
    """Return the strongest cause in a container's status; None if it runs, is starting, or has ended for an unknown reason."""
    readings = (_pull_cause, _end_cause, _loop_cause, _creation_cause)
    return next((cause for reading in readings if (cause := reading(pod, container)) is not None), None)


def last_termination(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how the container's present or previous run ended; empty if none has."""
    return (container.get("state") or {}).get("terminated") or (container.get("lastState") or {}).get("terminated") or {}


def _pull_cause(pod: Manifest, container: Mapping[str, Any]) -> Cause | None:
    name, reason, message = _waiting(container)
    if reason not in _PULL_REASONS:
        return None
    explanation = f"container {name}, image {container.get('image')}: {message}"
    grace, reported = _pull_grace(reason, message), _reported(name, container["state"]["waiting"])
    return Cause(kind_of_state(reason, message), ObjectRef.of(pod), reason, explanation, grace, reported)


def _end_cause(pod: Manifest, container: Mapping[str, Any]) -> Cause | None:
    """Return why the runtime or the kernel ended the present or the previous run."""
    name, ended, state = str(container["name"]), last_termination(container), container.get("state") or {}
    reason, message = str(ended.get("reason", "")), str(ended.get("message", ""))
    cause = Cause(kind_of_state(reason, message), ObjectRef.of(pod), reason, "", NO_GRACE, _reported(name, ended))
    if reason == "OOMKilled":
        return replace(cause, message=_memory_explanation(pod, name), container=name, previous="terminated" not in state)
    if reason in _START_REASONS and "running" not in state:
        grace = UNLIMITED_GRACE if _TRANSIENT_MESSAGES.search(message) else NO_GRACE
        return replace(cause, message=f"container {name} failed to start: {message}", grace=grace)
    return None


def _loop_cause(pod: Manifest, container: Mapping[str, Any]) -> Cause | None:
    """Return a cause for a container that keeps failing; between restarts, it is `terminated` for most of the time."""
    state, (name, reason, _) = container.get("state") or {}, _waiting(container)
    restarts, has_just_failed = int(container.get("restartCount", 0)), (state.get("terminated") or {}).get("exitCode", 0) != 0
    if reason != "CrashLoopBackOff" and not (restarts and has_just_failed):
        return None
    code = last_termination(container).get("exitCode", "unknown")
    return Cause(
        CauseKind.CRASH_LOOP,
        ObjectRef.of(pod),
        "CrashLoopBackOff",
        f"container {name} keeps exiting, last exit code {code}, {restarts} restarts",
        NO_GRACE,
        _reported(name, state.get("waiting") or last_termination(container)),
        container=name,
        previous=not has_just_failed,
        restarts=restarts,
    )


def _creation_cause(pod: Manifest, container: Mapping[str, Any]) -> Cause | None:
    name, reason, message = _waiting(container)
    if reason not in _CREATION_REASONS:
        return None
    grace = UNLIMITED_GRACE if _TRANSIENT_MESSAGES.search(message) else SHORT_GRACE
    reported = _reported(name, container["state"]["waiting"])
    return Cause(kind_of_state(reason, message), ObjectRef.of(pod), reason, f"container {name}: {message}", grace, reported)


def _waiting(container: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the container's name, and the reason and message of its waiting state; empty if it does not wait."""
    waiting = (container.get("state") or {}).get("waiting") or {}
    return str(container["name"]), str(waiting.get("reason", "")), str(waiting.get("message", ""))


def _reported(name: str, state: Mapping[str, Any]) -> str:
    """Return a waiting or terminated state on one line."""
    code = f", exit code {state['exitCode']}" if "exitCode" in state else ""
    return f"container {name}: {state.get('reason', '')}{code}: {state.get('message', '')}".rstrip(": ")


def _memory_explanation(pod: Manifest, name: str) -> str:
    """Return which memory limit was exceeded: the kernel also kills a container without one, if its pod or node has no memory left."""
    spec = pod.get("spec") or {}
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    limits = [(item.get("resources") or {}).get("limits") or {} for item in containers if item.get("name") == name]
    if any("memory" in limit for limit in limits):
        return f"container {name} exceeded its memory limit"
    return f"container {name} has no memory limit and was killed because its pod or node ran out of memory"


def _pull_grace(reason: str, message: str) -> float:
    """Return how long a failed pull can still recover: 0 if the registry or runtime reported that the image does not exist."""
    if reason in {"InvalidImageName", "ErrImageNeverPull"} or _FINAL_PULL_MESSAGES.search(message):
        return NO_GRACE
    return SHORT_GRACE if _UNREACHABLE_REGISTRY.search(message) else PULL_RETRY_GRACE
