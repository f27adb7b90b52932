"""The class of an Ingress that names none but has ingress-nginx annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kindgate.deploy.ingress_routes import ingress_class
from kindgate.deploy.nginx_annotations import CONTROLLER, PREFIX
from kindgate.model import Manifest, ObjectRef, Rendered, kind_of


def with_implied_class(parts: Sequence[Rendered]) -> tuple[Rendered, ...]:
    """Set class nginx on each Ingress in `parts` with ingress-nginx annotations and no class, if that class is served.

    In its author's cluster, ingress-nginx serves the default class. Here another controller might, which ignores these
    annotations. Changes are noted.
    """
    classes = [
        str(item["metadata"]["name"])
        for part in parts
        for item in part.objects
        if kind_of(item) == "IngressClass" and (item.get("spec") or {}).get("controller") == CONTROLLER
    ]
    return tuple(_with_class(part, classes[0]) for part in parts) if classes else tuple(parts)


def _with_class(part: Rendered, name: str) -> Rendered:
    implied = [ObjectRef.of(item) for item in part.of_kind("Ingress") if _is_for_nginx(item)]
    objects = tuple(
        {**item, "spec": {**item["spec"], "ingressClassName": name}} if ObjectRef.of(item) in implied else item for item in part.objects
    )
    notes = (f"{ref} has ingress-nginx annotations but no class: assuming class {name}" for ref in implied)
    return replace(part, objects=objects, notes=(*part.notes, *notes))


def _is_for_nginx(ingress: Manifest) -> bool:
    annotations = ingress["metadata"].get("annotations") or {}
    return not ingress_class(ingress) and bool(ingress.get("spec")) and any(name.startswith(PREFIX) for name in annotations)
