"""The workloads behind the application's entries, found in its manifests: what a scenario acts on unless a test names others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kindgate.deploy.entries import Entry
from kindgate.errors import ScenarioError
from kindgate.model import Manifest, ObjectRef, Rendered, kind_of

ROLLED_OUT = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds whose controllers replace the pods when the pod template changes."""


INGRESS_SERVICE = ObjectRef("Service", "ingress", "ingress-metrics")
"""Selects the pods of every ingress controller that kindgate brings."""


def workloads_behind(entries: Iterable[Entry], rendered: Rendered) -> tuple[ObjectRef, ...]:
    """The workloads that the Services of `entries` select, in the order of the manifests.

    Raises `ScenarioError` if there is none that can be rolled out: another kind, or a Service without a selector.
    """
    services = {entry.service for entry in entries if entry.service is not None}
    selectors = [(ref.namespace, _selector(rendered, ref)) for ref in sorted(services)]
    found = tuple(_selected(rendered, selectors))
    if not found:
        raise ScenarioError(
            "no Deployment, StatefulSet or DaemonSet of the manifests is behind an entry",
            last_state=f"Services of the entries: {', '.join(map(str, sorted(services))) or 'none'}",
            next_step="name the workload to act on",
        )
    return found


def ingress_controllers(rendered: Rendered) -> tuple[ObjectRef, ...]:
    """The workloads of the ingress controller that kindgate installed; raises `ScenarioError` if it is another one."""
    found = tuple(_selected(rendered, [(INGRESS_SERVICE.namespace, _selector(rendered, INGRESS_SERVICE))]))
    if not found:
        raise ScenarioError("the ingress controller is not one that kindgate installed", next_step="name the workload to act on")
    return found


def named_workloads(names: Iterable[str], rendered: Rendered) -> tuple[ObjectRef, ...]:
    """The workloads called NAME, NAMESPACE/NAME or Kind/NAME; raises `ScenarioError` for a name of none, and of several."""
    return tuple(_named(name, rendered) for name in names)


def _named(name: str, rendered: Rendered) -> ObjectRef:
    qualifier, _, bare = name.rpartition("/")
    known = [ObjectRef.of(item) for item in rendered.of_kind(*ROLLED_OUT)]
    found = [ref for ref in known if ref.name == bare and qualifier.lower() in {"", ref.namespace.lower(), ref.kind.lower()}]
    if len(found) != 1:
        problem = "no workload of the manifests has this name" if not found else f"the name of {' and '.join(map(str, found))}"
        raise ScenarioError(
            f"{name}: {problem}",
            last_state=f"workloads that can be rolled out: {', '.join(map(str, known)) or 'none'}",
            next_step="use NAME, NAMESPACE/NAME or Kind/NAME of one of them",
        )
    return found[0]


def _selector(rendered: Rendered, service: ObjectRef) -> Mapping[str, str]:
    """The Service's selector; empty without one: its endpoints are made by something else."""
    manifest = next((item for item in rendered.of_kind("Service") if ObjectRef.of(item) == service), {})
    selector: Mapping[str, str] = (manifest.get("spec") or {}).get("selector") or {}
    return selector


def _selected(rendered: Rendered, selectors: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[ObjectRef]:
    for manifest in rendered.objects:
        ref = ObjectRef.of(manifest)
        if kind_of(manifest) in ROLLED_OUT and any(
            namespace == ref.namespace and selector and selector.items() <= _labels(manifest).items() for namespace, selector in selectors
        ):
            yield ref


def _labels(manifest: Manifest) -> Mapping[str, Any]:
    template = (manifest.get("spec") or {}).get("template") or {}
    labels: Mapping[str, Any] = (template.get("metadata") or {}).get("labels") or {}
    return labels
