"""The image source `build`, which needs no registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.host.binaries import Recipe
from kindgate.host.container_engine import Engine
from kindgate.host.facts import HostFacts
from kindgate.images.build.catalogue import Catalogue, Program, read_catalogue
from kindgate.images.build.image_builder import ImageBuilder
from kindgate.images.build.node_image import make_node_image, node_image_name
from kindgate.images.build.program_sources import ProgramSources
from kindgate.images.build.store import is_kept, locked, made_once
from kindgate.images.engine_store import image_id
from kindgate.images.image_lock import ImageLock
from kindgate.images.image_plan import ImagePlan, LoadedImage, WantedImage
from kindgate.images.image_reference import ImageReference
from kindgate.images.image_source import Progress
from kindgate.images.oci_layout import write_layout
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class BuildSource:
    """Builds images from `folder`/catalogue.yaml and keeps all results in `cache`; `seed` saves compile time.

    `no_registry` is true if it was chosen because no registry responds. `from_source` skips every source that does not
    compile its program. `chosen` maps each program with several sources to the index of the one to use.
    """

    engine: Engine
    lock: ImageLock
    folder: Path
    cache: Path
    seed: Path | None = None
    no_registry: bool = False
    from_source: bool = False
    chosen: Mapping[str, int] = field(default_factory=dict)
    name: str = "build"

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue of buildable images."""
        return read_catalogue(self.folder / "catalogue.yaml")

    def missing(self, plan: ImagePlan, deadline: Deadline) -> tuple[WantedImage, ...]:  # noqa: ARG002 - required by the source protocol
        """The images without an entry in the catalogue."""
        return tuple(image for image in plan.wanted if self._known_as(image.reference) is None)

    def loaded_as(self, reference: ImageReference) -> LoadedImage:
        """The name with the tag built here: images built here never have a registry's digest."""
        known = self._known_as(reference)
        if known is None:
            return LoadedImage(reference)
        found = self._source_of(known)
        if found is not None and found[0].release not in {"", known.tag}:
            return LoadedImage(replace(known, tag=found[0].release), f"is built here from another release: {found[1].origin}")
        if not reference.digest:
            return LoadedImage(reference)
        if not reference.tag and self.lock.of(known).digest != reference.digest:
            return LoadedImage(known, "names no version: the one version available here is built, without that digest")
        return LoadedImage(known, "is built here, without that digest")

    def pinned(self, reference: ImageReference) -> ImageReference:
        """The reference unchanged: no digest is verified here."""
        return reference

    def refusal(self, images: str) -> str:
        """The message that `images` cannot be built, and why building was tried."""
        why = "no container registry responds, but" if self.no_registry else "--image-source build:"
        return f"{why} {images} cannot be built here"

    def described(self, reference: ImageReference) -> str:
        """`build`, with the source of the program, its packager and its license."""
        known = self._known_as(reference)
        found = self._source_of(known) if known is not None else None
        if found is None:
            return self.name
        source, recipe = found
        said = (recipe.origin, f"packaged by {source.packer}" if source.packer else "", source.license)
        return f"{self.name} ({', '.join(part for part in said if part)})"

    def settled(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> BuildSource:
        """The source with a fixed choice for each program that has several sources, so a run never mixes two versions.

        Packaged programs have been fetched. Raises `ImageError` or `ToolError` if a program has no usable source.
        """
        workshop = self._workshop(progress, deadline)
        node = self.catalogue.node
        programs = workshop.programs_of([*self._entries(plan).values(), *node.images.values()])
        return replace(self, chosen=self._sources.settled({*programs, *node.programs.values()}, progress, deadline))

    def provide_node(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> str:
        """The node image, built if the engine does not have it."""
        if plan.node_image:
            if not image_id(self.engine, plan.node_image, deadline):
                raise ImageError(f"the engine has no node image {plan.node_image}", next_step="build or load it, or remove --kind-image")
            return plan.node_image
        workshop = self._workshop(progress, deadline)
        name = node_image_name(workshop)
        self._make_programs(plan, name, workshop)
        with locked(self.cache / name.replace("/", "-").replace(":", "-"), deadline):
            if not image_id(self.engine, name, deadline):
                make_node_image(workshop, self.engine, name)
        return name

    def provide_workloads(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> Path | None:
        """The archive of exactly these images, kept from an earlier run or made now."""
        workshop = self._workshop(progress, deadline)
        names = self._entries(plan)
        if not names:
            return None

        def make(path: Path) -> None:
            progress(f"images to load: {', '.join(names)}")
            write_layout(path, workshop.images(names))
            progress(f"images to load: {path.stat().st_size / 1e6:.0f} MB in one archive, {deadline.waited:.0f} s after the start")

        return made_once(self._archive(workshop, names), make, deadline)

    def _make_programs(self, plan: ImagePlan, node: str, workshop: ImageBuilder) -> None:
        """Make the missing programs of node image and workloads together: in sequence, one would wait while another links."""
        programs: set[str] = set()
        if not image_id(self.engine, node, workshop.deadline):
            parts = self.catalogue.node
            programs |= {*parts.programs.values(), *workshop.programs_of(parts.images.values())}
        names = self._entries(plan)
        if not is_kept(self._archive(workshop, names)):
            programs |= workshop.programs_of(names.values())
        workshop.make_programs(programs)

    def _archive(self, workshop: ImageBuilder, names: Mapping[str, str]) -> Path:
        return self.cache / "archives" / f"{workshop.images_key(names)}.tar"

    def _entries(self, plan: ImagePlan) -> dict[str, str]:
        """The workload images to build: their names in the nodes, mapped to catalogue entries."""
        known = {image.reference: self._known_as(image.reference) for image in plan.wanted}
        return {self.loaded_as(wanted).name.tagged: self.lock.of(name).build for wanted, name in known.items() if name is not None}

    def _known_as(self, reference: ImageReference) -> ImageReference | None:
        """The buildable name in the lock for `reference`: by tag, otherwise by digest, otherwise the only version."""
        if reference.tag:
            same = replace(reference, digest="")
            return same if self._can_build(same) else None
        names = [ImageReference.parse(name) for name in self.lock.images]
        versions = [name for name in names if name.name == reference.name and self._can_build(name)]
        exact = [name for name in versions if self.lock.of(name).digest == reference.digest]
        return (exact or versions)[0] if exact or len(versions) == 1 else None

    def _can_build(self, reference: ImageReference) -> bool:
        return self.lock.of(reference).build in self.catalogue.buildable

    def _workshop(self, progress: Progress, deadline: Deadline) -> ImageBuilder:
        sources = {**self._expected, **self.chosen}
        return ImageBuilder(self.catalogue, self.folder, self.cache, self.seed, progress, deadline, sources)

    @property
    def _sources(self) -> ProgramSources:
        return ProgramSources(self.catalogue, self.folder, self.cache / "binaries", self.seed, self.from_source)

    @cached_property
    def _expected(self) -> Mapping[str, int]:
        return self._sources.expected()

    def _source_of(self, reference: ImageReference) -> tuple[Program, Recipe] | None:
        """The source of a known image's program; None for an image without a program."""
        entry = self.catalogue.images.get(self.lock.of(reference).build)
        if entry is None or entry.program not in self.catalogue.programs:
            return None
        place = {**self._expected, **self.chosen}.get(entry.program, 0)
        return self.catalogue.programs[entry.program][place], self.catalogue.recipes(entry.program, self.folder)[place]


def can_build(facts: HostFacts) -> bool:
    """Whether images can be built on this machine: as root on Debian or Ubuntu, for debootstrap and packages."""
    return facts.system == "linux" and facts.can_install_engine
