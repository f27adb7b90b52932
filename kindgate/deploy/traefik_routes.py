"""The routes of a Traefik IngressRoute, whose rules use Traefik's own syntax."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kindgate.deploy.routes import HostRoute
from kindgate.model import Manifest, ObjectRef

_TERM = re.compile(r"(Host|PathPrefix|Path)\(\s*`([^`]*)`\s*\)")
_RULE = re.compile(rf"\(*\s*{_TERM.pattern}\s*\)*(\s*&&\s*\(*\s*{_TERM.pattern}\s*\)*)*")


def traefik_routes(manifest: Manifest) -> Iterator[HostRoute]:
    """Yield all routes. Only rules of `Host`, `Path` and `PathPrefix` joined by `&&` are understood; others get a `problem`."""
    spec = manifest.get("spec") or {}
    tls = "tls" in spec or "websecure" in (spec.get("entryPoints") or ())
    for number, route in enumerate(spec.get("routes") or ()):
        yield _route(ObjectRef.of(manifest), f"spec.routes[{number}]", route, tls=tls)


def _route(ref: ObjectRef, place: str, route: Any, *, tls: bool) -> HostRoute:  # noqa: ANN401  # a part of a YAML document
    rule = str(route.get("match") or "")
    terms = dict(_TERM.findall(rule))
    service: Mapping[str, Any] = next((one for one in route.get("services") or () if one.get("kind", "Service") == "Service"), {})
    problem = ""
    if not _RULE.fullmatch(rule.strip()):
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
