"""What rendered manifests say about how to judge them: hosts, the components that they lack, their own images."""

from __future__ import annotations

import os
from dataclasses import dataclass

from kindgate.adoption.builds import Build, Builds
from kindgate.adoption.entry_components import entry_components
from kindgate.errors import ManifestError
from kindgate.model import Rendered, kind_of
from kindgate.pod_templates import containers

_ENTRIES = frozenset({"Ingress", "HTTPRoute", "IngressRoute"})

_INGRESS = "add an Ingress, or a Service of a port that speaks HTTP, to the manifests; `kindgate init` makes an Ingress for such a Service"


@dataclass(frozen=True)
class Application:
    """The manifests as they are judged: how they are entered, what they lack, and which of their images the repository builds."""

    hosts: tuple[str, ...]
    components: tuple[str, ...]
    builds: tuple[Build, ...] = ()
    notes: tuple[str, ...] = ()


def look_at(rendered: Rendered, builds: Builds) -> Application:
    """Read the application, adapted already; raises `ManifestError` when nothing leads requests into it."""
    if not any(kind_of(item).partition(".")[0] in _ENTRIES for item in rendered.objects):
        raise ManifestError(f"{rendered.overlay}: nothing leads requests into it, and no Service of it may speak HTTP", next_step=_INGRESS)
    components, notes = _components(rendered)
    return Application(rendered.hosts, components, builds.found, (*notes, *builds.notes))


def images_of(rendered: Rendered) -> tuple[str, ...]:
    """Every image of the manifests' containers, as they name it, sorted."""
    found = (container for manifest in rendered.objects for _, container in containers(manifest))
    return tuple(sorted({str(container["image"]) for container in found if container.get("image")}))


def _components(rendered: Rendered) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The bundled components that the overlay lacks, and what a person should know about them."""
    controllers, notes = entry_components(rendered)
    watched = any(str(manifest["metadata"]["name"]) == "prometheus" for manifest in rendered.of_kind("Deployment"))
    return (*controllers, *(() if watched else ("prometheus",))), notes


def relative(path: os.PathLike[str], start: os.PathLike[str]) -> str:
    """A path as it is written in a file in `start`, with slashes."""
    return os.path.relpath(path, start).replace(os.sep, "/")
