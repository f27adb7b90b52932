"""The tools lock: its content, and filling in missing checksums."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from kindgate.errors import ToolError
from kindgate.host.tools_lock import lock_tools, read_lock
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from tests.unit.host.conftest import Site

SUM = "a" * 64
OTHER_SUM = "b" * 64


@pytest.fixture
def lock(tmp_path: Path, site: Site) -> Path:
    """A lock of one tool on two platforms, one of them without a checksum, published on the loopback site."""
    tool = {
        "version": "v1.2.3",
        "accepts": ["v1.2"],
        "url": site.url + "/{version}/{os}/{arch}/kind",
        "published": site.url + "/{version}/{platform}.sha256",
        "platforms": {"linux-amd64": {"sha256": SUM, "source": "somebody"}, "darwin-arm64": {}},
    }
    file = tmp_path / "tools.lock"
    file.write_text("# why\n" + yaml.safe_dump({"kind": tool}))
    site.pages["/v1.2.3/linux-amd64.sha256"] = f"{SUM}  kind\n".encode()
    site.pages["/v1.2.3/darwin-arm64.sha256"] = OTHER_SUM.encode()
    return file


def test_the_bundled_lock_names_a_source_for_each_checksum() -> None:
    """The tools that every run needs have checksums for four platforms, and each checksum has a source."""
    tools = read_lock()
    assert set(tools) == {"kind", "kubectl", "helm"}
    for name in ("kind", "kubectl"):
        assert set(tools[name].platforms) == {"linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"}
    for tool in tools.values():
        assert all(bool(file.sha256) == bool(file.source) for file in tool.platforms.values())
        assert tool.is_acceptable(tool.version)


def test_urls_are_filled_in() -> None:
    """Publishers name platforms in two ways."""
    tools = read_lock()
    assert tools["kind"].url_for("linux-arm64").endswith("/v0.33.0/kind-linux-arm64")
    assert tools["kubectl"].url_for("darwin-amd64").endswith("/v1.37.0/bin/darwin/amd64/kubectl")
    assert tools["kubectl"].published_for("darwin-amd64").endswith("/bin/darwin/amd64/kubectl.sha256")


@pytest.mark.parametrize(("version", "will_do"), [("v1.37.2", True), ("v1.36.0", True), ("v1.3.0", False), ("v1.370.0", False)])
def test_a_near_version_is_acceptable(version: str, *, will_do: bool) -> None:
    """The version of kubectl can differ from the API server's by one minor version."""
    assert read_lock()["kubectl"].is_acceptable(version) is will_do


def test_missing_checksums_come_from_the_publisher(lock: Path, site: Site) -> None:
    """Known checksums and comments are kept; a missing one is added with its publisher's URL as the source."""
    assert lock_tools(Deadline.after(20), lock) == ("kind darwin-arm64",)
    platforms = read_lock(lock)["kind"].platforms
    assert (platforms["linux-amd64"].sha256, platforms["linux-amd64"].source) == (SUM, "somebody")
    assert platforms["darwin-arm64"].sha256 == OTHER_SUM
    assert platforms["darwin-arm64"].source == f"{site.url}/v1.2.3/darwin-arm64.sha256"
    assert lock.read_text().startswith("# why\n")
    assert lock_tools(Deadline.after(20), lock) == ()


def test_a_publisher_that_contradicts_the_lock_is_an_error(lock: Path, site: Site) -> None:
    """A known checksum is never overwritten; a different one is an error."""
    site.pages["/v1.2.3/linux-amd64.sha256"] = OTHER_SUM.encode()
    before = lock.read_text()
    with pytest.raises(ToolError, match="the lock and its publisher disagree"):
        lock_tools(Deadline.after(20), lock)
    assert lock.read_text() == before


def test_a_page_without_a_checksum_is_refused(lock: Path, site: Site) -> None:
    """A login page is not taken for a checksum."""
    site.pages["/v1.2.3/darwin-arm64.sha256"] = b"<html>sign in</html>"
    with pytest.raises(ToolError, match="contains no SHA-256"):
        lock_tools(Deadline.after(20), lock)


@pytest.mark.parametrize("text", ["kind: 1", "{", "helm: {}", ""])
def test_an_invalid_lock_is_named(tmp_path: Path, text: str) -> None:
    """The error names the file and the next step."""
    file = tmp_path / "tools.lock"
    file.write_text(text)
    with pytest.raises(ToolError, match="is not a valid tool lock"):
        read_lock(file)
