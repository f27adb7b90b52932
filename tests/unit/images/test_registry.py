"""Images are pulled by digest if the lock has one, and through the mirror if one is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ImageError, RegistryRateLimited, RegistryUnauthorized
from kindgate.images.archive import read_archive
from kindgate.images.engine_store import image_id
from kindgate.images.image_lock import ImageLock
from kindgate.images.image_plan import ImagePlan, ImageUse, WantedImage
from kindgate.images.image_reference import ImageReference
from kindgate.images.image_source import provide
from kindgate.images.registry import RegistrySource
from kindgate.model import ObjectRef
from kindgate.waiting import Deadline

DIGEST = "sha256:" + "a" * 64
LOCK = ImageLock.model_validate(
    {"node": {"image": "docker.io/kindest/node:v1", "digest": DIGEST}, "images": {"docker.io/library/traefik:v3": {"digest": DIGEST}}}
)


def plan(*names: str, **more: Any) -> ImagePlan:
    """A plan with images used by one object."""
    use = (ImageUse("k8s/foo.yaml", ObjectRef("Deployment", "echo", "foo"), "main"),)
    return ImagePlan(tuple(WantedImage(ImageReference.parse(name), use) for name in names), **more)


def quiet(_: str) -> None:
    """Ignore the progress."""


def source(stand_in: Any, folder: Path, mirror: str = "") -> RegistrySource:
    """A source with the stand-in as its engine."""
    return RegistrySource(stand_in.engine, LOCK, folder, mirror)


def test_a_locked_image_is_pulled_by_digest_and_archived_under_its_tag(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """The nodes find the image under the manifests' name; an image outside the lock is pulled by its tag."""
    for name in (f"docker.io/kindest/node@{DIGEST}", f"docker.io/library/traefik@{DIGEST}", "docker.io/library/app:1"):
        stand_in.registry_has(name)
    messages: list[str] = []

    provided = provide(source(stand_in, tmp_path), plan("traefik:v3", "app:1"), messages.append, deadline)

    assert provided.node_image == f"docker.io/kindest/node@{DIGEST}"
    assert provided.archive is not None
    assert [str(image.names[0]) for image in read_archive(provided.archive)] == ["docker.io/library/traefik:v3", "docker.io/library/app:1"]
    assert any(line.startswith(f"pulled docker.io/library/traefik@{DIGEST} in ") for line in messages)


def test_everything_is_pulled_through_the_mirror(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """No other registry is used."""
    stand_in.registry_has(f"127.0.0.1:5000/library/traefik@{DIGEST}")
    stand_in.registry_has(f"127.0.0.1:5000/kindest/node@{DIGEST}")

    provided = provide(source(stand_in, tmp_path, "127.0.0.1:5000"), plan("traefik:v3"), quiet, deadline)

    assert provided.node_image == f"127.0.0.1:5000/kindest/node@{DIGEST}"
    requested = [call[-1] for call in stand_in.calls() if call[0] in {"pull", "manifest"}]
    assert requested
    assert all(name.startswith("127.0.0.1:5000/") for name in requested)


def test_an_image_present_by_digest_is_not_pulled_again(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """Content behind a digest never changes, so a second run needs no registry."""
    stand_in.holds(f"docker.io/kindest/node@{DIGEST}")
    stand_in.holds(f"docker.io/library/traefik@{DIGEST}")

    provide(source(stand_in, tmp_path), plan("traefik:v3"), quiet, deadline)

    assert not [call for call in stand_in.calls() if call[0] in {"pull", "manifest"}]


def test_a_missing_image_is_an_error_before_pulling(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """The error names the image, the file and the object."""
    stand_in.registry_has("docker.io/library/app:1")

    with pytest.raises(ImageError, match=r"docker.io/library/fooo:1 \(k8s/foo.yaml: Deployment echo/foo"):
        provide(source(stand_in, tmp_path), plan("app:1", "fooo:1"), quiet, deadline)

    assert not [call for call in stand_in.calls() if call[0] == "pull"]


def test_an_image_that_is_only_built_here_is_not_requested_from_a_registry(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """The error has the command that builds it, rather than a name that does not resolve."""
    with pytest.raises(ImageError, match=r"kindgate\.local/shop:1") as raised:
        provide(source(stand_in, tmp_path), plan("kindgate.local/shop:1"), quiet, deadline)

    assert "kindgate images build kindgate.local/shop:1 " in raised.value.next_step
    assert not [call for call in stand_in.calls() if call[0] == "manifest"]


def test_a_mirror_can_have_an_image_that_is_only_built_here(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """A registry of one's own can hold it."""
    stand_in.registry_has("127.0.0.1:5000/shop:1")

    assert source(stand_in, tmp_path, "127.0.0.1:5000").missing(plan("kindgate.local/shop:1"), deadline) == ()


def test_a_missing_image_can_be_allowed(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """The image is left out of the archive and reported."""
    stand_in.holds("my/node:1")

    provided = provide(source(stand_in, tmp_path), plan("fooo:1", allow_missing=True, node_image="my/node:1"), quiet, deadline)

    assert [str(image.reference) for image in provided.missing] == ["docker.io/library/fooo:1"]
    assert (provided.archive, provided.node_image) == (None, "my/node:1")


def test_a_refusal_does_not_count_as_a_missing_image(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """A permission error is reported even if missing images are allowed."""
    stand_in.set_registry_error("docker.io/library/app:1", "unauthorized: authentication required")

    with pytest.raises(RegistryUnauthorized):
        provide(source(stand_in, tmp_path), plan("app:1", allow_missing=True), quiet, deadline)


def test_a_refused_pull_is_an_error(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """The rate limit can be reached between the lookup and the pull."""
    stand_in.set_registry_error(f"docker.io/kindest/node@{DIGEST}", "toomanyrequests: You have reached your pull rate limit")

    with pytest.raises(RegistryRateLimited, match=r"docker\.io/kindest/node"):
        source(stand_in, tmp_path).provide_node(plan(), quiet, deadline)


def test_pinning_reports_the_registrys_digest(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """The digest is the one of the tag at the time of pinning."""
    stand_in.registry_has("docker.io/library/app:1")

    assert source(stand_in, tmp_path).digest("docker.io/library/app:1", quiet, deadline) == "sha256:" + "d" * 64


OTHER_DIGEST = "sha256:" + "b" * 64


@pytest.mark.parametrize(("image", "tag"), [("traefik:v3", "v3-bbbbbbbbbbbb"), ("traefik", "bbbbbbbbbbbb")])
def test_a_pinned_digest_is_pulled_and_loaded_under_a_derived_tag(
    image: str, tag: str, stand_in: Any, tmp_path: Path, deadline: Deadline
) -> None:
    """The manifests' digest overrides the lock's; two digests of one tag are two images, and most engines save neither digest."""
    for digest in (DIGEST, OTHER_DIGEST):
        stand_in.registry_has(f"docker.io/library/traefik@{digest}")
    registry = source(stand_in, tmp_path)

    archive = registry.provide_workloads(plan("traefik:v3", f"{image}@{OTHER_DIGEST}"), quiet, deadline)

    assert archive is not None
    names = [str(image.names[0]) for image in read_archive(archive)]
    assert names == ["docker.io/library/traefik:v3", f"docker.io/library/traefik:{tag}"]
    loaded = registry.loaded_as(ImageReference.parse(f"{image}@{OTHER_DIGEST}"))
    assert (str(loaded.name), loaded.reason.startswith("is pulled by that digest")) == (names[1], True)


def test_an_engine_that_keeps_digests_loads_the_image_under_its_digest(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """Docker's containerd image store saves the registry's manifest."""
    stand_in.keep_digests()
    stand_in.holds("x", text="x")
    digest = image_id(stand_in.engine, "x", deadline)
    stand_in.holds(f"docker.io/library/app@{digest}", text="x")

    archive = source(stand_in, tmp_path).provide_workloads(plan(f"app:1@{digest}"), quiet, deadline)

    assert archive is not None
    assert [image.names[0].exact for image in read_archive(archive)] == [f"docker.io/library/app@{digest}"]


def test_an_unknown_digest_is_missing(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """A digest that does not exist is missing even if its tag exists."""
    stand_in.registry_has("docker.io/library/app:1")

    assert len(source(stand_in, tmp_path).missing(plan(f"app:1@{OTHER_DIGEST}"), deadline)) == 1
