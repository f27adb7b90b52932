"""Images of Python programs: wheels pinned by hash, and kindgate's own package, on a base with Python."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate import assets
from kindgate.errors import CommandFailed, ImageError
from kindgate.host.command import run
from kindgate.host.heartbeat import heartbeat
from kindgate.host.wheels import pip_command
from kindgate.images.build import layers
from kindgate.images.build.catalogue import PythonImage
from kindgate.images.build.store import key_of, make_once
from kindgate.images.oci_layout import Layer
from kindgate.progress import Progress
from kindgate.waiting import Deadline

SITE = "/opt/kindgate"
"""Location of wheels and kindgate's own package in the image."""

ENVIRONMENT = (f"PYTHONPATH={SITE}", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1")

_GLIBC = ("2_28", "2_27", "2_26", "2_24", "2_17")
"""The manylinux levels that run on Debian 12 (glibc 2.36) and for which wheels are published."""


@dataclass(frozen=True)
class PythonImageBuilder:
    """Makes the layers of Python images; `folder` has the requirements files, and `cache` keeps the results."""

    folder: Path
    cache: Path
    progress: Progress
    deadline: Deadline

    def image_layers(self, name: str, image: PythonImage) -> list[Layer]:
        """The layers on top of the base: the wheels, and kindgate, each made once."""
        layers_folder = self.cache / "layers"
        return [
            layers.cached_layer(layers_folder, f"{name}-wheels-{self._wheels_key(image)}", lambda: self.wheels(name, image), self.deadline),
            layers.cached_layer(layers_folder, f"{name}-kindgate-{_package_key()}", _package, self.deadline),
        ]

    def key(self, image: PythonImage) -> str:
        """A short hash of the image's inputs, without its base."""
        return key_of(image.key, self._wheels_key(image), _package_key())

    def _wheels_key(self, image: PythonImage) -> str:
        return key_of(image.release, (self.folder / image.requirements).read_text(), layers)

    def wheels(self, name: str, image: PythonImage) -> Sequence[layers.Entry]:
        """The wheels' files as layer entries; raises `ImageError` for a wheel that is unavailable or has the wrong hash."""
        requirements = self.folder / image.requirements

        def make(path: Path) -> None:
            try:
                with heartbeat(self.progress, f"fetching the wheels of {name}"):
                    run([*_pip(image.release), "--target", path, "--requirement", requirements], deadline=self.deadline)
            except CommandFailed as error:
                raise ImageError(
                    f"cannot fetch the wheels of {name}",
                    last_state=error.last_state,
                    next_step="let pip reach a package index, or set PIP_INDEX_URL to another one",
                ) from error

        wheels = make_once(self.cache / "wheels" / f"{name}-{self._wheels_key(image)}", make, self.deadline)
        return _files(wheels, SITE)


def _pip(release: str) -> list[str]:
    """Download wheels for the image's Python and platform, independent of the running Python; each must have a known hash."""
    tag = f"cp{release.replace('.', '')}"
    platforms = [f"manylinux_{level}_{platform.machine()}" for level in _GLIBC]
    return [
        *(*pip_command(), "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
        *("--require-hashes", "--no-deps", "--only-binary=:all:", "--python-version", release, "--implementation", "cp"),
        *(part for abi in (tag, "abi3", "none") for part in ("--abi", abi)),
        *(part for platform_tag in platforms for part in ("--platform", platform_tag)),
    ]


def _files(folder: Path, target: str) -> list[layers.Entry]:
    """Every file below `folder`, placed at `target` in the image; without bytecode, whose content depends on timestamps."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc")
    return [layers.File(f"{target}/{path.relative_to(folder)}", path, 0o644) for path in files]


def _package() -> Sequence[layers.Entry]:
    """The installed kindgate package."""
    return [entry for entry in _files(assets.PACKAGE, f"{SITE}/kindgate") if "/k8s/" not in entry.path]


def _package_key() -> str:
    sources = sorted(assets.PACKAGE.rglob("*.py"))
    return key_of(*(f"{path.relative_to(assets.PACKAGE)}\n{path.read_text()}" for path in sources), layers)
