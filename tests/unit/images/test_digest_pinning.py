"""`kindgate images pin` writes only digests from a registry, and only where none was known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kindgate.assets import manifests
from kindgate.errors import RegistryUnreachable
from kindgate.images.digest_pinning import pin_missing
from kindgate.images.image_lock import read_lock
from kindgate.images.image_reference import LOCAL_REGISTRY, ImageReference
from kindgate.images.registry import RegistrySource
from kindgate.waiting import Deadline

KNOWN_DIGEST = "sha256:" + "a" * 64
NAMES = ("busybox:1.35", "traefik:v3", "registry.example.com/shop:2")
REGISTRY_DIGEST = "sha256:" + "d" * 64
"""The digest that the stand-in's registry returns for every image."""

LOCK = f"""# why there is a lock
node:
  image: docker.io/kindest/node:v1
images:
  docker.io/library/busybox:1.35:
    build: busybox
  kindgate.local/load-generator:1:
    build: load-generator
  docker.io/library/traefik:v3:
    digest: {KNOWN_DIGEST}
    digest_from: somebody
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock without digests for the node image and busybox."""
    file = tmp_path / "images.lock"
    file.write_text(LOCK)
    return file


def pin(lock: Path, stand_in: Any, *wanted: str, mirror: str = "") -> list[str]:
    """Return the lines reported when pinning with the stand-in's engine."""
    registry = RegistrySource(stand_in.engine, read_lock(lock), lock.parent, mirror)
    return list(pin_missing(lock, registry, wanted, lambda _: None, Deadline.after(30)))


def test_missing_digests_are_written_with_their_origin(lock: Path, stand_in: Any) -> None:
    """Node image, lock entries and the manifests' images get digests; known digests, build entries and the comment are kept.

    Images built by the project itself are in no registry and are not looked up.
    """
    for name in ("docker.io/kindest/node:v1", "docker.io/library/busybox:1.35", "registry.example.com/shop:2"):
        stand_in.registry_has(name)

    lines = pin(lock, stand_in, "registry.example.com/shop:2", "docker.io/library/traefik:v3")

    assert lines == [
        f"docker.io/kindest/node:v1 {REGISTRY_DIGEST}",
        f"docker.io/library/busybox:1.35 {REGISTRY_DIGEST}",
        f"registry.example.com/shop:2 {REGISTRY_DIGEST}",
    ]
    written = read_lock(lock)
    busybox, traefik, shop = (
        written.of(ImageReference.parse(name)) for name in ("busybox:1.35", "traefik:v3", "registry.example.com/shop:2")
    )
    assert (busybox.digest, busybox.build) == (REGISTRY_DIGEST, "busybox")
    assert busybox.digest_from == f"docker.io, {datetime.now(UTC):%Y-%m-%d}"
    assert (traefik.digest, traefik.digest_from) == (KNOWN_DIGEST, "somebody")
    assert shop.digest_from.startswith("registry.example.com, ")
    assert written.node.digest == REGISTRY_DIGEST
    assert lock.read_text().startswith("# why there is a lock\nnode:")


def test_a_second_pinning_queries_no_registry(lock: Path, stand_in: Any) -> None:
    """If every digest is known, the file is unchanged, byte for byte."""
    for name in ("docker.io/kindest/node:v1", "docker.io/library/busybox:1.35"):
        stand_in.registry_has(name)
    pin(lock, stand_in)
    before, call_count = lock.read_bytes(), len(stand_in.calls())

    assert pin(lock, stand_in) == []
    assert (lock.read_bytes(), len(stand_in.calls())) == (before, call_count)


def test_the_mirror_is_recorded_as_origin(lock: Path, stand_in: Any) -> None:
    """The digest is the registry image's, but its origin is the mirror."""
    for name in ("127.0.0.1:5000/kindest/node:v1", "127.0.0.1:5000/library/busybox:1.35"):
        stand_in.registry_has(name)

    pin(lock, stand_in, mirror="127.0.0.1:5000")

    assert "docker.io through 127.0.0.1:5000, " in read_lock(lock).node.digest_from


def test_an_unresponsive_registry_keeps_the_digests_received(lock: Path, stand_in: Any) -> None:
    """Digests received before the failure are written; the others remain empty."""
    stand_in.registry_has("docker.io/kindest/node:v1")
    stand_in.set_registry_error("docker.io/library/busybox:1.35", "dial tcp: lookup registry-1.docker.io: no such host")

    with pytest.raises(RegistryUnreachable, match=r"busybox:1\.35"):
        pin(lock, stand_in)

    written = read_lock(lock)
    assert (written.node.digest, written.of(ImageReference.parse("busybox:1.35")).digest) == (REGISTRY_DIGEST, "")


def test_pinning_keeps_every_line_of_the_bundled_lock(tmp_path: Path, stand_in: Any) -> None:
    """The comments at the top of the lock are kept, and so are every digest, origin and entry."""
    bundled = (manifests() / "images" / "images.lock").read_text()
    lock = tmp_path / "images.lock"
    lock.write_text(bundled)
    unpinned = [name for name, entry in read_lock(lock).images.items() if not (entry.digest or name.startswith(LOCAL_REGISTRY))]
    for name in unpinned:
        stand_in.registry_has(name)

    assert len(pin(lock, stand_in)) == len(unpinned) > 0

    assert set(bundled.splitlines()) <= set(lock.read_text().splitlines())
