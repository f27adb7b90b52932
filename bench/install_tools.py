"""Install the compared tools: Debian packages if run as root, Go and Rust programs if their compilers are available."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from kindgate.errors import KindgateError
from kindgate.host.binaries import GoRecipe, provide_binary
from kindgate.host.command import run
from kindgate.host.paths import cache_dir
from kindgate.images.build.debian import install_packages
from kindgate.progress import Progress
from kindgate.waiting import Deadline

T = TypeVar("T")


SECONDS = 1800.0
"""Timeout in seconds for the packages, and for compiling k6 and its dependencies on two cores."""

DEBIAN_PACKAGES = {"wrk": "wrk", "hey": "hey", "ab": "apache2-utils"}
"""Programs, and the Debian packages that contain them."""

GO_PROGRAMS = (
    GoRecipe("k6", "go.k6.io/k6", "v1.8.1", sum="h1:orZsbZ2Od0CVZICs9YpTgkKcxfPghJW8VZtwg0cj8H8="),
    GoRecipe("vegeta", "github.com/tsenart/vegeta/v12", "v12.13.0", sum="h1:J/UiNS3f69MkL0tsRLVUUV8uXXQZxdRUchtS+GYiSFc="),
    GoRecipe("hey", "github.com/rakyll/hey", "v0.1.4", sum="h1:hhc8GIqHN4+rPFZvkM9lkCQGi7da0sINM83xxpFkbPA="),
)
"""Go programs that are compiled if not installed."""

RUST_PROGRAMS = {"oha": "1.16.0"}
"""Rust programs that are compiled if not installed; their Cargo.lock pins the dependencies."""


@dataclass(frozen=True)
class Toolbox:
    """The programs available on this machine, by name."""

    programs: Mapping[str, Path]
    versions: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return name in self.programs

    def __getitem__(self, name: str) -> Path:
        return self.programs[name]


def install_tools(progress: Progress) -> Toolbox:
    """Install every available tool; for the others, print the reason here and leave their rows out later.

    Installed programs are used as they are, and compiled ones are cached.
    """
    deadline = Deadline.after(SECONDS)
    for program, package in DEBIAN_PACKAGES.items():
        _attempt(partial(install_packages, {program: package}, progress, deadline), progress)
    programs = {name: Path(path) for name in (*DEBIAN_PACKAGES, *(recipe.name for recipe in GO_PROGRAMS)) if (path := shutil.which(name))}
    versions = {name: _package_version(DEBIAN_PACKAGES.get(name, name), deadline) for name in programs}
    for recipe in GO_PROGRAMS:
        if recipe.name not in programs:
            build = partial(provide_binary, recipe, cache=cache_dir() / "binaries", seed=None, deadline=deadline, progress=progress)
            compiled = _attempt(build, progress)
            programs |= {recipe.name: compiled} if compiled else {}
            versions |= {recipe.name: recipe.version} if compiled else {}
    for name, release in RUST_PROGRAMS.items():
        binary = _cargo_program(name, release, progress, deadline)
        if binary:
            programs[name], versions[name] = binary, run([binary, "--version"], deadline=deadline).stdout.strip().rpartition(" ")[2]
    server = _nginx(progress, deadline)
    if server:
        programs["nginx"], versions["nginx"] = server, run([server, "-v"], deadline=deadline).stderr.strip().rpartition("/")[2]
    programs |= dict.fromkeys(("locust", "requests"), Path(sys.executable))
    versions |= {name: version(name) for name in ("locust", "requests")}
    return Toolbox(programs, versions)


def _cargo_program(name: str, release: str, progress: Progress, deadline: Deadline) -> Path | None:
    """Return the installed program, or compile it with Cargo."""
    installed = shutil.which(name)
    if installed:
        return Path(installed)
    program = cache_dir() / f"bench/{name}-{release}/bin/{name}"
    if not program.exists():
        progress(f"compiling {name} {release}")
        command = ["cargo", "install", "--quiet", "--locked", f"{name}@{release}"]
        _attempt(lambda: run([*command, "--root", program.parents[1]], deadline=deadline), progress)
    return program if program.exists() else None


def _package_version(package: str, deadline: Deadline) -> str:
    """Return the version of an installed Debian package; it is unknown for programs from other sources."""
    query = run(["dpkg-query", "-W", "-f", "${Version}", package], deadline=deadline, check=False) if shutil.which("dpkg-query") else None
    return query.stdout if query and query.stdout else "installed here"


def _nginx(progress: Progress, deadline: Deadline) -> Path | None:
    """Return the installed nginx, or unpack the package into the cache: installing it would start it."""
    installed = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")))
    if installed:
        return Path(installed)
    program = cache_dir() / "bench/nginx/usr/sbin/nginx"
    if not program.exists() and shutil.which("apt-get"):
        _attempt(partial(_unpack_nginx, program.parents[2], progress, deadline), progress)
    return program if program.exists() else None


def _unpack_nginx(folder: Path, progress: Progress, deadline: Deadline) -> None:
    """Create the folder atomically."""
    progress("unpacking the Debian package nginx")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as work:
        run(["apt-get", "download", "-qq", "nginx"], cwd=Path(work), deadline=deadline)
        (package,) = Path(work).glob("nginx_*.deb")
        run(["dpkg", "-x", package, Path(work) / "root"], deadline=deadline)
        (Path(work) / "root").rename(folder)


def _attempt(step: Callable[[], T], progress: Progress) -> T | None:
    """Return the step's result; if it fails, print the reason and return None."""
    try:
        return step()
    except KindgateError as error:
        progress(str(error))
        return None
