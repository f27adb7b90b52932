"""The lock is validated strictly, and updated with a registry's response."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.assets import manifests
from kindgate.errors import ImageError
from kindgate.images.image_lock import lock_text, pin_digest, read_lock
from kindgate.images.image_reference import ImageReference

DIGEST = "sha256:" + "a" * 64


def test_every_digest_of_the_bundled_lock_has_an_origin() -> None:
    """Every digest in the bundled lock has an origin."""
    lock = read_lock(manifests() / "images" / "images.lock")

    assert all(bool(entry.digest) == bool(entry.digest_from) for entry in lock.images.values())
    assert lock.node.digest
    assert lock.node.digest_from


def test_locally_built_images_have_no_registry() -> None:
    """Only these registries are probed for a response."""
    assert read_lock(manifests() / "images" / "images.lock").registries == ("docker.io", "registry.k8s.io")


def test_an_unlocked_image_is_pinned_by_its_tag() -> None:
    """An image outside the lock has no digest and cannot be built."""
    entry = read_lock(manifests() / "images" / "images.lock").of(ImageReference.parse("redis:7"))

    assert (entry.digest, entry.build) == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "node: {image: a}\nimages: {traefik:v3: {}}",  # an incomplete name
        "node: {image: a, digest: 'sha256:12'}",
        "node: {image: a, color: red}",
        "images: {}",
        "node: [",
    ],
)
def test_an_invalid_lock_is_refused_with_its_name(text: str, tmp_path: Path) -> None:
    """The error names the file."""
    path = tmp_path / "images.lock"
    path.write_text(text)

    with pytest.raises(ImageError, match=r"cannot use .*images\.lock"):
        read_lock(path)


def test_a_registrys_digest_is_recorded(tmp_path: Path) -> None:
    """New digests are added, entries keep the catalogue's name, and the written file reads back the same."""
    lock = read_lock(manifests() / "images" / "images.lock")
    name = "registry.k8s.io/metrics-server/metrics-server:v0.9.0"

    path = tmp_path / "images.lock"
    more = pin_digest(pin_digest(lock, name, DIGEST, "registry, today"), "docker.io/library/redis:7", DIGEST, "registry, today")
    path.write_text(lock_text(more))
    reread = read_lock(path)

    assert reread.of(ImageReference.parse(name)).digest == DIGEST
    assert reread.of(ImageReference.parse(name)).build == "metrics-server"
    assert reread.of(ImageReference.parse("redis:7")).digest_from == "registry, today"
    assert reread.node == lock.node


def test_the_node_image_is_pinned_too() -> None:
    """The node image has its own entry in the lock."""
    lock = read_lock(manifests() / "images" / "images.lock")

    reread = pin_digest(lock, lock.node.image, DIGEST, "registry, today")

    assert (reread.node.digest, reread.node.digest_from, reread.images) == (DIGEST, "registry, today", lock.images)
