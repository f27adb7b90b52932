"""Image names and pull policies in manifests, adapted to the images that are loaded into the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kindgate.errors import ImageError
from kindgate.images.image_plan import LoadedImage
from kindgate.images.image_reference import DEFAULT_TAG, ImageReference
from kindgate.model import Manifest, ObjectRef, Rendered, group_of, is_kubernetes_group
from kindgate.pod_templates import Container, with_containers

_POLICY = "imagePullPolicy"


def with_loaded_images(rendered: Rendered, loaded: Mapping[ImageReference, LoadedImage]) -> Rendered:
    """Give each image in `loaded` its name in the nodes and a pull policy that uses it.

    A container whose image is not in `loaded` is unchanged. The notes list every dropped or kept digest and every replaced
    explicit `Always`. In custom resources, only a policy that would make the nodes pull is changed, because their schema
    might lack the field.
    """
    notes: list[str] = []
    objects = tuple(_with_loaded(manifest, loaded, notes) for manifest in rendered.objects)
    return replace(rendered, objects=objects, notes=(*rendered.notes, *dict.fromkeys(notes)))


def _with_loaded(manifest: Manifest, loaded: Mapping[ImageReference, LoadedImage], notes: list[str]) -> Manifest:
    ref = ObjectRef.of(manifest)
    always_set = is_kubernetes_group(group_of(manifest))

    def change(container: Container) -> Container:
        reference = _reference(container)
        image = loaded.get(reference) if reference is not None else None
        if reference is None or image is None:
            return container
        if reference.digest:
            notes.append(f"{ref}: image {reference.familiar} {_fate(reference, image)}")
        written = container.get(_POLICY)
        if written == "Always":
            notes.append(
                f"{ref}, container {container.get('name', '')}: {_POLICY} changed from Always to IfNotPresent because the image is loaded"
            )
        named = container if image.name == reference else {**container, "image": image.name.familiar}
        pulls = (written or ("Always" if image.name.tag == DEFAULT_TAG else "IfNotPresent")) == "Always"
        return {**named, _POLICY: "IfNotPresent"} if always_set or pulls else named

    return with_containers(manifest, change)


def _reference(container: Container) -> ImageReference | None:
    """Return the container's image; None if it is missing or invalid, which validation reports."""
    try:
        return ImageReference.parse(str(container["image"])) if container.get("image") else None
    except ImageError:
        return None


def _fate(reference: ImageReference, image: LoadedImage) -> str:
    if image.name == reference:
        return "is loaded into the nodes under that digest"
    return f"{image.reason}; using {image.name.familiar}"
