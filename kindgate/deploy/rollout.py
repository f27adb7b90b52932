"""When an object that was applied is ready: one rule per kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kindgate.deploy.observed import Observed, condition, is_up_to_date
from kindgate.model import Manifest, ObjectRef
from kindgate.waiting import Hopeless, Pending, Ready

Progress = Ready[None] | Pending | Hopeless
_READY: Progress = Ready(None)


def progress(manifest: Manifest, observed: Observed) -> Progress:
    """How far the object that `manifest` asked for has come.

    Kinds without a rule are ready as soon as they were applied. A Service is ready when an address behind it is;
    one without a selector has none to wait for.
    """
    ref = ObjectRef.of(manifest)
    rule = _RULES.get(ref.kind)
    if rule is None:
        return _READY
    live = observed.get(ref)
    if live is None:
        return Pending("not seen yet")
    if not is_up_to_date(live):
        return Pending("its controller has not looked at it yet")
    return rule(live, observed)


def _deployment(live: Manifest, observed: Observed) -> Progress:
    status, wanted = _status(live), _replicas(live)
    failing = condition(live, "Progressing")
    if failing.get("reason") == "ProgressDeadlineExceeded":
        return Hopeless(str(failing.get("message")))
    old = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    if old > 0:
        return Pending(f"{old} pods of the revision before are still there")
    return _enough(status.get("availableReplicas", 0), wanted, "available", observed.leaving(live))


def _statefulset(live: Manifest, observed: Observed) -> Progress:
    status, wanted = _status(live), _replicas(live)
    if status.get("updateRevision") != status.get("currentRevision") and status.get("updatedReplicas", 0) < wanted:
        return _enough(status.get("updatedReplicas", 0), wanted, "updated")
    return _enough(status.get("readyReplicas", 0), wanted, "ready", observed.leaving(live))


def _daemonset(live: Manifest, observed: Observed) -> Progress:
    status = _status(live)
    wanted = status.get("desiredNumberScheduled", 0)
    available = min(status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))
    return _enough(available, wanted, "available", observed.leaving(live))


def _job(live: Manifest, _: Observed) -> Progress:
    failed = condition(live, "Failed")
    if failed.get("status") == "True":
        return Hopeless(f"{failed.get('reason')}: {failed.get('message')}")
    if condition(live, "Complete").get("status") == "True" or live["spec"].get("suspend"):
        return _READY
    return Pending(f"{_status(live).get('active', 0)} pods are at work")


def _pod(live: Manifest, _: Observed) -> Progress:
    phase = _status(live).get("phase", "Pending")
    if phase == "Succeeded" or condition(live, "Ready").get("status") == "True":
        return _READY
    if phase == "Failed" and live["spec"].get("restartPolicy") != "Always":
        return Hopeless(f"the pod failed: {_status(live).get('reason', '')} {_status(live).get('message', '')}".strip())
    return Pending(f"the pod is {phase}, and not ready")


def _service(live: Manifest, observed: Observed) -> Progress:
    if not live["spec"].get("selector") or live["spec"].get("type") == "ExternalName":
        return _READY
    return _READY if observed.ready_endpoints(ObjectRef.of(live)) else Pending("no ready address behind it")


def _disruption_budget(live: Manifest, _: Observed) -> Progress:
    status = _status(live)
    return _enough(status.get("currentHealthy", 0), status.get("desiredHealthy", 0), "healthy")


def _custom_kind(live: Manifest, _: Observed) -> Progress:
    return _true(live, "Established")


def _api_service(live: Manifest, _: Observed) -> Progress:
    return _true(live, "Available")


def _true(live: Manifest, kind: str) -> Progress:
    found = condition(live, kind)
    return _READY if found.get("status") == "True" else Pending(f"not {kind} yet: {found.get('message', 'no word from its controller')}")


def _enough(have: int, wanted: int, what: str, leaving: Sequence[Manifest] = ()) -> Progress:
    if have < wanted:
        return Pending(f"{have} of {wanted} {what}")
    return Pending(f"{len(leaving)} pods that were replaced are still on their way out") if leaving else _READY


def _status(live: Manifest) -> dict[str, Any]:
    return dict(live.get("status") or {})


def _replicas(live: Manifest) -> int:
    return int(live["spec"].get("replicas", 1))


WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "Pod"})
"""The kinds whose pods are looked at."""

_RULES: dict[str, Callable[[Manifest, Observed], Progress]] = {
    "Deployment": _deployment,
    "StatefulSet": _statefulset,
    "DaemonSet": _daemonset,
    "Job": _job,
    "Pod": _pod,
    "Service": _service,
    "PodDisruptionBudget": _disruption_budget,
    "CustomResourceDefinition": _custom_kind,
    "APIService": _api_service,
}
