"""Minimal manifests and live objects for the kindgate.deploy tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from kindgate.model import ObjectRef, Rendered
from kindgate.waiting import Deadline

Object = dict[str, Any]


def deadline_until(is_over: Callable[[], bool]) -> Deadline:
    """Return a deadline that expires once `is_over` returns true, however slow the machine is."""
    return Deadline(started=0.0, ends=60.0, clock=lambda: 61.0 if is_over() else 0.0)


def rendered(*manifests: Object) -> Rendered:
    """Wrap the manifests as if rendered from an overlay `app`, each from a file named after it."""
    return Rendered(Path("app"), manifests, {ObjectRef.of(item): f"app/{item['metadata']['name']}.yaml" for item in manifests})


def manifest(kind: str, name: str, *, namespace: str = "shop", api_version: str = "v1", **fields: Any) -> Object:
    """Build an object of `kind`; `fields` are its other top-level fields."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def deployment(name: str = "web", *, namespace: str = "shop", replicas: int = 2, container: Mapping[str, Any] | None = None) -> Object:
    """Build a Deployment that passes validation; `container` is merged into its only container."""
    resources = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}}
    default_container: Object = {
        "name": "web",
        "image": "example/web:1.0",
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": resources,
    }
    default_container["readinessProbe"] = {"httpGet": {"path": "/", "port": "http"}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{**default_container, **(container or {})}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return manifest("Deployment", name, namespace=namespace, api_version="apps/v1", spec=spec)


def service(name: str = "web", *, namespace: str = "shop", **spec: Any) -> Object:
    """Build a Service for the pods of the Deployment with the same name."""
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return manifest("Service", name, namespace=namespace, spec={"selector": {"app": name}, "ports": ports, **spec})


def ingress(host: str = "shop.localhost", backend: str = "web", *, namespace: str = "shop", path: str = "/", **spec: Any) -> Object:
    """Build an Ingress that routes `host` to the Service `backend`."""
    target = {"service": {"name": backend, "port": {"name": "http"}}}
    rule = {"host": host, "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": target}]}}
    return manifest("Ingress", "web", namespace=namespace, api_version="networking.k8s.io/v1", spec={"rules": [rule], **spec})


def live_deployment(ready: int, *, replicas: int = 2, generation: int = 1, observed: int | None = None, revision: str = "1") -> Object:
    """The Deployment shop/web as its controller reports it, with `ready` available pods."""
    item = deployment(replicas=replicas)
    item["metadata"] |= {"uid": "deployment-web", "generation": generation, "annotations": {"deployment.kubernetes.io/revision": revision}}
    observed_generation = generation if observed is None else observed
    item["status"] = {
        "observedGeneration": observed_generation,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "availableReplicas": ready,
    }
    return item


def live_replicaset(revision: str = "1", **status: Any) -> Object:
    """A ReplicaSet for the given `revision` of shop/web."""
    item = manifest("ReplicaSet", f"web-{revision}", api_version="apps/v1", spec={}, status=status)
    item["metadata"] |= {
        "uid": f"replicaset-{revision}",
        "annotations": {"deployment.kubernetes.io/revision": revision},
        "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "deployment-web"}],
    }
    return item


def live_pod(name: str = "web-1-abcde", *, owner: str = "replicaset-1", **status: Any) -> Object:
    """A pod of the ReplicaSet `owner`."""
    item = manifest("Pod", name, spec={"containers": [{"name": "web", "image": "example/web:1.0"}]}, status=status)
    item["metadata"] |= {"uid": f"pod-{name}", "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "uid": owner}]}
    return item


def waiting(reason: str, message: str = "", **status: Any) -> Object:
    """The status of a pod whose container is waiting with `reason`."""
    container = {"name": "web", "image": "example/web:1.0", "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}}
    return {"phase": "Pending", "containerStatuses": [{**container, **status}]}


def event(reason: str, message: str, *, name: str = "web-1-abcde", kind: str = "Pod", at: str = "2026-01-01T00:00:00Z") -> Object:
    """An event about an object in the namespace shop."""
    item = manifest("Event", f"{name}.{reason}.{at}", reason=reason, message=message, lastTimestamp=at)
    return {**item, "involvedObject": {"kind": kind, "namespace": "shop", "name": name}}


def stream(*objects: dict[str, object]) -> str:
    """Format objects the way kubectl prints them."""
    return "---\n".join(yaml.safe_dump(item) for item in objects)
