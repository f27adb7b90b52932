"""The one interface of the image sources, and what they hand over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kindgate.errors import ImageError
from kindgate.images.plan import ImagePlan, LoadedImage, WantedImage
from kindgate.images.reference import ImageReference
from kindgate.waiting import Deadline

Progress = Callable[[str], object]
"""Gets one line that says what is being done, and how long it has taken when it is done."""


@dataclass(frozen=True)
class Provided:
    """What a cluster can be made of.

    `node_image` is a reference in the engine that kind can use, `archive` one file with every workload image (none
    when there is no image to load), `missing` what the source does not have.
    """

    node_image: str
    archive: Path | None
    missing: tuple[WantedImage, ...] = ()


class ImageSource(Protocol):
    """Where images come from.

    The three steps are apart because a cluster waits for its node image only: workload images can be provided, in a
    thread, while it is being created.
    """

    @property
    def name(self) -> str:
        """What `--image-source` calls it."""
        ...

    def missing(self, plan: ImagePlan, deadline: Deadline) -> tuple[WantedImage, ...]:
        """The images of `plan.wanted` that this source does not have; quick, and asked before a cluster exists."""
        ...

    def loaded_as(self, reference: ImageReference) -> LoadedImage:
        """The name in the nodes of an image that this source has, and why it is not that of the manifests."""
        ...

    def pinned(self, reference: ImageReference) -> ImageReference:
        """The reference with the digest that this source checks, if any."""
        ...

    def refusal(self, images: str) -> str:
        """The sentence that this source does not have `images`."""
        ...

    def described(self, reference: ImageReference) -> str:
        """Where an image that this source has comes from, for `kindgate images list`."""
        ...

    def settled(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> ImageSource:
        """The source after everything was decided that could make two steps of one run differ; it may fetch programs."""
        ...

    def provide_node(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> str:
        """A node image that is in the engine now: the plan's own if it names one."""
        ...

    def provide_workloads(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> Path | None:
        """One archive of `plan.wanted`, or nothing if that is empty. Leaves the engine's own names untouched."""
        ...


def check_available(source: ImageSource, plan: ImagePlan, deadline: Deadline) -> tuple[WantedImage, ...]:
    """The images that `source` lacks: returned when the plan allows it, else an `ImageError` that names file and object."""
    missing = source.missing(plan, deadline)
    if missing and not plan.allow_missing:
        name = missing[0].reference.familiar_name
        raise ImageError(
            source.refusal(", ".join(map(str, missing))),
            next_step=f"correct the name; or `docker build` the image and pass it with --app-image {name}=IMAGE or --kind-load IMAGE; "
            "or let the cluster report it with --images-allow-missing",
        )
    return missing


def provide(source: ImageSource, plan: ImagePlan, progress: Progress, deadline: Deadline) -> Provided:
    """All of `plan` from `source`, one step after the other.

    Raises `ImageError` before anything is pulled or built when an image is missing and the plan does not allow it.
    """
    missing = check_available(source, plan, deadline)
    there = plan.without(missing)
    return Provided(
        node_image=source.provide_node(there, progress, deadline),
        archive=source.provide_workloads(there, progress, deadline),
        missing=missing,
    )
