"""The path of the HTTP probe of the pods behind a route: a path that the application serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kindgate.deploy.references import References
from kindgate.deploy.routes import HostRoute
from kindgate.pod_templates import Container

_PROBES = ("readinessProbe", "startupProbe", "livenessProbe")


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
    for template in references.selected(spec["selector"], route.service.namespace):
        for path, container in template.containers():
            if ".initContainers[" not in path:
                for probe in _http_probes(container):
                    if _number(container, probe.get("port")) == _number(container, target):
                        return _path(probe)
    return ""


def _service_port(ports: Any, wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ANN401  # a part of a YAML document
    """Return the Service's port that the route names, or its only port if the route names none."""
    field, value = next(iter(wanted.items()), ("", None))
    if not field:
        return ports[0] if len(ports) == 1 else None
    return next((port for port in ports if port.get("name" if field == "name" else "port") == value), None)


def _http_probes(container: Container) -> Iterator[Mapping[str, Any]]:
    for name in _PROBES:
        probe = (container.get(name) or {}).get("httpGet")
        if probe and str(probe.get("scheme", "HTTP")).upper() == "HTTP" and not probe.get("httpHeaders"):
            yield probe


def _number(container: Container, port: Any) -> Any:  # noqa: ANN401  # a port's number or name
    """Return a container port's number, given its number or name."""
    if isinstance(port, int) or str(port).isdigit():
        return int(port)
    named = (one for one in container.get("ports") or () if one.get("name") == port)
    return next((one.get("containerPort") for one in named), port)


def _path(probe: Mapping[str, Any]) -> str:
    path = str(probe.get("path") or "/")
    return path if path.startswith("/") else f"/{path}"
