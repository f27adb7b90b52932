"""The common interface of the image sources, and their results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kindgate.errors import ImageError
from kindgate.images.image_plan import ImagePlan, LoadedImage, WantedImage
from kindgate.images.image_reference import LOCAL_REGISTRY, ImageReference
from kindgate.progress import Progress
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class Provided:
    """The images for a cluster.

    `node_image` is a reference in the engine that kind can use; `archive` is one file with every workload image (None
    if there is none to load); `missing` are the images that the source lacks.
    """

    node_image: str
    archive: Path | None
    missing: tuple[WantedImage, ...] = ()


class ImageSource(Protocol):
    """A source of images.

    Its three steps are separate because a cluster waits only for its node image: workload images can be provided in a
    thread while it is being created.
    """

    @property
    def name(self) -> str:
        """Its name in `--image-source`."""
        ...

    def missing(self, plan: ImagePlan, deadline: Deadline) -> tuple[WantedImage, ...]:
        """The images of `plan.wanted` that this source lacks; fast, and called before a cluster exists."""
        ...

    def loaded_as(self, reference: ImageReference) -> LoadedImage:
        """The name in the nodes of an image that this source has, and the reason if it differs from the manifests' name."""
        ...

    def pinned(self, reference: ImageReference) -> ImageReference:
        """The reference with the digest that this source verifies, if any."""
        ...

    def missing_message(self, images: str) -> str:
        """The message that this source lacks `images`."""
        ...

    def origin_of(self, reference: ImageReference) -> str:
        """The origin of an image that this source has, for `kindgate images list`."""
        ...

    def resolved(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> ImageSource:
        """The source with all choices fixed that could otherwise differ between two steps of a run; may fetch programs."""
        ...

    def provide_node(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> str:
        """A node image in the engine: the plan's own if it names one."""
        ...

    def provide_workloads(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> Path | None:
        """One archive of `plan.wanted`, or None if that is empty. Leaves the engine's own names untouched."""
        ...


def check_available(source: ImageSource, plan: ImagePlan, deadline: Deadline) -> tuple[WantedImage, ...]:
    """The images that `source` lacks if the plan allows it; otherwise raises `ImageError` with file and object."""
    missing = source.missing(plan, deadline)
    if missing and not plan.allow_missing:
        raise ImageError(source.missing_message(", ".join(map(str, missing))), next_step=_next_step(missing[0].reference))
    return missing


def _next_step(missing: ImageReference) -> str:
    if missing.registry == LOCAL_REGISTRY:
        return f"build it with `kindgate images build {missing.tagged} image.tar`, and pass it with --kind-load image.tar"
    return (
        f"correct the name; or `docker build` the image and pass it with --app-image {missing.familiar_name}=IMAGE or --kind-load IMAGE; "
        "or let the cluster report it with --images-allow-missing"
    )


def provide(source: ImageSource, plan: ImagePlan, progress: Progress, deadline: Deadline) -> Provided:
    """Provide all of `plan` from `source`, one step after the other.

    Raises `ImageError` before anything is pulled or built if an image is missing and the plan does not allow it.
    """
    missing = check_available(source, plan, deadline)
    available_plan = plan.without(missing)
    return Provided(
        node_image=source.provide_node(available_plan, progress, deadline),
        archive=source.provide_workloads(available_plan, progress, deadline),
        missing=missing,
    )
