"""Make the images of a catalogue, each from layers that are made once and kept."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kindgate.errors import KindgateError
from kindgate.host.binaries import Recipe, download_module, host_platform, is_available_locally, provide_binary
from kindgate.host.command import run
from kindgate.host.go_caches import shared_go_caches
from kindgate.host.heartbeat import minutes
from kindgate.images import oci_layout
from kindgate.images.build import bases, layers
from kindgate.images.build.catalogue import Catalogue, CProgram, Image, Program
from kindgate.images.build.debian import install_packages, root_filesystem
from kindgate.images.build.python_images import ENVIRONMENT, PythonImageBuilder
from kindgate.images.build.store import key_of, make_once
from kindgate.images.image_reference import ImageReference
from kindgate.images.oci_layout import Layer, LayoutImage, make_image
from kindgate.progress import Progress
from kindgate.waiting import Deadline, StoppableClock

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class ImageBuilder:
    """A catalogue (`folder` has its main modules), a cache, and optionally a seed folder of compiled programs.

    `sources` maps each program with several sources to the index of the one to use, by default the first.
    """

    catalogue: Catalogue
    folder: Path
    cache: Path
    seed: Path | None
    progress: Progress
    deadline: Deadline
    sources: Mapping[str, int] = field(default_factory=dict)

    def recipe(self, program: str) -> Recipe:
        """The recipe for a program's chosen source."""
        return self.catalogue.recipes(program, self.folder)[self.sources.get(program, 0)]

    def _source(self, program: str) -> Program:
        return self.catalogue.programs[program][self.sources.get(program, 0)]

    def program(self, name: str) -> Path:
        """A compiled or packaged program."""
        if name in self.catalogue.c_programs:
            return self._c_program(name, self.catalogue.c_programs[name])
        return provide_binary(
            self.recipe(name), cache=self.cache / "binaries", seed=self.seed, deadline=self.deadline, progress=self.progress
        )

    def programs_of(self, entries: Iterable[str]) -> frozenset[str]:
        """The programs in the images of these catalogue entries."""
        images = (self.catalogue.images[entry] for entry in entries if entry in self.catalogue.images)
        return frozenset(image.program for image in images if image.program)

    def make_programs(self, names: Iterable[str]) -> None:
        """Make all missing programs concurrently, the longest first, along with the root filesystem.

        Programs that share dependencies are made in sequence. Reports first which programs are to be made, their usual
        duration and their location. After a failure, the rest is still made and kept; then the first error is raised.
        """
        program_names = sorted(names)
        recipes = [self.recipe(name) for name in program_names if name in self.catalogue.programs]
        binaries = self.cache / "binaries"
        missing = [recipe for recipe in recipes if not is_available_locally(recipe, cache=binaries, seed=self.seed)]
        if not missing:
            return
        missing.sort(key=lambda recipe: -recipe.seconds)
        listing = ", ".join(f"{recipe.title} ({minutes(recipe.seconds)})" for recipe in missing)
        total = minutes(sum(recipe.seconds for recipe in missing))
        size = sum(self._source(recipe.name).megabytes for recipe in missing)
        self.progress(
            f"to build once: {listing}; usually {total} on two idle cores, with about {size:.0f} MB to download; "
            f"kept in {binaries}, and rebuilt if that is removed"
        )
        started = time.monotonic()
        clock = StoppableClock(self.deadline.clock)
        stoppable = replace(self, deadline=replace(self.deadline, clock=clock))
        groups: dict[str, list[str]] = {}
        for recipe in missing:
            groups.setdefault(recipe.group, []).append(recipe.name)
        c_programs = [name for name in program_names if name in self.catalogue.c_programs]
        # a compile uses every available core; a second one uses the cores left idle while it links
        with shared_go_caches(), ThreadPoolExecutor(max_workers=2) as compiling, ThreadPoolExecutor(max_workers=1) as unpacking:
            jobs: list[Future[object]] = [compiling.submit(stoppable.make_in_sequence, group) for group in groups.values()]
            jobs += [unpacking.submit(stoppable.root_filesystem), unpacking.submit(stoppable.make_in_sequence, c_programs)]
            try:
                wait(jobs)
            except BaseException:
                clock.stop()
                compiling.shutdown(wait=False, cancel_futures=True)
                raise
            for job in jobs:
                job.result()
        self.progress(f"{len(missing)} programs built in {minutes(time.monotonic() - started)}")

    def make_in_sequence(self, names: Sequence[str]) -> None:
        """Make the programs in sequence, continuing after a failure until the deadline; then raise the first error."""
        errors: list[KindgateError] = []
        for name in names:
            if errors and self.deadline.expired:
                break
            try:
                self.program(name)
            except KindgateError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def root_filesystem(self) -> Path:
        """The nodes' Debian root filesystem; read-only, to be copied."""
        return root_filesystem(self.catalogue.debian, self.cache / "debian", self.progress, self.deadline)

    def images(self, names: Mapping[str, str]) -> list[LayoutImage]:
        """The images for `names`, which maps full names to catalogue entries; shared entries are made once."""
        programs = {name: entry for name, entry in names.items() if entry in self.catalogue.images}
        return [*self._program_images(programs), *self._python_images({name: names[name] for name in names.keys() - programs.keys()})]

    def _program_images(self, names: Mapping[str, str]) -> list[LayoutImage]:
        entries = {entry: self.catalogue.images[entry] for entry in names.values()}
        bases_used = sorted({image.base for image in entries.values()} - {""})
        with ThreadPoolExecutor(max_workers=2) as pool:
            # one core fetches and unpacks Debian's packages while the other compresses programs
            base_layers = pool.submit(lambda: {base: self._base_layer(base) for base in bases_used})
            program_layers = {entry: pool.submit(self._program_layer, image) for entry, image in entries.items() if image.program}
            image_layers = {
                entry: [
                    *([base_layers.result()[image.base]] if image.base else []),
                    *([program_layers[entry].result()] if image.program else []),
                    *([self._files_layer(entry, image)] if image.files else []),
                ]
                for entry, image in entries.items()
            }
        return [
            make_image(ImageReference.parse(name), image_layers[entry], _configuration(entries[entry]), _architecture())
            for name, entry in names.items()
        ]

    def _python_images(self, names: Mapping[str, str]) -> list[LayoutImage]:
        images = []
        for name, entry in sorted(names.items()):
            image = self.catalogue.python_images[entry]
            config = {"Env": [f"PATH={_PATH}", *ENVIRONMENT], "Entrypoint": list(image.entrypoint), "User": image.user}
            image_layers = [self._base_layer(image.base), *self._python.image_layers(entry, image)]
            images.append(make_image(ImageReference.parse(name), image_layers, config, _architecture()))
        return images

    @property
    def _python(self) -> PythonImageBuilder:
        return PythonImageBuilder(self.folder, self.cache, self.progress, self.deadline)

    def images_key(self, names: Mapping[str, str]) -> str:
        """A short hash of all inputs of the images `names`."""
        return key_of(*(f"{name} {self._image_key(entry)}" for name, entry in sorted(names.items())), oci_layout)

    def _image_key(self, entry: str) -> str:
        if entry in self.catalogue.python_images:
            python_image = self.catalogue.python_images[entry]
            return key_of(self._base_key(python_image.base), self._python.key(python_image))
        image = self.catalogue.images[entry]
        return key_of(
            image.key,
            self._base_key(image.base) if image.base else "",
            self._program_key(image.program) if image.program else "",
            self._files_key(image) if image.files else "",
        )

    def _base_key(self, name: str) -> str:
        base = self.catalogue.bases[name]
        return key_of(base.key, (base.debian or self.catalogue.debian).key, bases, layers)

    def _program_key(self, name: str) -> str:
        if name in self.catalogue.c_programs:
            return key_of(self.catalogue.c_programs[name].key)
        return self.recipe(name).key

    def _base_layer(self, name: str) -> Layer:
        base = self.catalogue.bases[name]

        def entries() -> Sequence[layers.Entry]:
            debian = base.debian or self.catalogue.debian
            root = root_filesystem(debian, self.cache / "debian", self.progress, self.deadline)
            return list(bases.base_entries(base, root, self.deadline))

        return layers.cached_layer(self.cache / "layers", f"{name}-{self._base_key(name)}", entries, self.deadline)

    def _program_layer(self, image: Image) -> Layer:
        def entries() -> Sequence[layers.Entry]:
            links = [layers.Link(path, target) for path, target in image.links.items()]
            return [layers.File(image.path, self.program(image.program)), *links]

        key = key_of(image.path, str(sorted(image.links.items())), self._program_key(image.program), layers)
        return layers.cached_layer(self.cache / "layers", f"{image.program}-{key}", entries, self.deadline)

    def _files_layer(self, name: str, image: Image) -> Layer:
        def entries() -> Sequence[layers.Entry]:
            files = ((path, self.folder / source) for path, source in image.files.items())
            return [layers.File(path, file, 0o755 if os.access(file, os.X_OK) else 0o644) for path, file in files]

        return layers.cached_layer(self.cache / "layers", f"{name}-files-{self._files_key(image)}", entries, self.deadline)

    def _files_key(self, image: Image) -> str:
        return key_of(*(f"{path}\n{(self.folder / source).read_text()}" for path, source in sorted(image.files.items())), layers)

    def _c_program(self, name: str, entry: CProgram) -> Path:
        libc = f"/usr/lib/{platform.machine()}-linux-gnu/libc.a"

        def make(path: Path) -> None:
            install_packages({"gcc": "gcc", libc: "libc6-dev"}, self.progress, self.deadline)
            source = download_module(entry.module, entry.version, entry.sum, self.deadline) / entry.source
            run(["gcc", "-Os", "-static", "-s", "-o", path, source], deadline=self.deadline)

        return make_once(self.cache / "binaries" / f"{name}-{self._program_key(name)}", make, self.deadline)


def _architecture() -> str:
    return host_platform().partition("-")[2]


def _configuration(image: Image) -> dict[str, Any]:
    """The OCI runtime configuration of an image."""
    entrypoint = image.entrypoint if image.entrypoint is not None else (image.path,)
    values: dict[str, Any] = {
        "Env": [f"{name}={value}" for name, value in ({"PATH": _PATH} | dict(image.env)).items()],
        "Entrypoint": list(entrypoint),
        "Cmd": list(image.command),
        "User": image.user,
        "StopSignal": image.stop_signal,
    }
    return {key: value for key, value in values.items() if value}
