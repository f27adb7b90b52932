"""The routes of Ingresses, HTTPRoutes and Traefik's IngressRoutes in one form: a host, a path, and the Service that answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kindgate.model import Manifest, ObjectRef, kind_of

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
"""Names the class if `spec.ingressClassName` does not; older than the field, but still widely used."""

_REGEX_CHARACTERS = re.compile(r"[()\[\]{}|^$*+?\\]")

_REWRITE_ANNOTATIONS = (
    "nginx.ingress.kubernetes.io/rewrite-target",
    "nginx.ingress.kubernetes.io/app-root",
    "traefik.ingress.kubernetes.io/router.middlewares",
)

_REGEX_ANNOTATIONS = ("nginx.ingress.kubernetes.io/use-regex", "nginx.ingress.kubernetes.io/rewrite-target")
"""With either of these, paths of every type are regular expressions."""

_TLS_PROTOCOLS = frozenset({"HTTPS", "TLS"})
_TRAEFIK_TERM = re.compile(r"(Host|PathPrefix|Path)\(\s*`([^`]*)`\s*\)")
_TRAEFIK_RULE = re.compile(rf"\(*\s*{_TRAEFIK_TERM.pattern}\s*\)*(\s*&&\s*\(*\s*{_TRAEFIK_TERM.pattern}\s*\)*)*")


@dataclass(frozen=True)
class HostRoute:
    """One path of one host of `object`, defined in its field `place`.

    `host` is empty if any host is routed, and can begin with `*.`. `port` names the Service's port as an Ingress backend
    does (`{"number": 80}`). `regex` means that `path` is a regular expression, `rewritten` that the Service receives
    another path than the requested one, and `problem` is why the route cannot be requested at all.
    """

    object: ObjectRef
    place: str
    host: str
    path: str
    service: ObjectRef | None = None
    port: Mapping[str, Any] = field(default_factory=dict)
    tls: bool = False
    exact: bool = False
    regex: bool = False
    rewritten: bool = False
    problem: str = ""

    def matches(self, path: str) -> bool:
        """Return whether a request of `path` takes this route, by the Ingress API's Prefix (element by element) and Exact."""
        if self.regex:
            return False
        if self.exact:
            return path == self.path
        prefix = self.path.rstrip("/")
        return path == prefix or path.startswith(prefix + "/") or not prefix


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
    problem = "" if existing else _class_problem(manifest, objects)
    if spec.get("defaultBackend"):
        yield _ingress_route(
            manifest, "spec.defaultBackend", "", {"path": "/", "pathType": "Prefix", "backend": spec["defaultBackend"]}, problem
        )
    for rule_index, rule in enumerate(spec.get("rules") or ()):
        for path_index, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield _ingress_route(manifest, f"spec.rules[{rule_index}].http.paths[{path_index}]", str(rule.get("host") or ""), path, problem)


def gateway_routes(manifest: Manifest, objects: Sequence[Manifest], *, existing: bool = False) -> Iterator[HostRoute]:
    """Yield every path of every hostname; `objects` are all applied objects.

    A route whose Gateway is not among `objects` is served by no controller, except in an `existing` cluster.
    """
    ref = ObjectRef.of(manifest)
    spec = manifest.get("spec") or {}
    gateways = gateways_of(manifest, objects)
    gateway_problem = "" if existing or gateways else "not requested: its Gateway was not found in the manifests"
    listeners = [listener for gateway in gateways for listener in (gateway.get("spec") or {}).get("listeners") or ()]
    for host in spec.get("hostnames") or _listener_hosts(listeners) or ("",):
        tls = any(
            listener.get("protocol") in _TLS_PROTOCOLS and _covers(str(listener.get("hostname") or ""), host) for listener in listeners
        )
        for rule_index, rule in enumerate(spec.get("rules") or ({},)):
            for match_index, match in enumerate(rule.get("matches") or ({},)):
                yield _gateway_route(
                    ref, f"spec.rules[{rule_index}].matches[{match_index}]", str(host), rule, match, tls=tls, problem=gateway_problem
                )


def traefik_routes(manifest: Manifest) -> Iterator[HostRoute]:
    """Yield all routes. Only rules of `Host`, `Path` and `PathPrefix` joined by `&&` are understood; others get a `problem`."""
    spec = manifest.get("spec") or {}
    tls = "tls" in spec or "websecure" in (spec.get("entryPoints") or ())
    for number, route in enumerate(spec.get("routes") or ()):
        yield _traefik_route(ObjectRef.of(manifest), f"spec.routes[{number}]", route, tls=tls)


def gateways_of(route: Manifest, objects: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Return the Gateways among `objects` that the route names as its parents."""
    namespace = ObjectRef.of(route).namespace
    parents = {
        ObjectRef("Gateway", str(parent.get("namespace") or namespace), str(parent.get("name")))
        for parent in (route.get("spec") or {}).get("parentRefs") or ()
    }
    return tuple(item for item in objects if ObjectRef.of(item) in parents)


def _ingress_route(manifest: Manifest, place: str, host: str, path: Any, problem: str) -> HostRoute:  # noqa: ANN401  # a part of a YAML document
    ref = ObjectRef.of(manifest)
    annotations = manifest["metadata"].get("annotations") or {}
    service = (path.get("backend") or {}).get("service") or {}
    text = str(path.get("path") or "/")
    literal = path.get("pathType") in {"Exact", "Prefix"} and not any(_is_enabled(annotations, name) for name in _REGEX_ANNOTATIONS)
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
        regex=not literal and bool(_REGEX_CHARACTERS.search(text)),
        rewritten=any(name in annotations for name in _REWRITE_ANNOTATIONS),
        problem=problem,
    )


def _is_enabled(annotations: Mapping[str, Any], name: str) -> bool:
    return str(annotations.get(name) or "false").lower() != "false"


def _has_tls(entries: Sequence[Any], host: str) -> bool:
    """Return whether the host has TLS; an entry without hosts covers all of them."""
    return any(not entry.get("hosts") or host in entry["hosts"] for entry in entries)


def _class_problem(manifest: Manifest, objects: Sequence[Manifest]) -> str:
    name = ingress_class(manifest)
    classes = sorted(ObjectRef.of(item).name for item in objects if kind_of(item) == "IngressClass")
    if not name or name in classes:
        return ""
    return f"not requested: no installed ingress controller serves the class {name} (classes: {', '.join(classes) or 'none'})"


def _gateway_route(ref: ObjectRef, place: str, host: str, rule: Any, match: Any, *, tls: bool, problem: str) -> HostRoute:  # noqa: ANN401  # parts of a YAML document
    path = match.get("path") or {}
    filters = {str(item.get("type")) for item in rule.get("filters") or ()}
    backends = [item for item in rule.get("backendRefs") or () if item.get("kind", "Service") == "Service" and item.get("weight", 1)]
    if "RequestRedirect" in filters:
        problem = problem or "not requested: it only redirects"
    elif match.get("headers") or match.get("queryParams") or match.get("method", "GET") != "GET":
        problem = problem or "not requested: it matches on headers, query or method"
    elif not backends:
        problem = problem or "not requested: it has no Service behind it"
    backend = backends[0] if backends else {}
    return HostRoute(
        object=ref,
        place=place,
        host=host,
        path=str(path.get("value") or "/"),
        service=ObjectRef("Service", str(backend.get("namespace") or ref.namespace), str(backend.get("name"))) if backend else None,
        port={"number": backend["port"]} if backend.get("port") else {},
        tls=tls,
        exact=path.get("type") == "Exact",
        regex=path.get("type") == "RegularExpression",
        rewritten="URLRewrite" in filters,
        problem=problem,
    )


def _listener_hosts(listeners: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(str(listener["hostname"]) for listener in listeners if listener.get("hostname")))


def _covers(pattern: str, host: str) -> bool:
    """Return whether a listener's hostname covers a route's; a listener without a hostname covers all."""
    return not pattern or pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _traefik_route(ref: ObjectRef, place: str, route: Any, *, tls: bool) -> HostRoute:  # noqa: ANN401  # a part of a YAML document
    rule = str(route.get("match") or "")
    terms = dict(_TRAEFIK_TERM.findall(rule))
    service: Mapping[str, Any] = next((item for item in route.get("services") or () if item.get("kind", "Service") == "Service"), {})
    problem = ""
    if not _TRAEFIK_RULE.fullmatch(rule.strip()):
        problem = f"not requested: the rule {rule} is not just one host and one path"
    elif not service:
        problem = "not requested: it has no Service behind it"
    port = service.get("port")
    return HostRoute(
        object=ref,
        place=place,
        host=terms.get("Host", ""),
        path=terms.get("Path") or terms.get("PathPrefix") or "/",
        service=ObjectRef("Service", str(service.get("namespace") or ref.namespace), str(service.get("name"))) if service else None,
        port={} if port is None else {"number" if isinstance(port, int) else "name": port},
        tls=tls,
        exact="Path" in terms,
        rewritten=bool(route.get("middlewares")),
        problem=problem,
    )
