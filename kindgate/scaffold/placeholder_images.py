"""Images that are not valid references until a pipeline fills them in: `${{ secrets.USER }}/shop:latest`, `gcr.io/PROJECT_ID/shop:$TAG`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kindgate.errors import ImageError, SettingsError
from kindgate.images.image_reference import ImageReference, selects
from kindgate.model import Manifest, ObjectRef, Rendered
from kindgate.pod_templates import containers, with_containers

_PLACEHOLDER = re.compile(r"\$?\{\{.*?\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$\w+|<[^>]*>|%\w+%|__\w+__|@\w+@|\[[^\]]*\]")
_UPPERCASE = re.compile(r"[A-Z][A-Z0-9_-]*")
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


@dataclass(frozen=True)
class ImageChange:
    """Replacement of an image: the container of `object` at `path` (`spec.template.spec.containers[0]`) gets `image` instead of `old`."""

    object: Manifest
    path: str
    old: str
    image: str


def parse_image_options(texts: Sequence[str]) -> Mapping[str, str]:
    """Parse texts of the form NAME=IMAGE; raises `SettingsError` if IMAGE is not a valid reference."""
    requested = {}
    for text in texts:
        name, _, image = text.rpartition("=")
        if not name or not is_reference(image):
            raise SettingsError(
                f"--image {text}: not of the form NAME=IMAGE", next_step="for example --image shop=registry.example/team/shop:1"
            )
        requested[name] = image
    return requested


def is_reference(image: str) -> bool:
    """Whether the text is a valid image reference."""
    try:
        ImageReference.parse(image)
    except ImageError:
        return False
    return True


def selects_image(name: str, image: str) -> bool:
    """Whether NAME selects the image, as in --app-image; both may be invalid references."""
    return is_reference(name) and is_reference(image) and selects(name, ImageReference.parse(image))


def placeholder_names(rendered: Rendered) -> Mapping[str, str]:
    """Each image that a pipeline fills in, with its likely name: its legible part, otherwise its workload's name."""
    return {image: legible_name(image) or str(item["metadata"]["name"]) for item, _, image in _images(rendered) if _is_placeholder(image)}


def legible_name(image: str) -> str:
    """The last part of an image's name if literal: `shop` of `${REGISTRY}/shop:${TAG}`; empty if a pipeline fills it in."""
    last = _PLACEHOLDER.sub("\0", image).partition("@")[0].rpartition("/")[2].partition(":")[0].strip()
    return last if _NAME.fullmatch(last) else ""


def image_changes(
    rendered: Rendered, names: Mapping[str, str], built: Mapping[str, str], requested: Mapping[str, str]
) -> tuple[tuple[ImageChange, ...], tuple[str, ...]]:
    """The containers whose image must be replaced, and one note per placeholder.

    `names` is from `placeholder_names`; `built` maps such names to images that Dockerfiles build, and `requested` is the requested
    mapping of NAME, from the manifests or from `names`, to IMAGE. Raises `SettingsError` for a NAME found in neither.
    """
    changes, notes, used = [], [], set[str]()
    for item, path, image in _images(rendered):
        name = names.get(image, "")
        option = next((one for one in requested if one in {name, image} or selects_image(one, image)), "")
        if option:
            used.add(option)
            changes.append(ImageChange(item, path, image, requested[option]))
        elif name in built:
            changes.append(ImageChange(item, path, image, built[name]))
            notes.append(f"{image} of {ObjectRef.of(item)} is a placeholder: using {built[name]}")
        elif name:
            notes.append(
                f"{image} of {ObjectRef.of(item)} is a placeholder that no Dockerfile builds: set its image with --image {name}=IMAGE"
            )
    unused = [name for name in requested if name not in used]
    if unused:
        known = dict.fromkeys(names.get(image, image) for _, _, image in _images(rendered))
        raise SettingsError(f"--image {unused[0]}: no container has that image", next_step=f"known images: {', '.join(known)}")
    return tuple(changes), tuple(dict.fromkeys(notes))


def with_changed_images(rendered: Rendered, changes: Sequence[ImageChange]) -> Rendered:
    """Return `rendered` with the images of `changes`."""
    by_object: dict[ObjectRef, dict[str, str]] = {}
    for change in changes:
        by_object.setdefault(ObjectRef.of(change.object), {})[change.old] = change.image

    def changed(item: Manifest) -> Manifest:
        images = by_object.get(ObjectRef.of(item), {})
        return with_containers(
            item,
            lambda container: (
                {**container, "image": images[str(container["image"])]} if str(container.get("image")) in images else container
            ),
        )

    return replace(rendered, objects=tuple(changed(item) if ObjectRef.of(item) in by_object else item for item in rendered.objects))


def _is_placeholder(image: str) -> bool:
    """Whether a pipeline apparently fills the image in; a name that only contains a capital letter is merely invalid."""
    if is_reference(image):
        return False
    return _PLACEHOLDER.search(image) is not None or any(_UPPERCASE.fullmatch(part) for part in re.split(r"[/:@]", image))


def _images(rendered: Rendered) -> Iterator[tuple[Manifest, str, str]]:
    for item in rendered.objects:
        for path, container in containers(item):
            if container.get("image"):
                yield item, path, str(container["image"])
