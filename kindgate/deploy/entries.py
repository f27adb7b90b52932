"""Entries: the routed paths of the application's Ingresses, HTTPRoutes and IngressRoutes, and the paths to request there.

The requested path of a route is, in this order: the path in the annotation `kindgate.dev/path`; the path of the HTTP
probe of the pods behind it, which the application serves, if the route leads there; the route's own path. A route that
cannot be requested without guessing is a finding, not an entry.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kindgate.deploy.entry_routes import HostRoute, gateway_routes, ingress_routes, traefik_routes
from kindgate.deploy.manifest_findings import Finding
from kindgate.deploy.references import References
from kindgate.model import Manifest, ObjectRef, Rendered
from kindgate.pod_templates import Container

PATH_ANNOTATION = "kindgate.dev/path"
"""On an Ingress, HTTPRoute or IngressRoute: the paths to request, separated by spaces, instead of its own."""

ANY_HOST = "*"
"""Shown as the host of an entry without one, as kubectl does."""

_SCALABLE = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})
_PROBES = ("readinessProbe", "startupProbe", "livenessProbe")
_REGEX_PROBLEM = "not requested: {path} is a regular expression; set a matching path in the annotation " + PATH_ANNOTATION


class PathSource(enum.StrEnum):
    """The source of an entry's path."""

    ANNOTATION = "annotation"
    PROBE = "probe"
    ROUTE = "route"


@dataclass(frozen=True)
class Entry:
    """One path of one host through which requests enter.

    `host` goes into the Host header, and into SNI with `tls`; it is empty if any host matches. `object` routes it to
    `service`; `route_path` is the path in that object.
    """

    host: str
    path: str
    tls: bool
    source: PathSource
    object: ObjectRef
    service: ObjectRef | None
    route_path: str

    @property
    def label(self) -> str:
        """The entry's name in results: its host, plus its path unless that is `/`."""
        return (self.host or ANY_HOST) + (self.path if self.path != "/" else "")


def entry_note(entry: Entry) -> str:
    """The note for an entry that uses a probe's path: load on it might say little about the application."""
    return f"{entry.label}: using a health probe's path; set the path to judge with the annotation {PATH_ANNOTATION} on {entry.object}"


@dataclass(frozen=True)
class Entries:
    """The application's entries in manifest order, and the findings about routes that cannot be requested."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]


def read_entries(rendered: Rendered, provided: Sequence[Rendered] = (), *, existing: bool = False) -> Entries:
    """Read the entries of `rendered`; `provided` is applied before it.

    In an `existing` cluster, classes, Gateways and Services that the manifests lack might exist, so no route is skipped
    because they are missing.
    """
    objects = [manifest for part in (*provided, rendered) for manifest in part.objects]
    reader = _Reader(References(objects), objects, existing=existing)
    unique: dict[tuple[str, str, bool], Entry] = {}
    findings: list[Finding] = []
    for manifest in rendered.objects:
        ref = ObjectRef.of(manifest)
        file = rendered.origins.get(ref, str(rendered.overlay))
        entries, problems = reader.read(manifest)
        findings += [Finding(file, ref, path, message, "warning") for path, message in problems]
        for entry in entries:
            unique.setdefault((entry.host, entry.path, entry.tls), entry)
    return Entries(tuple(unique.values()), tuple(findings))


def entries_of(rendered: Rendered, provided: Sequence[Rendered] = (), *, existing: bool = False) -> tuple[Entry, ...]:
    """Return only the entries of `read_entries`."""
    return read_entries(rendered, provided, existing=existing).entries


def requested_host(host: str) -> str:
    """Return the host to request for a routed one: for `*.shop.localhost`, `kindgate.shop.localhost`."""
    return host.replace("*", "kindgate", 1)


def probe_path(route: HostRoute, references: References) -> str:
    """Return the path of the first HTTP probe on the route's port; empty if there is none.

    A probe over HTTPS or with custom headers does not count, because a plain request differs from it.
    """
    service = references.get(route.service) if route.service is not None else None
    if service is None or route.service is None:
        return ""
    spec = service.get("spec") or {}
    port = _service_port(spec.get("ports") or (), route.port)
    if port is None or not spec.get("selector"):
        return ""
    target = port.get("targetPort", port.get("port"))
    for template in references.templates_with_labels(spec["selector"], route.service.namespace):
        for path, container in template.containers():
            if ".initContainers[" not in path:
                for probe in _http_probes(container):
                    if _port_number(container, probe.get("port")) == _port_number(container, target):
                        return _probed_path(probe)
    return ""


@dataclass(frozen=True)
class _Reader:
    references: References
    objects: Sequence[Manifest]
    existing: bool

    def read(self, manifest: Manifest) -> tuple[list[Entry], list[tuple[str, str]]]:
        """Return one object's entries, and the problems of its other routes as pairs of path and message."""
        routes = [*self._routes(manifest)]
        problems = [(route.place, route.problem) for route in routes if route.problem]
        usable = [route for route in routes if not route.problem]
        entries: list[Entry] = []
        paths = _annotated_paths(manifest)
        for route in usable:
            annotated = [path for path in paths if _matching_route(usable, route.host, path) is route]
            problem = self._backend_problem(route) or (_REGEX_PROBLEM if route.regex and not annotated else "")
            if problem:
                problems.append((route.place, problem.format(path=route.path)))
                continue
            if route.rewritten and not annotated:
                problems.append((route.place, f"the path {route.path} is rewritten: requesting it as written, not the probe's path"))
            entries += self._entries(route, usable, annotated)
        return entries, problems

    def _routes(self, manifest: Manifest) -> Iterable[HostRoute]:
        match ObjectRef.of(manifest).kind:
            case "Ingress":
                return ingress_routes(manifest, self.objects, existing=self.existing)
            case "HTTPRoute":
                return gateway_routes(manifest, self.objects, existing=self.existing)
            case "IngressRoute.traefik.io":
                return traefik_routes(manifest)
        return ()

    def _entries(self, route: HostRoute, siblings: Sequence[HostRoute], annotated: Sequence[str]) -> Iterator[Entry]:
        entry = Entry(requested_host(route.host), route.path, route.tls, PathSource.ROUTE, route.object, route.service, route.path)
        if annotated:
            yield from (replace(entry, path=path, source=PathSource.ANNOTATION) for path in annotated)
            return
        probe = "" if route.rewritten else probe_path(route, self.references)
        is_routed = probe and _matching_route(siblings, route.host, probe) is route
        yield replace(entry, path=probe, source=PathSource.PROBE) if is_routed and probe != route.path else entry

    def _backend_problem(self, route: HostRoute) -> str:
        """Return why nothing can answer on this route; empty if something might."""
        if self.existing or route.service is None:
            return ""
        service = self.references.get(route.service)
        if service is None:
            return f"not requested: {route.service} was not found in the manifests"
        if route.port and not self.references.service_has_port(route.service, route.port):
            return f"not requested: {route.service} has no port {next(iter(route.port.values()))}"
        return self._pods_problem(route.service, (service.get("spec") or {}).get("selector") or {})

    def _pods_problem(self, service: ObjectRef, selector: Mapping[str, str]) -> str:
        """Return why no pod is behind a Service; empty if something else might create its endpoints or pods."""
        if not selector or any("." in ObjectRef.of(item).kind for item in self.objects):
            return ""
        owners = [item for item in self.objects if _selects(selector, item, service.namespace)]
        if not owners:
            return f"not requested: {service} selects no pod in the manifests"
        all_scaled_down = all(ObjectRef.of(item).kind in _SCALABLE and (item.get("spec") or {}).get("replicas") == 0 for item in owners)
        return f"not requested: the pods behind {service} are scaled to 0" if all_scaled_down else ""


def _annotated_paths(manifest: Manifest) -> tuple[str, ...]:
    text = (manifest["metadata"].get("annotations") or {}).get(PATH_ANNOTATION) or ""
    return tuple(path if path.startswith("/") else f"/{path}" for path in str(text).split())


def _matching_route(routes: Sequence[HostRoute], host: str, path: str) -> HostRoute | None:
    """Return the route of `host` that serves `path`: the longest match, otherwise the first regular expression, if any."""
    same_host = [route for route in routes if route.host == host]
    matching = [route for route in same_host if route.matches(path)]
    if matching:
        return max(matching, key=lambda route: (route.exact, len(route.path)))
    return next((route for route in same_host if route.regex), None)


def _selects(selector: Mapping[str, str], manifest: Manifest, namespace: str) -> bool:
    return any(References([manifest]).templates_with_labels(selector, namespace))


def _service_port(ports: Any, backend_port: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ANN401  # a part of a YAML document
    """Return the Service's port that the route names, or its only port if the route names none."""
    field, value = next(iter(backend_port.items()), ("", None))
    if not field:
        return ports[0] if len(ports) == 1 else None
    return next((port for port in ports if port.get("name" if field == "name" else "port") == value), None)


def _http_probes(container: Container) -> Iterator[Mapping[str, Any]]:
    for name in _PROBES:
        probe = (container.get(name) or {}).get("httpGet")
        if probe and str(probe.get("scheme", "HTTP")).upper() == "HTTP" and not probe.get("httpHeaders"):
            yield probe


def _port_number(container: Container, port: Any) -> Any:  # noqa: ANN401  # a port's number or name
    """Return a container port's number, given its number or name."""
    if isinstance(port, int) or str(port).isdigit():
        return int(port)
    named = (item for item in container.get("ports") or () if item.get("name") == port)
    return next((item.get("containerPort") for item in named), port)


def _probed_path(probe: Mapping[str, Any]) -> str:
    path = str(probe.get("path") or "/")
    return path if path.startswith("/") else f"/{path}"
