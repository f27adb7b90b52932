"""The routes of a Gateway API HTTPRoute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kindgate.deploy.routes import HostRoute
from kindgate.model import Manifest, ObjectRef

_HTTPS = frozenset({"HTTPS", "TLS"})


def gateway_routes(manifest: Manifest, objects: Sequence[Manifest], *, existing: bool = False) -> Iterator[HostRoute]:
    """Yield every path of every hostname; `objects` are all applied objects.

    A route whose Gateway is not among `objects` is served by no controller, except in an `existing` cluster.
    """
    ref = ObjectRef.of(manifest)
    spec = manifest.get("spec") or {}
    gateways = gateways_of(manifest, objects)
    unserved = "" if existing or gateways else "not requested: its Gateway was not found in the manifests"
    listeners = [listener for gateway in gateways for listener in (gateway.get("spec") or {}).get("listeners") or ()]
    for host in spec.get("hostnames") or _listener_hosts(listeners) or ("",):
        tls = any(listener.get("protocol") in _HTTPS and _covers(str(listener.get("hostname") or ""), host) for listener in listeners)
        for at, rule in enumerate(spec.get("rules") or ({},)):
            for number, match in enumerate(rule.get("matches") or ({},)):
                yield _route(ref, f"spec.rules[{at}].matches[{number}]", str(host), rule, match, tls=tls, problem=unserved)


def _route(ref: ObjectRef, place: str, host: str, rule: Any, match: Any, *, tls: bool, problem: str) -> HostRoute:  # noqa: ANN401  # parts of a YAML document
    path = match.get("path") or {}
    filters = {str(one.get("type")) for one in rule.get("filters") or ()}
    backends = [one for one in rule.get("backendRefs") or () if one.get("kind", "Service") == "Service" and one.get("weight", 1)]
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


def gateways_of(route: Manifest, objects: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Return the Gateways among `objects` that the route names as its parents."""
    namespace = ObjectRef.of(route).namespace
    parents = {
        ObjectRef("Gateway", str(parent.get("namespace") or namespace), str(parent.get("name")))
        for parent in (route.get("spec") or {}).get("parentRefs") or ()
    }
    return tuple(item for item in objects if ObjectRef.of(item) in parents)


def _listener_hosts(listeners: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(str(listener["hostname"]) for listener in listeners if listener.get("hostname")))


def _covers(pattern: str, host: str) -> bool:
    """Return whether a listener's hostname covers a route's; a listener without a hostname covers all."""
    return not pattern or pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]))
