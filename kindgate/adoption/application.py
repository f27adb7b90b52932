"""What a rendered overlay tells about how to judge it: hosts, the ingress controller that it needs, its own image."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from kindgate.adoption.entry_components import entry_components
from kindgate.errors import ManifestError
from kindgate.images.reference import ImageReference
from kindgate.model import Rendered
from kindgate.pod_templates import containers

_INGRESS = """an Ingress leads requests into the cluster; add one to the overlay, such as
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: shop, namespace: shop}
    spec:
      rules:
        - host: shop.localhost
          http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]}"""


@dataclass(frozen=True)
class Application:
    """The application of an overlay. `image` is the one that this repository builds, as its manifests name it, if one is known."""

    hosts: tuple[str, ...]
    components: tuple[str, ...]
    images: tuple[str, ...]
    image: str
    notes: tuple[str, ...]


def look_at(rendered: Rendered, *, builds_image: bool, names: Iterable[str]) -> Application:
    """Read the application; an image that ends in one of `names` is taken for the repository's own if it `builds_image`.

    Raises `ManifestError` when nothing leads requests into it.
    """
    if not rendered.hosts:
        raise ManifestError(f"{rendered.overlay}: no Ingress of it names a host", next_step=_INGRESS)
    found = (container for manifest in rendered.objects for _, container in containers(manifest))
    images = tuple(sorted({str(container["image"]) for container in found if container.get("image")}))
    own = _own_image(images, names) if builds_image else ""
    components, notes = _components(rendered)
    if builds_image and not own:
        notes += (f"which image the Dockerfile builds is not clear: add `app_image = NAME=TAG` to pytest's settings ({', '.join(images)})",)
    return Application(rendered.hosts, components, images, own, notes)


def short_name(image: str) -> str:
    """The last part of an image's name: `shop` of `example.org/team/shop:1.2`."""
    return ImageReference.parse(image).repository.rpartition("/")[2]


def without_tag(image: str) -> str:
    """The image's name as people write it, without tag and digest: what --app-image takes."""
    return ImageReference.parse(image).familiar_name


def _own_image(images: tuple[str, ...], names: Iterable[str]) -> str:
    if len(images) == 1:
        return images[0]
    wanted = set(names)
    named = [image for image in images if short_name(image) in wanted]
    return named[0] if len(named) == 1 else ""


def _components(rendered: Rendered) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The bundled components that the overlay lacks, and what a person should know about them."""
    controllers, notes = entry_components(rendered)
    watched = any(str(manifest["metadata"]["name"]) == "prometheus" for manifest in rendered.of_kind("Deployment"))
    return (*controllers, *(() if watched else ("prometheus",))), notes


def relative(path: os.PathLike[str], start: os.PathLike[str]) -> str:
    """A path as it is written in a file in `start`, with slashes."""
    return os.path.relpath(path, start).replace(os.sep, "/")
