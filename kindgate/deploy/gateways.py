"""Gateways for the run, all served by Traefik, whichever controller the manifests name, including any they omit.

Components enable Traefik's providers by switches that it reads at startup, so a changed switch must restart it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kindgate.model import Manifest, ObjectRef, Rendered, kind_of

CONTROLLER = "traefik.io/gateway-controller"
CLASS = "traefik"
API_VERSION = "gateway.networking.k8s.io/v1"

_PORTS: Mapping[str, int] = {"HTTP": 80, "HTTPS": 443, "TLS": 443}
"""The ingress's ports, by listener protocol."""

_ROUTE_KINDS = frozenset({"HTTPRoute", "GRPCRoute", "TLSRoute"})

PROVIDERS_ANNOTATION = "kindgate.dev/providers"
"""On Traefik's pod template: the provider ConfigMaps that are applied with it."""

TRAEFIK = ObjectRef("Deployment", "ingress", "traefik")


def with_gateways(parts: Sequence[Rendered]) -> tuple[Rendered, ...]:
    """Return `parts` (normalized, in apply order) with Traefik serving every Gateway; the notes list the changes.

    Changes nothing if Traefik's GatewayClass is missing (component gateway-api). Classes of other controllers become
    Traefik's, listeners move to the ingress's ports, and a Gateway that routes name but no part defines is created, open
    to routes of all namespaces.
    """
    all_objects = [manifest for part in parts for manifest in part.objects]
    classes = {ObjectRef.of(item).name: _controller(item) for item in all_objects if kind_of(item) == "GatewayClass"}
    if CONTROLLER not in classes.values():
        return tuple(parts)
    existing = {ObjectRef.of(item) for item in all_objects if kind_of(item) == "Gateway"}
    completed_parts: list[Rendered] = []
    for part in parts:
        completed = _with_gateways(part, classes, existing)
        existing |= {ObjectRef.of(item) for item in completed.of_kind("Gateway")}
        classes |= {ObjectRef.of(item).name: CONTROLLER for item in completed.of_kind("GatewayClass")}
        completed_parts.append(completed)
    return tuple(completed_parts)


def with_providers(parts: Sequence[Rendered]) -> tuple[Rendered, ...]:
    """Name the switches in the bundled Traefik's pod template, so a change restarts it on a kept cluster."""
    config_maps = {
        ObjectRef.of(item).name for part in parts for item in part.of_kind("ConfigMap") if ObjectRef.of(item).namespace == TRAEFIK.namespace
    }
    return tuple(
        replace(part, objects=tuple(_with_switches(item, config_maps) if ObjectRef.of(item) == TRAEFIK else item for item in part.objects))
        for part in parts
    )


def _with_gateways(part: Rendered, classes: Mapping[str, str], existing: set[ObjectRef]) -> Rendered:
    notes: list[str] = []
    objects = [_served_by_traefik(manifest, notes) for manifest in part.objects]
    missing = _missing_gateways(part.objects, existing)
    created = [_gateway(ref, names) for ref, names in missing.items()]
    notes += [f"{ref}: not in the manifests; kindgate creates it, served by Traefik" for ref in missing]
    class_names = dict.fromkeys(str(item["spec"]["gatewayClassName"]) for item in (*objects, *created) if kind_of(item) == "Gateway")
    unknown = [name for name in class_names if name not in classes]
    notes += [f"GatewayClass {name}: not in the manifests; kindgate creates it, served by Traefik" for name in unknown]
    added = [*(_gateway_class(name) for name in unknown), *created]
    if not notes:
        return part
    origins = {**part.origins, **dict.fromkeys((ObjectRef.of(item) for item in added), "kindgate")}
    return replace(part, objects=(*objects, *added), origins=origins, notes=(*part.notes, *notes))


def _served_by_traefik(manifest: Manifest, notes: list[str]) -> Manifest:
    """Return the object as Traefik serves it; changes are noted."""
    ref, spec = ObjectRef.of(manifest), manifest.get("spec") or {}
    if ref.kind == "GatewayClass" and _controller(manifest) != CONTROLLER:
        notes.append(f"{ref}: its controller {_controller(manifest)} is not installed; Traefik serves it")
        return {**manifest, "spec": {"controllerName": CONTROLLER}}
    if ref.kind == "Gateway":
        listeners = list(_with_ports(ref, spec.get("listeners") or (), notes))
        return {**manifest, "spec": {**spec, "listeners": listeners}}
    return manifest


def _with_ports(gateway: ObjectRef, listeners: Sequence[Mapping[str, Any]], notes: list[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the listeners on the ingress's ports; a listener stays where it is if moving it would create a duplicate."""
    taken = {(listener.get("protocol"), listener.get("port"), listener.get("hostname")) for listener in listeners}
    for listener in listeners:
        ingress_port = _PORTS.get(str(listener.get("protocol")))
        key = (listener.get("protocol"), ingress_port, listener.get("hostname"))
        if ingress_port is None or listener.get("port") == ingress_port or key in taken:
            yield listener
        else:
            taken.add(key)
            notes.append(
                f"{gateway}: its listener {listener.get('name')} moved from port {listener.get('port')}"
                f" to the ingress's port {ingress_port}"
            )
            yield {**listener, "port": ingress_port}


def _missing_gateways(objects: Iterable[Manifest], existing: set[ObjectRef]) -> dict[ObjectRef, dict[str, None]]:
    """The Gateways that routes name but nothing defines, each with the listener names that routes use."""
    missing: dict[ObjectRef, dict[str, None]] = {}
    for manifest in objects:
        ref = ObjectRef.of(manifest)
        for parent in ((manifest.get("spec") or {}).get("parentRefs") or ()) if ref.kind in _ROUTE_KINDS else ():
            gateway = ObjectRef("Gateway", str(parent.get("namespace") or ref.namespace), str(parent.get("name")))
            if parent.get("kind", "Gateway") == "Gateway" and gateway not in existing:
                names = missing.setdefault(gateway, {})
                if parent.get("sectionName"):
                    names[str(parent["sectionName"])] = None
    return missing


def _gateway(ref: ObjectRef, names: Iterable[str]) -> Manifest:
    """Return a Gateway with one plain and one secure listener as needed; a name such as `https` or `tls` means secure."""
    secure = [name for name in names if any(word in name.lower() for word in ("https", "tls", "secure", "443"))]
    plain = [name for name in names if name not in secure] or ([] if secure else ["http"])
    all_namespaces = {"namespaces": {"from": "All"}}
    tls = {"certificateRefs": [{"name": f"{ref.name}-kindgate-tls"}]}
    listeners: list[dict[str, Any]] = [{"name": plain[0], "protocol": "HTTP", "port": 80, "allowedRoutes": all_namespaces}] if plain else []
    listeners += [{"name": secure[0], "protocol": "HTTPS", "port": 443, "tls": tls, "allowedRoutes": all_namespaces}] if secure else []
    metadata = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": API_VERSION, "kind": "Gateway", "metadata": metadata, "spec": {"gatewayClassName": CLASS, "listeners": listeners}}


def _gateway_class(name: str) -> Manifest:
    return {"apiVersion": API_VERSION, "kind": "GatewayClass", "metadata": {"name": name}, "spec": {"controllerName": CONTROLLER}}


def _controller(gateway_class: Manifest) -> str:
    return str((gateway_class.get("spec") or {}).get("controllerName"))


def _with_switches(deployment: Manifest, config_maps: set[str]) -> Manifest:
    template: dict[str, Any] = deployment["spec"]["template"]
    sources = [entry.get("configMapRef") or {} for container in template["spec"]["containers"] for entry in container.get("envFrom") or ()]
    switches = sorted(str(source["name"]) for source in sources if source.get("optional") and source.get("name") in config_maps)
    if not switches:
        return deployment
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), PROVIDERS_ANNOTATION: ",".join(switches)}
    changed = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**deployment, "spec": {**deployment["spec"], "template": changed}}
