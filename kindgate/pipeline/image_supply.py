"""The images of a run: planned from manifests and options, found at a source, packed into one archive."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate import assets
from kindgate.errors import ImageError
from kindgate.host.container_engine import Engine, find_engine
from kindgate.host.facts import gather_facts
from kindgate.host.paths import cache_dir
from kindgate.images.build.build_source import BuildSource
from kindgate.images.engine_store import image_id
from kindgate.images.image_lock import read_lock
from kindgate.images.image_plan import ImagePlan, LoadedImage, WantedImage, plan_images
from kindgate.images.image_reference import ImageReference
from kindgate.images.image_source import ImageSource, check_available
from kindgate.images.local_images import find_local, with_local
from kindgate.images.source_choice import choose_source
from kindgate.model import Rendered
from kindgate.progress import Progress
from kindgate.settings import Settings
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class ImageSupply:
    """The images for a cluster that kindgate creates. `plan` holds the available ones, `missing` those found nowhere.

    `folder` is private to the run; archives made only for this run are written there.
    """

    engine: Engine
    plan: ImagePlan
    source: ImageSource
    missing: tuple[WantedImage, ...]
    folder: Path

    @property
    def loaded(self) -> Mapping[ImageReference, LoadedImage]:
        """Every image of the manifests that is loaded into the nodes, with its name there."""
        return {**self.plan.user_provided, **{image.reference: self.source.loaded_as(image.reference) for image in self.plan.wanted}}

    @property
    def names(self) -> tuple[str, ...]:
        """Every image name that the nodes must know after loading, sorted and unique."""
        return tuple(sorted({name.exact for name in (*self._user_image_names, *(image.name for image in self.loaded.values()))}))

    @property
    def lines(self) -> tuple[str, ...]:
        """`IMAGE  SOURCE` for each loaded image, in order, with its name in the nodes if that differs.

        An image includes the digest from the manifests or the lock if the source verifies it.
        """
        used = {image.name for image in self.plan.user_provided.values()}
        unused = (name for name in self._user_image_names if name not in used)
        rows = [
            (image.reference, self.source.pinned(image.reference), self.source.origin_of(image.reference)) for image in self.plan.wanted
        ]
        rows += [(reference, reference, "local") for reference in dict.fromkeys((*self.plan.user_provided, *unused))]
        loaded = self.loaded
        return tuple(sorted(f"{shown}  {origin}{_renamed(reference, loaded)}" for reference, shown, origin in rows))

    def with_resolved_source(self, deadline: Deadline, progress: Progress) -> ImageSupply:
        """The supply with a source that makes every image of the run from the same versions; it can fetch programs."""
        return replace(self, source=self.source.resolved(self.plan, progress, deadline))

    @property
    def _user_image_names(self) -> tuple[ImageReference, ...]:
        """Names of the user's own images in the nodes."""
        archived = (name for archive in self.plan.archives for name in archive.names)
        return (*(image.name for image in self.plan.local), *archived)

    def image_ids(self, deadline: Deadline) -> dict[str, str]:
        """IDs of the user's own images, by name in the nodes, to tell them from earlier images of the same name."""
        ids = {image.name.exact: image_id(self.engine, image.engine_image, deadline) for image in self.plan.local}
        for archive in self.plan.archives:
            with archive.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            ids |= {name.exact: f"sha256:{digest}" for name in archive.names}
        return ids

    def archive(self, deadline: Deadline, progress: Progress) -> Path | None:
        """One archive of all workload images, including the user's own; None if there is nothing to load."""
        archive = self.source.provide_workloads(self.plan, progress, deadline)
        self.folder.mkdir(parents=True, exist_ok=True)
        return with_local(archive, self.plan, self.engine, self.folder, deadline)


def _renamed(reference: ImageReference, loaded: Mapping[ImageReference, LoadedImage]) -> str:
    name = loaded[reference].name if reference in loaded else reference
    return "" if name == reference else f", loaded as {name}"


def find_image_supply(
    settings: Settings, engine: Engine, manifests: tuple[Rendered, ...], *, folder: Path, deadline: Deadline, progress: Progress
) -> ImageSupply:
    """Plan the images of `manifests` and check that all are available.

    Raises `ImageError` that names file, object and image, before anything is pulled or built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    local = find_local(settings.images, settings.root, engine, folder, deadline)
    plan = plan_images(
        manifests,
        local=local.loaded,
        archives=local.archives,
        node_image=settings.cluster.node_image,
        allow_missing=settings.images.allow_missing,
    )
    images = assets.manifests() / "images"
    source = choose_source(
        settings.images,
        plan,
        engine=engine,
        facts=gather_facts(),
        lock=read_lock(images / "images.lock"),
        catalogue=images,
        cache=cache_dir(),
        folder=folder,
        progress=progress,
    )
    missing = check_available(source, plan, deadline)
    return ImageSupply(engine, plan.without(missing), source, missing, folder)


def build_image(settings: Settings, name: str, deadline: Deadline, progress: Progress) -> Path:
    """Build the archive of one catalogue image without a registry; it is cached between runs.

    Raises `ImageError` for a name that is not in the lock or the catalogue.
    """
    images = assets.manifests() / "images"
    source = BuildSource(
        find_engine(deadline),
        read_lock(images / "images.lock"),
        images,
        cache_dir(),
        settings.images.seed,
        from_source=settings.images.from_source,
    )
    plan = ImagePlan((WantedImage(ImageReference.parse(name), ()),))
    if source.missing(plan, deadline):
        known = ", ".join(sorted(image for image, entry in source.lock.images.items() if entry.build))
        raise ImageError(f"{name} is not in the catalogue", next_step=f"use one of {known}")
    archive = source.resolved(plan, progress, deadline).provide_workloads(plan, progress, deadline)
    if archive is None:
        raise ImageError(f"{name} was not built")
    return archive
