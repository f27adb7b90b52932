"""Add entries to an application without any: Ingresses for Services that may speak HTTP, Services for pods without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kindgate.deploy.normalize import DEFAULT_NAMESPACE
from kindgate.model import Manifest, ObjectRef, Rendered, group_of, kind_of
from kindgate.pod_templates import PodTemplate, pod_template

_ROUTES = frozenset({"HTTPRoute", "IngressRoute"})
_NOT_HTTP_PORTS = frozenset(
    {22, 25, 53, 143, 389, 587, 636, 993, 1433, 1521, 1883, 2181, 2379, 3306, 4222, 5432}
    | {5672, 6379, 6443, 9042, 9092, 9300, 11211, 26257, 27017, 50051, 61616}
)
_NOT_HTTP_NAMES = ("grpc", "postgres", "mysql", "redis", "mongo", "ldap", "amqp", "kafka", "tcp-", "udp", "metrics", "smtp")
_OUTWARD = ("LoadBalancer", "NodePort")


@dataclass(frozen=True)
class GeneratedEntries:
    """The objects that route requests to the application; `notes` explain each."""

    added: tuple[Manifest, ...] = ()
    notes: tuple[str, ...] = ()


def generated_entries(rendered: Rendered, exposed: Mapping[str, int]) -> GeneratedEntries:
    """The objects to add so requests reach the application; none if an object already routes them.

    `exposed` maps images, as named in the manifests, to the port that their Dockerfile exposes.
    """
    if any(True for item in rendered.objects if _routes(item)):
        return GeneratedEntries()
    services = list(_exposed_services(rendered))
    added_services = [] if services else list(_services(rendered, exposed))
    notes = [f"no Service routes to the pods of {one['metadata']['name']}: adding one for port {_target(one)}" for one in added_services]
    services += [(service, service["spec"]["ports"][0]) for service in added_services]
    notes += [
        f"nothing routes requests to {ObjectRef.of(service)}: adding an Ingress with host {host_of(service)}" for service, _ in services
    ]
    return GeneratedEntries((*added_services, *(_ingress(service, port) for service, port in services)), tuple(notes))


def host_of(service: Manifest) -> str:
    """The host of the Ingress that is added for a Service."""
    return f"{service['metadata']['name']}.localhost"


def _routes(item: Manifest) -> bool:
    """Whether an object routes requests from outside to a Service."""
    if kind_of(item) == "Ingress":
        spec = item.get("spec") or {}
        return bool(spec.get("rules") or spec.get("defaultBackend"))
    return item["kind"] in _ROUTES and group_of(item) in {"gateway.networking.k8s.io", "traefik.io", "traefik.containo.us"}


def _exposed_services(rendered: Rendered) -> Iterator[tuple[Manifest, Mapping[str, Any]]]:
    """The Services meant for outside access, each with its port: those of an outward type, otherwise all that may speak HTTP."""
    ported = [(item, port) for item in rendered.of_kind("Service") if (port := _http_port(item)) is not None]
    outward = [(item, port) for item, port in ported if (item["spec"].get("type") or "") in _OUTWARD]
    yield from outward or ported


def _services(rendered: Rendered, exposed: Mapping[str, int]) -> Iterator[Manifest]:
    """A Service for each workload that no Service selects and whose pods have a port that may speak HTTP."""
    for item in rendered.of_kind("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod"):
        template = pod_template(item)
        if template is None or not template.labels or _is_selected(rendered, item, template):
            continue
        number = _container_port(template, exposed)
        if number is not None:
            metadata = item["metadata"]
            place = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
            yield {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": metadata["name"], **place},
                "spec": {"selector": dict(template.labels), "ports": [{"port": 80, "targetPort": number}]},
            }


def _is_selected(rendered: Rendered, workload: Manifest, template: PodTemplate) -> bool:
    namespace = workload["metadata"].get("namespace") or DEFAULT_NAMESPACE
    selectors = (
        (service.get("spec") or {}).get("selector") or {}
        for service in rendered.of_kind("Service")
        if (service["metadata"].get("namespace") or DEFAULT_NAMESPACE) == namespace
    )
    return any(selector and selector.items() <= template.labels.items() for selector in selectors)


def _container_port(template: PodTemplate, exposed: Mapping[str, int]) -> int | None:
    """The first port of a pod that may speak HTTP: a container's own, otherwise one that its image exposes."""
    containers = [container for path, container in template.containers() if ".containers[" in path]
    ports = [port for container in containers for port in container.get("ports") or ()]
    port = next((port for port in ports if _may_be_http({**port, "port": port.get("containerPort")})), None)
    if port is not None:
        number: int = port["containerPort"]
        return number
    silent = [str(container.get("image")) for container in containers if not container.get("ports")]
    return next((exposed[image] for image in silent if image in exposed and _may_be_http({"port": exposed[image]})), None)


def _target(service: Manifest) -> int:
    number: int = service["spec"]["ports"][0]["targetPort"]
    return number


def _http_port(service: Manifest) -> Mapping[str, Any] | None:
    """The port that most likely speaks HTTP; None if there is none, or for a Service without load balancing."""
    spec = service.get("spec") or {}
    if spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName" or not spec.get("selector"):
        return None
    likely = [port for port in spec.get("ports") or () if _may_be_http(port)]
    named = [port for port in likely if str(port.get("name", "")).startswith(("http", "web")) or port.get("port") in {80, 8080}]
    return next(iter([*named, *likely]), None)


def _may_be_http(port: Mapping[str, Any]) -> bool:
    numbers = {port.get("port"), port.get("targetPort")}
    name, protocol = str(port.get("name", "")).lower(), str(port.get("appProtocol", "")).lower()
    if port.get("protocol", "TCP") != "TCP" or numbers & _NOT_HTTP_PORTS or "grpc" in protocol:
        return False
    return not any(name.startswith(word) for word in _NOT_HTTP_NAMES)


def _ingress(service: Manifest, port: Mapping[str, Any]) -> Manifest:
    metadata = service["metadata"]
    number = {"name": port["name"]} if port.get("name") else {"number": port["port"]}
    backend = {"service": {"name": metadata["name"], "port": number}}
    place = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": f"kindgate-{metadata['name']}"[:63], **place},
        "spec": {"rules": [{"host": host_of(service), "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]},
    }
