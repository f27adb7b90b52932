"""Which images a run needs, read from the rendered manifests before anything is created. Pure: no engine, no files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.images.reference import DEFAULT_TAG, ImageReference
from kindgate.model import ObjectRef, Rendered
from kindgate.pod_templates import containers


@dataclass(frozen=True)
class ImageUse:
    """One container that names an image: where it stands, and the pull policy that holds for it."""

    file: str
    object: ObjectRef
    container: str
    pull_policy: str

    def __str__(self) -> str:
        """`k8s/base/foo.yaml: Deployment echo/foo, container echo`."""
        return f"{self.file}: {self.object}, container {self.container}"


@dataclass(frozen=True)
class WantedImage:
    """An image that the manifests name, and every container that names it."""

    reference: ImageReference
    uses: tuple[ImageUse, ...]

    def __str__(self) -> str:
        """The reference and where it stands, for an error message."""
        return f"{self.reference} ({'; '.join(str(use) for use in self.uses)})"


@dataclass(frozen=True)
class LocalImage:
    """An image of the local engine, and the name that the nodes are to know it by."""

    name: ImageReference
    engine_image: str


@dataclass(frozen=True)
class LocalArchive:
    """An image archive file, and the names of the images in it."""

    path: Path
    names: tuple[ImageReference, ...]


@dataclass(frozen=True)
class ImagePlan:
    """Every image of a run: `wanted` has to come from an image source, the others are with the user already.

    `node_image` is the node image that the user asked for; when it is empty, the source gives its own.
    """

    wanted: tuple[WantedImage, ...]
    local: tuple[LocalImage, ...] = ()
    archives: tuple[LocalArchive, ...] = ()
    node_image: str = ""
    allow_missing: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that the nodes have to know when all is loaded, sorted and each once."""
        wanted = {image.reference.tagged for image in self.wanted}
        local = {image.name.tagged for image in self.local}
        archived = {name.tagged for archive in self.archives for name in archive.names}
        return tuple(sorted(wanted | local | archived))

    def without(self, missing: Iterable[WantedImage]) -> ImagePlan:
        """The plan of what is left when `missing` is left out."""
        gone = set(missing)
        return replace(self, wanted=tuple(image for image in self.wanted if image not in gone))


def plan_images(
    rendered: Iterable[Rendered],
    *,
    loaded_images: Sequence[str] = (),
    archives: Sequence[LocalArchive] = (),
    node_image: str = "",
    allow_missing: bool = False,
) -> ImagePlan:
    """The images of `rendered`, each once and in order.

    `loaded_images` are images of the local engine. Neither these nor what `archives` hold is looked for in an image
    source. Raises `ImageError` for an image that is named by digest, and for a local image whose pull policy would
    make the nodes ask a registry for it.
    """
    wanted = list(_wanted(rendered))
    local = [LocalImage(ImageReference.parse(image), image) for image in dict.fromkeys(loaded_images)]
    given = {image.name for image in local} | {name for archive in archives for name in archive.names}
    check_pull_policies(image for image in wanted if image.reference in given)
    return ImagePlan(
        wanted=tuple(image for image in wanted if image.reference not in given),
        local=tuple(local),
        archives=tuple(archives),
        node_image=node_image,
        allow_missing=allow_missing,
    )


def check_pull_policies(images: Iterable[WantedImage]) -> None:
    """Raise `ImageError` for the first container that would make its node ask a registry for one of `images`.

    Kubernetes' default is Always where the tag is `latest` or left out, and IfNotPresent otherwise.
    """
    for image in images:
        for use in image.uses:
            if use.pull_policy == "Always":
                raise ImageError(
                    f"{use}: {image.reference} is loaded into the nodes, and its imagePullPolicy is Always",
                    next_step="set imagePullPolicy: IfNotPresent; without the field a tag `latest`, or none, means Always",
                )


def refuse_missing(missing: Sequence[WantedImage], source: str, hint: str = "") -> None:
    """Raise the `ImageError` that names every image of `missing` with file and object; does nothing without any."""
    if missing:
        raise ImageError(
            f"the image source {source!r} does not provide " + ", ".join(str(image) for image in missing),
            next_step=hint or "correct the name, give the image with --kind-load or --app-image, or use --images-allow-missing",
        )


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
    image, name = str(container["image"]), str(container.get("name", ""))
    try:
        reference = ImageReference.parse(image)
    except ImageError as error:
        raise ImageError(f"{file}: {ref}, container {name}: {error.message}", next_step=error.next_step) from error
    if reference.digest:
        raise ImageError(
            f"{file}: {ref}, container {name}: {image} names a digest, and an image loaded into a node is found by its tag only",
            next_step="write name:tag, and pin the digest in k8s/images/images.lock",
        )
    default = "Always" if reference.tag == DEFAULT_TAG else "IfNotPresent"
    return reference, ImageUse(file, ref, name, str(container.get("imagePullPolicy") or default))
