"""The one interface of the image sources, and what they hand over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kindgate.images.plan import ImagePlan, WantedImage, refuse_missing
from kindgate.waiting import Deadline

Progress = Callable[[str], object]
"""Gets one line that says what is being done, and how long it has taken when it is done."""


@dataclass(frozen=True)
class Provided:
    """What a cluster can be made of.

    `node_image` is a reference in the engine that kind can use, `archive` one file with every workload image (none
    when there is no image to load), `missing` what nobody provides.
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

    def provide_node(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> str:
        """A node image that is in the engine now: the plan's own if it names one."""
        ...

    def provide_workloads(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> Path | None:
        """One archive of `plan.wanted`, or nothing if that is empty. Leaves the engine's own names untouched."""
        ...


def check_available(source: ImageSource, plan: ImagePlan, deadline: Deadline) -> tuple[WantedImage, ...]:
    """The images that `source` lacks: returned when the plan allows it, else an `ImageError` that names file and object."""
    missing = source.missing(plan, deadline)
    if not plan.allow_missing:
        refuse_missing(missing, source.name)
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
