"""Images in manifests: replaced on request, named as they are loaded into the nodes, and identified by their content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kindgate.errors import ImageError
from kindgate.images.image_plan import LoadedImage
from kindgate.images.image_reference import DEFAULT_TAG, ImageReference, selects
from kindgate.model import Manifest, ObjectRef, Rendered, group_of, is_kubernetes_group
from kindgate.pod_templates import Container, containers, with_containers

IMAGE_IDS = "kindgate.dev/image-ids"

_ROLLED_OUT = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds that replace their pods when the template changes; a Job's template is immutable."""

_POLICY = "imagePullPolicy"


def with_images(parts: Sequence[Rendered], images: Mapping[str, str], option: str) -> tuple[Rendered, ...]:
    """Replace each image NAME of `images` by its value, as `kustomize edit set image` does.

    A NAME without a tag matches every tag and digest; `foo` and `docker.io/library/foo` are the same name. Raises
    `ImageError` for an invalid image reference, and for a name that no manifest of `parts` uses; `option` is the option
    that named it.
    """
    used: set[str] = set()
    changed = tuple(
        replace(part, objects=tuple(_with_replaced_images(manifest, images, used) for manifest in part.objects)) for part in parts
    )
    for name in images:
        if name not in used:
            image_names = sorted({image for part in parts for manifest in part.objects for image in _image_names(manifest)})
            raise ImageError(
                f"{option} {name}: no manifest uses that image", last_state=f"images of the manifests: {', '.join(image_names) or 'none'}"
            )
    return changed


def with_image_ids(rendered: Rendered, ids: Mapping[str, str]) -> Rendered:
    """Annotate each pod template that uses an image of `ids` (its name in the nodes -> ID).

    A user's image keeps its name when its content changes: without a changed template, a kept cluster would replace no pod
    and the old image would be tested.
    """
    return replace(rendered, objects=tuple(_with_ids(manifest, ids) for manifest in rendered.objects))


def with_loaded_images(rendered: Rendered, loaded: Mapping[ImageReference, LoadedImage]) -> Rendered:
    """Give each image in `loaded` its name in the nodes and a pull policy that uses it.

    A container whose image is not in `loaded` is unchanged. The notes list every dropped or kept digest and every replaced
    explicit `Always`. In custom resources, only a policy that would make the nodes pull is changed, because their schema
    might lack the field.
    """
    notes: list[str] = []
    objects = tuple(_with_loaded(manifest, loaded, notes) for manifest in rendered.objects)
    return replace(rendered, objects=objects, notes=(*rendered.notes, *dict.fromkeys(notes)))


def _with_replaced_images(manifest: Manifest, images: Mapping[str, str], used: set[str]) -> Manifest:
    def replace_image(container: Container) -> Container:
        image = container.get("image")
        name = next((name for name in images if isinstance(image, str) and selects(name, ImageReference.parse(image))), None)
        if name is None:
            return container
        used.add(name)
        return {**container, "image": images[name]}

    return with_containers(manifest, replace_image)


def _image_names(manifest: Manifest) -> Iterator[str]:
    return (str(container["image"]) for _, container in containers(manifest) if container.get("image"))


def _with_ids(manifest: Manifest, ids: Mapping[str, str]) -> Manifest:
    if ObjectRef.of(manifest).kind not in _ROLLED_OUT:
        return manifest
    used = {ImageReference.parse(container["image"]).exact for _, container in containers(manifest) if container.get("image")}
    used_ids = ",".join(f"{name}={ids[name]}" for name in sorted(used & ids.keys()))
    if not used_ids:
        return manifest
    template = manifest["spec"]["template"]
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), IMAGE_IDS: used_ids}
    changed = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**manifest, "spec": {**manifest["spec"], "template": changed}}


def _with_loaded(manifest: Manifest, loaded: Mapping[ImageReference, LoadedImage], notes: list[str]) -> Manifest:
    ref = ObjectRef.of(manifest)
    is_built_in = is_kubernetes_group(group_of(manifest))

    def with_loaded_image(container: Container) -> Container:
        reference = _reference(container)
        image = loaded.get(reference) if reference is not None else None
        if reference is None or image is None:
            return container
        if reference.digest:
            notes.append(f"{ref}: image {reference.familiar} {_digest_note(reference, image)}")
        policy = container.get(_POLICY)
        if policy == "Always":
            notes.append(
                f"{ref}, container {container.get('name', '')}: {_POLICY} changed from Always to IfNotPresent because the image is loaded"
            )
        renamed = container if image.name == reference else {**container, "image": image.name.familiar}
        would_pull = (policy or ("Always" if image.name.tag == DEFAULT_TAG else "IfNotPresent")) == "Always"
        return {**renamed, _POLICY: "IfNotPresent"} if is_built_in or would_pull else renamed

    return with_containers(manifest, with_loaded_image)


def _reference(container: Container) -> ImageReference | None:
    """Return the container's image; None if it is missing or invalid, which validation reports."""
    try:
        return ImageReference.parse(str(container["image"])) if container.get("image") else None
    except ImageError:
        return None


def _digest_note(reference: ImageReference, image: LoadedImage) -> str:
    if image.name == reference:
        return "is loaded into the nodes under that digest"
    return f"{image.reason}; using {image.name.familiar}"
