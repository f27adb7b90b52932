"""Choose the bundled components that serve an overlay's entries, by ingress class and kinds of routes."""

from __future__ import annotations

from collections.abc import Mapping

from kindgate.deploy.ingress_routes import ingress_class
from kindgate.model import Rendered, group_of, kind_of

CONTROLLERS: Mapping[str, str] = {"": "ingress-traefik", "traefik": "ingress-traefik", "nginx": "ingress-traefik"}
"""Bundled component by Ingress class; an Ingress without a class is served by the default one."""

_PROVIDERS: Mapping[str, str] = {"gateway.networking.k8s.io": "gateway-api", "traefik.io": "traefik-crds"}
"""Component that lets Traefik read a route, by the route's API group."""


def entry_components(rendered: Rendered) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The components that the overlay's entries need but it lacks, sorted, and notes about entries that no component serves.

    An overlay with its own classes also has their controllers.
    """
    classes = {ingress_class(manifest) for manifest in rendered.of_kind("Ingress")}
    brought = any(kind_of(manifest) in {"IngressClass", "GatewayClass"} for manifest in rendered.objects)
    groups = {group_of(manifest) for manifest in rendered.objects}
    needed = set() if brought else {CONTROLLERS[name] for name in classes & CONTROLLERS.keys()}
    if not brought:
        for group in groups & _PROVIDERS.keys():
            needed |= {_PROVIDERS[group], "ingress-traefik"}
    unknown = [] if brought else sorted(classes - CONTROLLERS.keys())
    notes = tuple(
        f"no bundled component serves the ingress class {name!r}: set `ingressClassName: traefik` with a patch in the overlay"
        for name in unknown
    )
    return tuple(sorted(needed)), notes
