"""The routes of an Ingress."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kindgate.deploy.routes import HostRoute
from kindgate.model import Manifest, ObjectRef, kind_of

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
"""Names the class if `spec.ingressClassName` does not; older than the field, but still widely used."""

_REGEX_SIGNS = re.compile(r"[()\[\]{}|^$*+?\\]")
_REWRITES = (
    "nginx.ingress.kubernetes.io/rewrite-target",
    "nginx.ingress.kubernetes.io/app-root",
    "traefik.ingress.kubernetes.io/router.middlewares",
)


_PATTERNS = ("nginx.ingress.kubernetes.io/use-regex", "nginx.ingress.kubernetes.io/rewrite-target")
"""With either of these, paths of every type are regular expressions."""


def ingress_class(manifest: Manifest) -> str:
    """Return the class that an Ingress names, in the field or the older annotation; empty if it names none."""
    annotations = manifest["metadata"].get("annotations") or {}
    return str((manifest.get("spec") or {}).get("ingressClassName") or annotations.get(CLASS_ANNOTATION) or "")


def ingress_routes(manifest: Manifest, objects: Sequence[Manifest], *, existing: bool = False) -> Iterator[HostRoute]:
    """Yield every routed path of the Ingress, including its default backend; `objects` are all applied objects.

    An Ingress whose class is not among `objects` is served by no controller, which its routes report, except in an
    `existing` cluster, whose classes are unknown.
    """
    spec = manifest.get("spec") or {}
    problem = "" if existing else _unserved(manifest, objects)
    if spec.get("defaultBackend"):
        yield _route(manifest, "spec.defaultBackend", "", {"path": "/", "pathType": "Prefix", "backend": spec["defaultBackend"]}, problem)
    for at, rule in enumerate(spec.get("rules") or ()):
        for number, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield _route(manifest, f"spec.rules[{at}].http.paths[{number}]", str(rule.get("host") or ""), path, problem)


def _route(manifest: Manifest, place: str, host: str, path: Any, problem: str) -> HostRoute:  # noqa: ANN401  # a part of a YAML document
    ref = ObjectRef.of(manifest)
    annotations = manifest["metadata"].get("annotations") or {}
    service = (path.get("backend") or {}).get("service") or {}
    text = str(path.get("path") or "/")
    literal = path.get("pathType") in {"Exact", "Prefix"} and not any(_is_on(annotations, name) for name in _PATTERNS)
    if not service:
        problem = problem or "not requested: its backend is not a Service"
    return HostRoute(
        object=ref,
        place=place,
        host=host,
        path=text,
        service=ObjectRef("Service", ref.namespace, str(service.get("name"))) if service else None,
        port=service.get("port") or {},
        tls=_has_tls((manifest.get("spec") or {}).get("tls") or (), host),
        exact=path.get("pathType") == "Exact",
        regex=not literal and bool(_REGEX_SIGNS.search(text)),
        rewritten=any(name in annotations for name in _REWRITES),
        problem=problem,
    )


def _is_on(annotations: Mapping[str, Any], name: str) -> bool:
    return str(annotations.get(name) or "false").lower() != "false"


def _has_tls(entries: Sequence[Any], host: str) -> bool:
    """Return whether the host has TLS; an entry without hosts covers all of them."""
    return any(not entry.get("hosts") or host in entry["hosts"] for entry in entries)


def _unserved(manifest: Manifest, objects: Sequence[Manifest]) -> str:
    name = ingress_class(manifest)
    classes = sorted(ObjectRef.of(item).name for item in objects if kind_of(item) == "IngressClass")
    if not name or name in classes:
        return ""
    return f"not requested: no installed ingress controller serves the class {name} (classes: {', '.join(classes) or 'none'})"
