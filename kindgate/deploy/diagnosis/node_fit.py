"""Pods that no node of the cluster can ever run, as opposed to pods that wait for capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from kindgate.model import Manifest


def fits_no_node(pod: Manifest, nodes: Sequence[Manifest]) -> bool:
    """Return whether every node is ruled out permanently.

    Anything that can pass is ignored: other pods' usage, taints that the cluster sets on a failing node, volumes. Rules
    that are not understood count as met.
    """
    return bool(nodes) and not any(_fits(pod["spec"], node) for node in nodes)


def _fits(spec: Mapping[str, Any], node: Manifest) -> bool:
    return _is_large_enough(spec, node) and _is_selected(spec, node) and _is_tolerated(spec, node)


def _is_large_enough(spec: Mapping[str, Any], node: Manifest) -> bool:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    return all(requested <= _quantity(allocatable.get(name, "0")) for name, requested in _requests(spec).items())


def _requests(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """The sum of the containers' requests, or the largest init container's if that is greater."""
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or ():
        for name, amount in _container_requests(container).items():
            total[name] = total.get(name, Decimal()) + amount
    for container in spec.get("initContainers") or ():
        for name, amount in _container_requests(container).items():
            total[name] = max(total.get(name, Decimal()), amount)
    return total


def _container_requests(container: Mapping[str, Any]) -> dict[str, Decimal]:
    requests = (container.get("resources") or {}).get("requests") or {}
    return {name: _quantity(amount) for name, amount in requests.items()}


def _quantity(text: object) -> Decimal:
    """Parse a Kubernetes quantity (`500m`, `64Mi`)."""
    from kubernetes.utils import parse_quantity  # noqa: PLC0415 - 0.3 s to import, and few pods are unschedulable

    return Decimal(parse_quantity(str(text)))  # type: ignore[no-untyped-call]  # published without types


def _is_selected(spec: Mapping[str, Any], node: Manifest) -> bool:
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = affinity.get("nodeSelectorTerms") or ()
    return not terms or any(all(_matches(item, labels) for item in term.get("matchExpressions") or ()) for term in terms)


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return True


def _is_tolerated(spec: Mapping[str, Any], node: Manifest) -> bool:
    taints = node["spec"].get("taints") or ()
    permanent = (taint for taint in taints if taint["effect"] != "PreferNoSchedule" and not taint["key"].startswith("node.kubernetes.io/"))
    return all(any(_tolerates(item, taint) for item in spec.get("tolerations") or ()) for taint in permanent)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint["key"]}
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))
