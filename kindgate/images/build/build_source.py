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
from kindgate.images.build.store import is_cached, locked, make_once
from kindgate.images.engine_store import image_id
from kindgate.images.image_lock import ImageLock
from kindgate.images.image_plan import ImagePlan, LoadedImage, WantedImage
from kindgate.images.image_reference import ImageReference
from kindgate.images.oci_layout import write_layout
from kindgate.progress import Progress
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
        return tuple(image for image in plan.wanted if self._buildable_name(image.reference) is None)

    def loaded_as(self, reference: ImageReference) -> LoadedImage:
        """The name with the tag built here: images built here never have a registry's digest."""
        buildable_name = self._buildable_name(reference)
        if buildable_name is None:
            return LoadedImage(reference)
        program_source = self._source_of(buildable_name)
        if program_source is not None and program_source[0].release not in {"", buildable_name.tag}:
            source, recipe = program_source
            return LoadedImage(replace(buildable_name, tag=source.release), f"is built here from another release: {recipe.origin}")
        if not reference.digest:
            return LoadedImage(reference)
        if not reference.tag and self.lock.of(buildable_name).digest != reference.digest:
            return LoadedImage(buildable_name, "names no version: the one version available here is built, without that digest")
        return LoadedImage(buildable_name, "is built here, without that digest")

    def pinned(self, reference: ImageReference) -> ImageReference:
        """The reference unchanged: no digest is verified here."""
        return reference

    def missing_message(self, images: str) -> str:
        """The message that `images` cannot be built, and why building was tried."""
        cause = "no container registry responds, but" if self.no_registry else "--image-source build:"
        return f"{cause} {images} cannot be built here"

    def origin_of(self, reference: ImageReference) -> str:
        """`build`, with the source of the program, its packager and its license."""
        buildable_name = self._buildable_name(reference)
        program_source = self._source_of(buildable_name) if buildable_name is not None else None
        if program_source is None:
            return self.name
        source, recipe = program_source
        details = (recipe.origin, f"packaged by {source.packer}" if source.packer else "", source.license)
        return f"{self.name} ({', '.join(part for part in details if part)})"

    def resolved(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> BuildSource:
        """The source with a fixed choice for each program that has several sources, so a run never mixes two versions.

        Packaged programs have been fetched. Raises `ImageError` or `ToolError` if a program has no usable source.
        """
        builder = self._builder(progress, deadline)
        node = self.catalogue.node
        programs = builder.programs_of([*self._entries(plan).values(), *node.images.values()])
        return replace(self, chosen=self._sources.resolve({*programs, *node.programs.values()}, progress, deadline))

    def provide_node(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> str:
        """The node image, built if the engine does not have it."""
        if plan.node_image:
            if not image_id(self.engine, plan.node_image, deadline):
                raise ImageError(f"the engine has no node image {plan.node_image}", next_step="build or load it, or remove --kind-image")
            return plan.node_image
        builder = self._builder(progress, deadline)
        name = node_image_name(builder)
        self._make_programs(plan, name, builder)
        with locked(self.cache / name.replace("/", "-").replace(":", "-"), deadline):
            if not image_id(self.engine, name, deadline):
                make_node_image(builder, self.engine, name)
        return name

    def provide_workloads(self, plan: ImagePlan, progress: Progress, deadline: Deadline) -> Path | None:
        """The archive of exactly these images, kept from an earlier run or made now."""
        builder = self._builder(progress, deadline)
        names = self._entries(plan)
        if not names:
            return None

        def make(path: Path) -> None:
            progress(f"images to load: {', '.join(names)}")
            write_layout(path, builder.images(names))
            progress(f"images to load: {path.stat().st_size / 1e6:.0f} MB in one archive, {deadline.waited:.0f} s after the start")

        return make_once(self._archive(builder, names), make, deadline)

    def _make_programs(self, plan: ImagePlan, node: str, builder: ImageBuilder) -> None:
        """Make the missing programs of node image and workloads together: in sequence, one would wait while another links."""
        programs: set[str] = set()
        if not image_id(self.engine, node, builder.deadline):
            parts = self.catalogue.node
            programs |= {*parts.programs.values(), *builder.programs_of(parts.images.values())}
        names = self._entries(plan)
        if not is_cached(self._archive(builder, names)):
            programs |= builder.programs_of(names.values())
        builder.make_programs(programs)

    def _archive(self, builder: ImageBuilder, names: Mapping[str, str]) -> Path:
        return self.cache / "archives" / f"{builder.images_key(names)}.tar"

    def _entries(self, plan: ImagePlan) -> dict[str, str]:
        """The workload images to build: their names in the nodes, mapped to catalogue entries."""
        buildable_names = {image.reference: self._buildable_name(image.reference) for image in plan.wanted}
        return {
            self.loaded_as(reference).name.tagged: self.lock.of(name).build
            for reference, name in buildable_names.items()
            if name is not None
        }

    def _buildable_name(self, reference: ImageReference) -> ImageReference | None:
        """The buildable name in the lock for `reference`: by tag, otherwise by digest, otherwise the only version."""
        if reference.tag:
            tagged = replace(reference, digest="")
            return tagged if self._can_build(tagged) else None
        names = [ImageReference.parse(name) for name in self.lock.images]
        versions = [name for name in names if name.name == reference.name and self._can_build(name)]
        exact = [name for name in versions if self.lock.of(name).digest == reference.digest]
        return (exact or versions)[0] if exact or len(versions) == 1 else None

    def _can_build(self, reference: ImageReference) -> bool:
        return self.lock.of(reference).build in self.catalogue.buildable

    def _builder(self, progress: Progress, deadline: Deadline) -> ImageBuilder:
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
        index = {**self._expected, **self.chosen}.get(entry.program, 0)
        return self.catalogue.programs[entry.program][index], self.catalogue.recipes(entry.program, self.folder)[index]


def can_build(facts: HostFacts) -> bool:
    """Whether images can be built on this machine: as root on Debian or Ubuntu, for debootstrap and packages."""
    return facts.system == "linux" and facts.can_install_engine
