"""Facts about rendered manifests that matter for judging them: hosts, images, and the bundled components they need.

An overlay's entries need components according to their Ingress classes and kinds of routes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from kindgate.deploy.entry_routes import ingress_class
from kindgate.deploy.value_rules import NAME_RULES, subdomain_problem
from kindgate.errors import ManifestError
from kindgate.model import ObjectRef, Rendered, group_of, kind_of
from kindgate.pod_templates import containers
from kindgate.scaffold.builds import Build, Builds
from kindgate.scaffold.placeholder_images import selects_image

CONTROLLERS: Mapping[str, str] = {"": "ingress-traefik", "traefik": "ingress-traefik", "nginx": "ingress-traefik"}
"""Bundled component by Ingress class; an Ingress without a class is served by the default one."""

_PROVIDERS: Mapping[str, str] = {"gateway.networking.k8s.io": "gateway-api", "traefik.io": "traefik-crds"}
"""Component that lets Traefik read a route, by the route's API group."""


def entry_components(rendered: Rendered) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The components that the overlay's entries need but it lacks, sorted, and notes about entries that no component serves.

    An overlay with its own classes also has their controllers.
    """
    classes = {ingress_class(manifest) for manifest in rendered.of_kind("Ingress")}
    has_own_classes = any(kind_of(manifest) in {"IngressClass", "GatewayClass"} for manifest in rendered.objects)
    groups = {group_of(manifest) for manifest in rendered.objects}
    needed = set() if has_own_classes else {CONTROLLERS[name] for name in classes & CONTROLLERS.keys()}
    if not has_own_classes:
        for group in groups & _PROVIDERS.keys():
            needed |= {_PROVIDERS[group], "ingress-traefik"}
    unknown = [] if has_own_classes else sorted(classes - CONTROLLERS.keys())
    notes = tuple(
        f"no bundled component serves the ingress class {name!r}: set `ingressClassName: traefik` with a patch in the overlay"
        for name in unknown
    )
    return tuple(sorted(needed)), notes


_ENTRIES = frozenset({"Ingress", "HTTPRoute", "IngressRoute"})

_INGRESS = "add an Ingress, or a Service or container port that speaks HTTP, for which `kindgate init` creates an Ingress"
_TEMPLATE = re.compile(r"[A-Z][A-Z0-9_-]*|.*(?:[${}<>%@]|__).*")
"""A name that a script must replace; the API server rejects it."""


@dataclass(frozen=True)
class Application:
    """The judged manifests: their hosts, the components they lack, and the images that the repository builds."""

    hosts: tuple[str, ...]
    components: tuple[str, ...]
    builds: tuple[Build, ...] = ()
    notes: tuple[str, ...] = ()


def application_of(rendered: Rendered, builds: Builds) -> Application:
    """Examine the adapted application; raises `ManifestError` if nothing routes requests to it.

    Only builds whose images it still uses are kept.
    """
    if not any(kind_of(item).partition(".")[0] in _ENTRIES for item in rendered.objects):
        raise ManifestError(
            f"{rendered.overlay}: nothing routes requests to it, and none of its Services or containers has a port that may speak HTTP",
            next_step=_INGRESS,
        )
    components, notes = _components(rendered)
    images = images_of(rendered)
    builds_in_use = tuple(build for build in builds.found if any(selects_image(build.image, image) for image in images))
    return Application(rendered.hosts, components, builds_in_use, (*notes, *builds.notes))


def refuse_templates(rendered: Rendered) -> None:
    """Raise `ManifestError` if names of objects are placeholders for a script to replace: such manifests cannot be deployed."""
    placeholders: dict[str, str] = {}
    for item in rendered.objects:
        ref = ObjectRef.of(item)
        for kind, name in ((ref.kind, ref.name), ("Namespace", ref.namespace)):
            if name and _TEMPLATE.fullmatch(name) and NAME_RULES.get(kind, subdomain_problem)(name):
                placeholders.setdefault(name, rendered.origins.get(ref, str(rendered.overlay)))
    if placeholders:
        raise ManifestError(
            f"{', '.join(sorted(set(placeholders.values())))}: names are placeholders for a pipeline to replace: {', '.join(placeholders)}",
            next_step="replace them as your pipeline does, write the result to a folder, and run kindgate init --overlay FOLDER",
        )


def images_of(rendered: Rendered) -> tuple[str, ...]:
    """Every image of the manifests' containers, as named there, sorted."""
    found = (container for manifest in rendered.objects for _, container in containers(manifest))
    return tuple(sorted({str(container["image"]) for container in found if container.get("image")}))


def _components(rendered: Rendered) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The bundled components that the overlay lacks, and notes about them."""
    controllers, notes = entry_components(rendered)
    has_prometheus = any(str(manifest["metadata"]["name"]) == "prometheus" for manifest in rendered.of_kind("Deployment"))
    return (*controllers, *(() if has_prometheus else ("prometheus",))), notes


def relative_path(path: os.PathLike[str], start: os.PathLike[str]) -> str:
    """A path relative to `start`, with slashes."""
    return os.path.relpath(path, start).replace(os.sep, "/")
