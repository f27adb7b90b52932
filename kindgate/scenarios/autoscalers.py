"""The application's HorizontalPodAutoscalers: which of the manifests scale a workload, and what their status says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kindgate.errors import ScenarioError
from kindgate.model import Manifest, ObjectRef, Rendered
from kindgate.object_status import condition

KIND = "HorizontalPodAutoscaler"

NO_AUTOSCALER = "no HorizontalPodAutoscaler of the manifests scales a workload behind the application's entries"

DEFAULT_WINDOW = 300
"""Seconds of a scale-in's stabilization window if an autoscaler states none."""


@dataclass(frozen=True)
class Autoscaler:
    """A HorizontalPodAutoscaler `ref` and the workload that it scales."""

    ref: ObjectRef
    workload: ObjectRef

    @property
    def path(self) -> str:
        """Its path in the API, in the version that has all fields."""
        return f"{collection(self.ref.namespace)}/{self.ref.name}"

    def __str__(self) -> str:
        return str(self.ref)


def collection(namespace: str) -> str:
    """The path of a namespace's autoscalers."""
    return f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"


def find_autoscalers(workloads: Iterable[ObjectRef], rendered: Rendered) -> tuple[Autoscaler, ...]:
    """The autoscalers in the manifests that scale one of `workloads`, in order; empty without any."""
    wanted = set(workloads)
    return tuple(found for found in map(_autoscaler, rendered.of_kind(KIND)) if found.workload in wanted)


def autoscalers_of(workloads: Iterable[ObjectRef], rendered: Rendered) -> tuple[Autoscaler, ...]:
    """As `find_autoscalers`, but raises `ScenarioError` without any."""
    wanted = tuple(workloads)
    found = find_autoscalers(wanted, rendered)
    if not found:
        known = ", ".join(f"{each} of {each.workload}" for each in map(_autoscaler, rendered.of_kind(KIND)))
        raise ScenarioError(
            NO_AUTOSCALER,
            last_state=f"workloads: {', '.join(map(str, wanted)) or 'none'}; autoscalers: {known or 'none'}",
            next_step="add one to the overlay, or name the workload that is scaled",
        )
    return found


def _autoscaler(manifest: Manifest) -> Autoscaler:
    ref = ObjectRef.of(manifest)
    target = (manifest.get("spec") or {}).get("scaleTargetRef") or {}
    workload = {**target, "metadata": {"name": target.get("name"), "namespace": ref.namespace}}
    return Autoscaler(ref, ObjectRef.of(workload))


def replicas_of(live: Manifest) -> tuple[int, int]:
    """The current and the desired number of pods, as the autoscaler reports them."""
    status = live.get("status") or {}
    return int(status.get("currentReplicas") or 0), int(status.get("desiredReplicas") or 0)


def bounds_of(live: Manifest) -> tuple[int, int]:
    """The smallest and the largest number of pods that the autoscaler may set."""
    spec = live["spec"]
    return int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])


def window_of(live: Manifest) -> int:
    """Seconds of the stabilization window of a scale-in."""
    window = _scale_down(live).get("stabilizationWindowSeconds")
    return DEFAULT_WINDOW if window is None else int(window)


def may_scale_in(live: Manifest) -> bool:
    """Whether the autoscaler may reduce the number of pods at all."""
    return _scale_down(live).get("selectPolicy") != "Disabled"


def with_window(live: Manifest, seconds: int) -> dict[str, Any]:
    """The autoscaler's `behavior` with another stabilization window of scale-ins."""
    behavior = live["spec"].get("behavior") or {}
    return {**behavior, "scaleDown": {**_scale_down(live), "stabilizationWindowSeconds": seconds}}


def _scale_down(live: Manifest) -> Mapping[str, Any]:
    behavior = live["spec"].get("behavior") or {}
    rules: Mapping[str, Any] = behavior.get("scaleDown") or {}
    return rules


def inability(live: Manifest) -> str:
    """The autoscaler's own condition that keeps it from scaling; empty if none does."""
    for kind in ("AbleToScale", "ScalingActive"):
        found = condition(live, kind)
        if found.get("status") == "False":
            return f"{kind} is False: {found.get('reason')}: {_line(found.get('message'))}"
    return ""


def upper_limit(live: Manifest) -> str:
    """The autoscaler's condition that maxReplicas keeps it from adding a pod; empty if it does not."""
    found = condition(live, "ScalingLimited")
    limited = found.get("status") == "True" and found.get("reason") == "TooManyReplicas"
    _, most = bounds_of(live)
    if not limited or replicas_of(live)[0] < most:
        return ""
    return f"ScalingLimited is True: TooManyReplicas: {_line(found.get('message'))} (maxReplicas is {most})"


def situation(live: Manifest) -> str:
    """On one line: why the autoscaler does not scale, or its numbers of pods and its metrics with their targets."""
    reason = inability(live) or upper_limit(live)
    if reason:
        return reason
    current, desired = replicas_of(live)
    return "; ".join([f"{current} pods, {desired} desired", *_metrics(live)])


def _metrics(live: Manifest) -> Iterator[str]:
    """Each metric that is about pods' resources: `cpu 35 % of the requests, target 60 %`."""
    current = {_name(item): item for item in (live.get("status") or {}).get("currentMetrics") or ()}
    for item in live["spec"].get("metrics") or ():
        source = _source(item)
        target, value = source.get("target") or {}, _source(current.get(_name(item)) or {}).get("current") or {}
        if "averageUtilization" in target:
            seen = value.get("averageUtilization")
            found = f"{seen} %" if seen is not None else "unknown"
            yield f"{_name(item)} {found} of the requests, target {target['averageUtilization']} %"
        else:
            wanted = target.get("averageValue") or target.get("value")
            yield f"{_name(item)} {value.get('averageValue') or value.get('value') or 'unknown'}, target {wanted}"


def _source(metric: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a metric that depends on its type."""
    kind = str(metric.get("type") or "")
    source: Mapping[str, Any] = metric.get(kind[:1].lower() + kind[1:]) or {}
    return source


def _name(metric: Mapping[str, Any]) -> str:
    source = _source(metric)
    return str(source.get("name") or (source.get("metric") or {}).get("name") or metric.get("type") or "metric")


def _line(message: object) -> str:
    return " ".join(str(message or "").split()) or "no message"
