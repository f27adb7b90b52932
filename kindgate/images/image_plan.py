"""The images that a run needs, read from the rendered manifests before anything is created. Pure: no engine, no files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.images.image_reference import ImageReference
from kindgate.model import ObjectRef, Rendered
from kindgate.pod_templates import containers


@dataclass(frozen=True)
class ImageUse:
    """One container that uses an image, and its manifest file."""

    file: str
    object: ObjectRef
    container: str

    def __str__(self) -> str:
        """`k8s/base/foo.yaml: Deployment echo/foo, container echo`."""
        return f"{self.file}: {self.object}, container {self.container}"


@dataclass(frozen=True)
class WantedImage:
    """An image in the manifests, and every container that uses it."""

    reference: ImageReference
    uses: tuple[ImageUse, ...]

    def __str__(self) -> str:
        """The reference and its uses, for an error message."""
        return f"{self.reference} ({'; '.join(str(use) for use in self.uses)})"


@dataclass(frozen=True)
class LocalImage:
    """An image of the local engine, and its name in the nodes.

    `digest` is that of its manifest as the engine saves it; empty if the engine does not keep manifests.
    """

    name: ImageReference
    engine_image: str
    digest: str = ""


@dataclass(frozen=True)
class LocalArchive:
    """An image archive file: the names of its images, each with its manifest's digest."""

    path: Path
    digests: Mapping[ImageReference, str]

    @property
    def names(self) -> tuple[ImageReference, ...]:
        """The names of the images in the archive."""
        return tuple(self.digests)


@dataclass(frozen=True)
class LoadedImage:
    """The name in the nodes of an image in the manifests.

    A name with a digest is the manifests' name. If the digest was dropped, `reason` is why, to follow "image NAME".
    """

    name: ImageReference
    reason: str = ""


@dataclass(frozen=True)
class ImagePlan:
    """All images of a run: `wanted` must come from an image source; the user provides the rest.

    `user_provided` maps the manifests' images that the user provides (`local`, `archives`) to their names in the nodes.
    `node_image` is the user's choice; if empty, the source provides its own.
    """

    wanted: tuple[WantedImage, ...]
    local: tuple[LocalImage, ...] = ()
    archives: tuple[LocalArchive, ...] = ()
    user_provided: Mapping[ImageReference, LoadedImage] = field(default_factory=dict)
    node_image: str = ""
    allow_missing: bool = False

    def without(self, missing: Iterable[WantedImage]) -> ImagePlan:
        """The plan without the images in `missing`."""
        excluded = set(missing)
        return replace(self, wanted=tuple(image for image in self.wanted if image not in excluded))


def plan_images(
    rendered: Iterable[Rendered],
    *,
    local: Sequence[LocalImage] = (),
    archives: Sequence[LocalArchive] = (),
    node_image: str = "",
    allow_missing: bool = False,
) -> ImagePlan:
    """Plan the images of `rendered`, without duplicates and in order.

    Those provided by `local` and `archives` are not requested from an image source. Raises `ImageError` for an invalid
    image reference.
    """
    images = tuple(_images_of(rendered))
    user_images = ((image.reference, _user_image(image.reference, local, archives)) for image in images)
    user_provided = {reference: loaded for reference, loaded in user_images if loaded is not None}
    return ImagePlan(
        wanted=tuple(image for image in images if image.reference not in user_provided),
        local=tuple(local),
        archives=tuple(archives),
        user_provided=user_provided,
        node_image=node_image,
        allow_missing=allow_missing,
    )


def _user_image(reference: ImageReference, local: Sequence[LocalImage], archives: Sequence[LocalArchive]) -> LoadedImage | None:
    """The user's image for one in the manifests: the same digest, otherwise the same name and tag."""
    candidates = [(image.name, image.digest, f"is the local image {image.engine_image}") for image in local]
    candidates += [(name, digest, "is in an archive of --kind-load") for archive in archives for name, digest in archive.digests.items()]
    for name, digest, _ in candidates:
        if reference == name or (reference.digest and (name.name, digest) == (reference.name, reference.digest)):
            return LoadedImage(reference)
    for image in local:
        engine_reference = ImageReference.parse(image.engine_image)
        if reference.digest and (engine_reference.name, engine_reference.digest) == (reference.name, reference.digest):
            return LoadedImage(image.name, f"is the local image {image.engine_image}, which the engine saves under another digest")
    for name, _, title in candidates:
        if reference.digest and reference.tag and name.tagged == reference.tagged:
            return LoadedImage(name, f"{title} but has another digest")
    return None


def _images_of(rendered: Iterable[Rendered]) -> Iterator[WantedImage]:
    """The images of all manifests, each once with all its uses, in order of first use."""
    uses: dict[ImageReference, list[ImageUse]] = {}
    for overlay in rendered:
        for manifest in overlay.objects:
            ref = ObjectRef.of(manifest)
            file = overlay.origins.get(ref, str(overlay.overlay))
            for _, container in containers(manifest):
                if not container.get("image"):
                    continue
                reference, use = _use(container, file, ref)
                uses.setdefault(reference, []).append(use)
    return (WantedImage(reference, tuple(image_uses)) for reference, image_uses in uses.items())


def _use(container: Mapping[str, object], file: str, ref: ObjectRef) -> tuple[ImageReference, ImageUse]:
    use = ImageUse(file, ref, str(container.get("name", "")))
    try:
        return ImageReference.parse(str(container["image"])), use
    except ImageError as error:
        raise ImageError(f"{use}: {error.message}", next_step=error.next_step) from error
