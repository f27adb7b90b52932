"""The cause in a container's state: its kind, its reason, and whether it can still pass."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.diagnosis.cause import NO_GRACE, PULL_RETRY_GRACE, SHORT_GRACE, UNLIMITED_GRACE, Cause, CauseKind
from kindgate.deploy.diagnosis.containers import container_cause

START_FAILURE = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "


def cause_of(*, limits: dict[str, str] | None = None, restarts: int = 0, last: dict[str, Any] | None = None, **state: Any) -> Cause | None:
    """Return the cause for the only container of a pod, which is in this state."""
    container = {"name": "app", "image": "example/app:1", "restartCount": restarts, "state": state, "lastState": last or {}}
    spec = {"containers": [{"name": "app", "resources": {"limits": limits or {}}}]}
    pod = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "foo", "namespace": "echo"}, "spec": spec}
    return container_cause(pod, container)


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    """A waiting state."""
    return {"waiting": {"reason": reason, "message": message}}


def terminated(reason: str, message: str = "", code: int = 1) -> dict[str, Any]:
    """A terminated state."""
    return {"terminated": {"reason": reason, "exitCode": code, "message": message}}


@pytest.mark.parametrize(
    ("state", "kind", "grace"),
    [
        (waiting("InvalidImageName", "couldn't parse image name"), CauseKind.IMAGE_PULL, NO_GRACE),
        (waiting("ErrImageNeverPull", "image is not present with pull policy of Never"), CauseKind.IMAGE_PULL, NO_GRACE),
        (waiting("ImageInspectError", "failed to inspect image"), CauseKind.IMAGE_PULL, PULL_RETRY_GRACE),
        (waiting("ErrImagePull", "429 Too Many Requests - toomanyrequests"), CauseKind.RATE_LIMIT, PULL_RETRY_GRACE),
        (waiting("ErrImagePull", "write /layer: no space left on device"), CauseKind.DISK_PRESSURE, PULL_RETRY_GRACE),
        (waiting("CreateContainerConfigError", 'secret "key" not found'), CauseKind.MISSING_VALUES, SHORT_GRACE),
        (waiting("CreateContainerConfigError", 'configmap "c" not found'), CauseKind.MISSING_VALUES, SHORT_GRACE),
        (waiting("CreateContainerConfigError", "couldn't find key url in ConfigMap echo/c"), CauseKind.MISSING_VALUES, SHORT_GRACE),
        (waiting("CreateContainerConfigError", "couldn't find key url in Secret echo/c"), CauseKind.MISSING_VALUES, SHORT_GRACE),
        (
            waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
            CauseKind.CONFIGURATION,
            SHORT_GRACE,
        ),
        (
            waiting("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition"),
            CauseKind.CONFIGURATION,
            UNLIMITED_GRACE,
        ),
        (
            waiting("CreateContainerConfigError", "services have not yet been read at least once, cannot construct envvars"),
            CauseKind.CONFIGURATION,
            UNLIMITED_GRACE,
        ),
        (waiting("CreateContainerError", "failed to generate container spec: no command specified"), CauseKind.START, SHORT_GRACE),
        (waiting("CreateContainerError", "context deadline exceeded"), CauseKind.START, UNLIMITED_GRACE),
        (
            waiting("CreateContainerError", 'failed to reserve container name "app_0": name "app_0" is reserved for "1"'),
            CauseKind.START,
            UNLIMITED_GRACE,
        ),
        (waiting("CreateContainerError", "write /x: no space left on device"), CauseKind.DISK_PRESSURE, SHORT_GRACE),
        (waiting("RunContainerError", f'{START_FAILURE}exec: "nope": not found'), CauseKind.START, SHORT_GRACE),
        (terminated("StartError", f'{START_FAILURE}exec: "nope": not found', 128), CauseKind.START, NO_GRACE),
        (
            terminated("StartError", f"{START_FAILURE}container init was OOM-killed (memory limit too low?)"),
            CauseKind.OUT_OF_MEMORY,
            NO_GRACE,
        ),
        (terminated("StartError", "failed to start containerd task: context deadline exceeded"), CauseKind.START, UNLIMITED_GRACE),
        (terminated("ContainerCannotRun", "no such file or directory"), CauseKind.START, NO_GRACE),
        (terminated("OOMKilled", code=137), CauseKind.OUT_OF_MEMORY, NO_GRACE),
        (terminated("OOMKilled", "no space left on device", 137), CauseKind.OUT_OF_MEMORY, NO_GRACE),
        (waiting("CrashLoopBackOff", "back-off 10s restarting failed container=app"), CauseKind.CRASH_LOOP, NO_GRACE),
    ],
)
def test_a_state_has_one_cause(state: dict[str, Any], kind: CauseKind, grace: float) -> None:
    """The reason decides; its message only tells a shortage, a missing value, or an attempt that is repeated."""
    cause = cause_of(**state)
    assert cause is not None
    assert (cause.kind, cause.grace) == (kind, grace)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        {"running": {"startedAt": "2026-01-01T00:00:00Z"}, "last": terminated("StartError", code=128)},
        waiting("ContainerCreating"),
        waiting("PodInitializing"),
        waiting("PostStartHookError", "the hook exited with 1"),
        terminated("Completed", code=0),
        terminated("Error"),
        terminated("Error", "toomanyrequests: this application has its own rate limit; out of memory; no space left on device"),
        terminated("ContainerStatusUnknown", "The container could not be located when the pod was terminated", 137),
    ],
)
def test_a_state_that_proves_nothing_has_no_cause(state: dict[str, Any]) -> None:
    """A first failure may be the only one, and the last words of an application are not the kubelet's."""
    assert cause_of(**state) is None


def test_a_kill_without_a_limit_is_not_blamed_on_one() -> None:
    """The kernel also kills containers without a limit if the node or the pod has no memory left."""
    limited = cause_of(limits={"memory": "64Mi"}, **terminated("OOMKilled", code=137))
    unlimited = cause_of(**terminated("OOMKilled", code=137))
    assert limited is not None
    assert limited.message == "container app exceeded its memory limit"
    assert unlimited is not None
    assert "no memory limit" in unlimited.message


def test_an_error_explains_the_state_and_the_proof_quotes_it() -> None:
    """The error adds the image, the exit code and the restarts; a report quotes the kubelet."""
    pull = cause_of(**waiting("ErrImagePull", "not found"))
    loop = cause_of(restarts=3, last=terminated("Error", code=2), **waiting("CrashLoopBackOff", "back-off 10s"))
    assert pull is not None
    assert (pull.message, pull.proof) == ("container app, image example/app:1: not found", "container app: ErrImagePull: not found")
    assert loop is not None
    assert loop.message == "container app keeps exiting, last exit code 2, 3 restarts"
    assert loop.proof == "container app: CrashLoopBackOff: back-off 10s"
