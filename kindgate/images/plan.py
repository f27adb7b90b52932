"""Which images a run needs, read from the rendered manifests before anything is created. Pure: no engine, no files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.images.reference import ImageReference
from kindgate.model import ObjectRef, Rendered
from kindgate.pod_templates import containers


@dataclass(frozen=True)
class ImageUse:
    """One container that names an image, and the file that it comes from."""

    file: str
    object: ObjectRef
    container: str

    def __str__(self) -> str:
        """`k8s/base/foo.yaml: Deployment echo/foo, container echo`."""
        return f"{self.file}: {self.object}, container {self.container}"


@dataclass(frozen=True)
class WantedImage:
    """An image that the manifests name, and every container that names it."""

    reference: ImageReference
    uses: tuple[ImageUse, ...]

    def __str__(self) -> str:
        """The reference and its uses, for an error message."""
        return f"{self.reference} ({'; '.join(str(use) for use in self.uses)})"


@dataclass(frozen=True)
class LocalImage:
    """An image of the local engine, and the name that it gets in the nodes.

    `digest` is that of its manifest as the engine saves it; empty where the engine does not keep manifests.
    """

    name: ImageReference
    engine_image: str
    digest: str = ""


@dataclass(frozen=True)
class LocalArchive:
    """An image archive file: the names of the images in it, each with the digest of its manifest."""

    path: Path
    digests: Mapping[ImageReference, str]

    @property
    def names(self) -> tuple[ImageReference, ...]:
        """The names of the images in the archive."""
        return tuple(self.digests)


@dataclass(frozen=True)
class LoadedImage:
    """The name that an image of the manifests has in the nodes.

    A name with a digest is that of the manifests. Where a digest is given up, `reason` says why, after "image NAME".
    """

    name: ImageReference
    reason: str = ""


@dataclass(frozen=True)
class ImagePlan:
    """Every image of a run: `wanted` must come from an image source, the user provides the others.

    `given` are the images of the manifests that the user's own (`local`, `archives`) provide, with their names in the
    nodes. `node_image` is the one that the user asked for; when it is empty, the source gives its own.
    """

    wanted: tuple[WantedImage, ...]
    local: tuple[LocalImage, ...] = ()
    archives: tuple[LocalArchive, ...] = ()
    given: Mapping[ImageReference, LoadedImage] = field(default_factory=dict)
    node_image: str = ""
    allow_missing: bool = False

    def without(self, missing: Iterable[WantedImage]) -> ImagePlan:
        """The plan of what is left when `missing` is left out."""
        gone = set(missing)
        return replace(self, wanted=tuple(image for image in self.wanted if image not in gone))


def plan_images(
    rendered: Iterable[Rendered],
    *,
    local: Sequence[LocalImage] = (),
    archives: Sequence[LocalArchive] = (),
    node_image: str = "",
    allow_missing: bool = False,
) -> ImagePlan:
    """The images of `rendered`, each once and in order.

    What `local` and `archives` provide is not looked for in an image source. Raises `ImageError` for what is no image reference.
    """
    images = tuple(_wanted(rendered))
    found = ((image.reference, _given(image.reference, local, archives)) for image in images)
    given = {reference: loaded for reference, loaded in found if loaded is not None}
    return ImagePlan(
        wanted=tuple(image for image in images if image.reference not in given),
        local=tuple(local),
        archives=tuple(archives),
        given=given,
        node_image=node_image,
        allow_missing=allow_missing,
    )


def _given(reference: ImageReference, local: Sequence[LocalImage], archives: Sequence[LocalArchive]) -> LoadedImage | None:
    """What the user gives for an image of the manifests: the very digest, or else the same name and tag."""
    candidates = [(image.name, image.digest, f"is the local image {image.engine_image}") for image in local]
    candidates += [(name, digest, "is in an archive of --kind-load") for archive in archives for name, digest in archive.digests.items()]
    for name, digest, _ in candidates:
        if reference == name or (reference.digest and (name.name, digest) == (reference.name, reference.digest)):
            return LoadedImage(reference)
    for image in local:
        asked = ImageReference.parse(image.engine_image)
        if reference.digest and (asked.name, asked.digest) == (reference.name, reference.digest):
            return LoadedImage(image.name, f"is the local image {image.engine_image}, which the engine saves under another digest")
    for name, _, title in candidates:
        if reference.digest and reference.tag and name.tagged == reference.tagged:
            return LoadedImage(name, f"{title} but has another digest")
    return None


def _wanted(rendered: Iterable[Rendered]) -> Iterator[WantedImage]:
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
    return (WantedImage(reference, tuple(found)) for reference, found in uses.items())


def _use(container: Mapping[str, object], file: str, ref: ObjectRef) -> tuple[ImageReference, ImageUse]:
    use = ImageUse(file, ref, str(container.get("name", "")))
    try:
        return ImageReference.parse(str(container["image"])), use
    except ImageError as error:
        raise ImageError(f"{use}: {error.message}", next_step=error.next_step) from error
