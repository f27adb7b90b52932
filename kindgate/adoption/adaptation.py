"""What manifests lack to be tested on a cluster in containers, as the files of an adapted overlay."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from kindgate.adoption.entry_components import CONTROLLERS
from kindgate.deploy.adapted import ANNOTATION
from kindgate.deploy.entries import PATH_ANNOTATION
from kindgate.deploy.ingress_routes import ingress_class
from kindgate.model import Manifest, ObjectRef, Rendered, group_of, kind_of
from kindgate.pod_templates import pod_template

OVERLAY = "overlay"
"""Name of the adapted overlay's folder in the suite's."""

LEGACY_CLASS = "kubernetes.io/ingress.class"

_ROUTES = frozenset({"HTTPRoute", "IngressRoute"})
_NOT_HTTP_PORTS = frozenset(
    {22, 25, 53, 1433, 1521, 1883, 2379, 3306, 4222, 5432, 5672, 6379, 6443, 9042, 9092, 9300, 11211, 26257, 27017, 50051}
)
_NOT_HTTP_NAMES = ("grpc", "postgres", "mysql", "redis", "mongo", "amqp", "kafka", "tcp-", "udp", "metrics", "smtp")
_OUTWARD = ("LoadBalancer", "NodePort")


@dataclass(frozen=True)
class Adaptation:
    """Objects to add, and Ingresses whose class is to be one that is served; `notes` say what was changed and why."""

    added: tuple[Manifest, ...] = ()
    reclassed: tuple[Manifest, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether anything has to be changed."""
        return bool(self.added or self.reclassed)

    def applied(self, rendered: Rendered) -> Rendered:
        """`rendered` as the adapted overlay will have it."""
        changed = {ObjectRef.of(item): _with_class(item) for item in self.reclassed}
        return replace(rendered, objects=(*(changed.get(ObjectRef.of(item), item) for item in rendered.objects), *self.added))

    def files(self, resources: Sequence[str]) -> Mapping[str, str]:
        """The overlay's files by name; it builds upon `resources`, as they are called from its folder."""
        patches = [_patch(item) for item in self.reclassed]
        document = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "metadata": {"name": "kindgate", "annotations": {ANNOTATION: "true"}},
            "resources": [*resources, *(("ingress.yaml",) if self.added else ())],
            **({"patches": patches} if patches else {}),
        }
        header = "# Made by `kindgate init`: the application's manifests as they are, and what the test cluster needs beside them.\n"
        files = {"kustomization.yaml": header + yaml.safe_dump(document, sort_keys=False)}
        if self.added:
            lines = "".join(f"# {note}\n" for note in (*self.notes, f"the annotation {PATH_ANNOTATION}: /path names another path to judge"))
            files["ingress.yaml"] = lines + yaml.safe_dump_all([dict(item) for item in self.added], sort_keys=False)
        return files


UNCHANGED = Adaptation()
"""Manifests that need nothing."""


def adaptation(rendered: Rendered) -> Adaptation:
    """What `rendered` lacks: a way in for requests, and an Ingress class that is served."""
    brought = {str(item["metadata"]["name"]) for item in rendered.of_kind("IngressClass")}
    ingresses = list(rendered.of_kind("Ingress"))
    foreign = [item for item in ingresses if ingress_class(item) not in CONTROLLERS.keys() | brought]
    notes = [
        f"{ObjectRef.of(item)} has the class {ingress_class(item)!r}, which no bundled component serves: traefik serves it"
        for item in foreign
    ]
    if any(True for item in rendered.objects if _routes(item)):
        return Adaptation((), tuple(foreign), tuple(notes))
    services = list(_fronts(rendered))
    made = () if services or any(True for _ in rendered.of_kind("Service")) else tuple(_services(rendered))
    services += [(service, service["spec"]["ports"][0]) for service in made]
    notes += [f"no Service leads to the pods of {one['metadata']['name']}: one for port {_number(one)} is added" for one in made]
    added = (*made, *(_ingress(service, port) for service, port in services))
    notes += [f"nothing leads requests to {ObjectRef.of(service)}: an Ingress with host {host_of(service)} does" for service, _ in services]
    return Adaptation(added, tuple(foreign), tuple(notes))


def host_of(service: Manifest) -> str:
    """The host by which an added Ingress leads to a Service."""
    return f"{service['metadata']['name']}.localhost"


def _routes(item: Manifest) -> bool:
    """Whether an object leads requests from outside to a Service."""
    if kind_of(item) == "Ingress":
        spec = item.get("spec") or {}
        return bool(spec.get("rules") or spec.get("defaultBackend"))
    return item["kind"] in _ROUTES and group_of(item) in {"gateway.networking.k8s.io", "traefik.io", "traefik.containo.us"}


def _fronts(rendered: Rendered) -> Iterator[tuple[Manifest, Mapping[str, Any]]]:
    """The Services that people reach from outside, each with its port: those of an outward type; else all that may speak HTTP."""
    ported = [(item, port) for item in rendered.of_kind("Service") if (port := _http_port(item)) is not None]
    outward = [(item, port) for item, port in ported if (item["spec"].get("type") or "") in _OUTWARD]
    yield from outward or ported


def _services(rendered: Rendered) -> Iterator[Manifest]:
    """A Service for each workload whose pods have a port that may speak HTTP."""
    for item in rendered.of_kind("Deployment", "StatefulSet", "DaemonSet"):
        template = pod_template(item)
        ports = [port for _, container in template.containers() for port in container.get("ports") or ()] if template else []
        found = next((port for port in ports if _may_be_http({**port, "port": port.get("containerPort")})), None)
        if template is not None and template.labels and found is not None:
            number, metadata = found["containerPort"], item["metadata"]
            place = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
            yield {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": metadata["name"], **place},
                "spec": {"selector": dict(template.labels), "ports": [{"port": 80, "targetPort": number}]},
            }


def _number(service: Manifest) -> int:
    number: int = service["spec"]["ports"][0]["targetPort"]
    return number


def _http_port(service: Manifest) -> Mapping[str, Any] | None:
    """The port that most likely speaks HTTP; None where none does, and for a Service that balances nothing."""
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


def _with_class(item: Manifest) -> Manifest:
    changed: dict[str, Any] = copy.deepcopy(dict(item))
    (changed["metadata"].get("annotations") or {}).pop(LEGACY_CLASS, None)
    changed["spec"]["ingressClassName"] = "traefik"
    return changed


def _patch(item: Manifest) -> Mapping[str, Any]:
    operations = [{"op": "add", "path": "/spec/ingressClassName", "value": "traefik"}]
    if LEGACY_CLASS in (item["metadata"].get("annotations") or {}):
        operations.append({"op": "remove", "path": f"/metadata/annotations/{LEGACY_CLASS.replace('/', '~1')}"})
    target = {"group": "networking.k8s.io", "kind": "Ingress", "name": item["metadata"]["name"]}
    return {"target": target, "patch": yaml.safe_dump(operations, sort_keys=False)}
