"""Sources of kind and kubectl, their order, and programs that are rejected."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kindgate.errors import ToolError
from kindgate.host import tools, zstd
from kindgate.host.binaries import GoRecipe, host_platform
from kindgate.host.tools import find_tool, tool_version
from kindgate.host.tools_lock import LockedFile, LockedTool
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from tests.unit.host.conftest import Site

KUBE = GoRecipe("kube", "k8s.io/kubernetes", "v1.37.2")

Find = Callable[..., Path]


def script(version: str) -> str:
    """Return the script of a tool that prints its version and its own name."""
    return f"#!/bin/sh\necho kind {version} $(/usr/bin/basename $0)\n"


def install(folder: Path, name: str, version: str = "v1.37.5") -> Path:
    """Install a tool in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tool = folder / name
    tool.write_text(script(version))
    tool.chmod(0o755)
    return tool


def seed(folder: Path, recipe: GoRecipe) -> Path:
    """A seed folder with this recipe's program."""
    folder.mkdir(parents=True)
    text = script(recipe.version).encode()
    (folder / f"{recipe.title}.zst").write_bytes(zstd.compress(text))
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(text).hexdigest()}  {recipe.title}\n")
    return folder


@pytest.fixture
def messages() -> list[str]:
    """The reported progress."""
    return []


@pytest.fixture
def path(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one on PATH, without Go or this machine's tools, and an empty cache."""
    assert not cache.exists()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing/python"))
    return tmp_path / "bin"


@pytest.fixture
def published(site: Site) -> bytes:
    """Put the tool on the download site and return its content."""
    text = script("v1.37.0").encode()
    site.pages["/v1.37.0/kubectl"] = text
    return text


@pytest.fixture
def find(path: Path, site: Site, published: bytes, messages: list[str], monkeypatch: pytest.MonkeyPatch) -> Find:
    """Find kubectl, locked to the one on the loopback site."""
    assert not path.exists()

    def find(*, sum_known: bool = True, requested: str = "", recipe: GoRecipe | None = None, seed: Path | None = None) -> Path:
        tool = LockedTool(
            version="v1.37.0",
            accepts=("v1.37",),
            url=site.url + "/{version}/kubectl",
            published="",
            platforms={host_platform(): LockedFile(sha256=hashlib.sha256(published).hexdigest() if sum_known else "")},
        )
        monkeypatch.setattr(tools, "read_lock", lambda: {"kubectl": tool})
        return find_tool("kubectl", requested=requested, recipe=recipe, seed=seed, deadline=Deadline.after(20), progress=messages.append)

    return find


def test_the_locked_tool_is_downloaded_once(find: Find, published: bytes, messages: list[str], site: Site) -> None:
    """The second run uses the cache."""
    tool = find()
    assert tool.read_bytes() == published
    assert tool_version("kubectl", tool, Deadline.after(20)) == "v1.37.0"
    assert find() == tool
    assert site.requested == ["/v1.37.0/kubectl"]
    assert messages == ["kubectl v1.37.0: downloading"]


def test_a_download_with_a_wrong_checksum_is_refused(find: Find, path: Path, site: Site, cache: Path) -> None:
    """The file is neither kept nor silently replaced from another source."""
    install(path, "kubectl")
    site.pages["/v1.37.0/kubectl"] = b"#!/bin/sh\nsomething else"
    with pytest.raises(ToolError, match="wrong SHA-256"):
        find()
    assert not list(cache.rglob("kubectl"))


def test_a_modified_cached_download_is_refused(find: Find) -> None:
    """The file is compared with the lock before each use."""
    tool = find()
    tool.write_text("#!/bin/sh\nsomething else")
    with pytest.raises(ToolError, match="wrong SHA-256"):
        find()


def test_a_tool_without_a_known_checksum_is_not_downloaded(find: Find, path: Path, site: Site) -> None:
    """Without a checksum, the next source is used."""
    install(path, "kubectl")
    assert find(sum_known=False) == path / "kubectl"
    assert site.requested == []


def test_a_tool_on_path_is_used_and_reported_if_the_download_fails(find: Find, path: Path, site: Site, messages: list[str]) -> None:
    """The message reports which tool was used."""
    del site.pages["/v1.37.0/kubectl"]
    install(path, "kubectl")
    assert find() == path / "kubectl"
    assert messages[-1] == f"kubectl: using {path}/kubectl (v1.37.5) instead of v1.37.0"


@pytest.mark.parametrize("version", ["v1.32.4-dispatcher", "no version at all"])
def test_a_tool_on_path_of_another_version_is_not_used(find: Find, path: Path, site: Site, version: str) -> None:
    """The error lists every source with its reason."""
    site.pages.clear()
    install(path, "kubectl", version)
    with pytest.raises(ToolError, match="kubectl is not available") as refused:
        find()
    assert "404" in refused.value.last_state
    assert "PATH: " in refused.value.last_state
    assert "install kubectl v1.37.0" in refused.value.next_step


def test_a_seeded_program_takes_precedence_under_the_tools_name(find: Find, tmp_path: Path, site: Site) -> None:
    """The combined Kubernetes binary is installed as kubectl, because it behaves according to its name."""
    tool = find(recipe=KUBE, seed=seed(tmp_path / "seed", KUBE))
    assert tool.name == "kubectl"
    assert tool.resolve().name == "kube"
    assert site.requested == []
    assert find(recipe=KUBE) == tool


def test_a_failed_compilation_is_listed_too(find: Find, site: Site) -> None:
    """The error includes the reason of the last source, the compilation."""
    site.pages.clear()
    with pytest.raises(ToolError, match="kubectl is not available") as refused:
        find(recipe=KUBE)
    assert "Go is required" in refused.value.last_state


def test_a_requested_tool_is_used_at_any_version(find: Find, tmp_path: Path, site: Site) -> None:
    """A file given by the user is used whatever its version."""
    program = install(tmp_path / "own", "kubectl", "v1.20.0")
    assert find(requested=str(program)) == program
    assert site.requested == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "is not an executable"), ("#!/bin/sh\nexit 1\n", "does not run"), ("#!/bin/sh\necho hi\n", "does not report its version")],
)
def test_a_requested_tool_must_run(find: Find, tmp_path: Path, text: str | None, reason: str) -> None:
    """A wrong path is an error, not replaced by another tool."""
    program = tmp_path / "own"
    if text is not None:
        program.write_text(text)
        program.chmod(0o755)
    with pytest.raises(ToolError, match=reason):
        find(requested=str(program))


def test_a_hanging_tool_is_an_error_at_the_deadline(tmp_path: Path) -> None:
    """The version query has its own deadline."""
    program = tmp_path / "kind"
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    with pytest.raises(ToolError, match="does not run"):
        tool_version("kind", program, Deadline.after(0.3))
