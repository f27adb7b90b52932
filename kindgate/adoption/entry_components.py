"""Which bundled components serve the entries of an overlay: chosen by ingress class, and by the kinds of its routes."""

from __future__ import annotations

from collections.abc import Mapping

from kindgate.deploy.ingress_routes import ingress_class
from kindgate.model import Rendered, group_of, kind_of

CONTROLLERS: Mapping[str, str] = {"": "ingress-traefik", "traefik": "ingress-traefik", "nginx": "ingress-traefik"}
"""Class of an Ingress to the bundled component that serves it; an Ingress without a class is served by the default one."""

_PROVIDERS: Mapping[str, str] = {"gateway.networking.k8s.io": "gateway-api", "traefik.io": "traefik-crds"}
"""API group of a route to the component that lets Traefik read it."""


def entry_components(rendered: Rendered) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The components that the overlay's entries need and it lacks, sorted, and notes about what no component serves.

    An overlay that brings classes of its own brings their controllers too.
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
