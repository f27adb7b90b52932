"""The user's own images take precedence, under the requested names, and names in the engine are unchanged."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ImageError
from kindgate.images.archive import read_archive
from kindgate.images.engine_store import image_id
from kindgate.images.image_plan import ImagePlan, LoadedImage, LocalArchive, LocalImage, plan_images
from kindgate.images.image_reference import ImageReference
from kindgate.images.local_images import LocalImages, find_local, with_local
from kindgate.model import Rendered
from kindgate.settings import ImageSettings
from kindgate.waiting import Deadline


def texts(archive: Path) -> dict[str, str]:
    """Return the text in each image's layer, by image name."""
    provided = {}
    with tarfile.open(archive) as tar:
        for image in read_archive(archive):
            layer = tar.extractfile(f"blobs/{image.blobs[1].digest.replace(':', '/')}")
            provided[str(image.names[0])] = layer.read().decode() if layer else ""
    return provided


def test_requested_images_are_found(stand_in: Any, tmp_path: Path, oci_archive: Path, deadline: Deadline) -> None:
    """Images of the engine and files, compressed or not, are distinguished; the names in an archive are read."""
    stand_in.holds("app:dev")
    stand_in.holds("tool:1")
    (tmp_path / "packed.tgz").write_bytes(gzip.compress(oci_archive.read_bytes()))
    settings = ImageSettings(app_image=("shop/app=app:dev",), load=("tool:1", "packed.tgz"))

    provided = find_local(settings, tmp_path, stand_in.engine, tmp_path, deadline)

    assert [image.engine_image for image in provided.loaded] == ["app:dev", "tool:1"]
    assert [str(name) for archive in provided.archives for name in archive.names] == ["registry.local/one:1", "registry.local/two:2"]


@pytest.mark.parametrize("settings", [ImageSettings(app_image=("a=gone:1",)), ImageSettings(load=("gone:1",))])
def test_a_missing_image_is_an_error(settings: ImageSettings, stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """An image that does not exist is an error before anything is built or created."""
    with pytest.raises(ImageError, match="image gone:1 was not found in the engine"):
        find_local(settings, tmp_path, stand_in.engine, tmp_path, deadline)


def test_a_missing_image_can_be_allowed_before_it_is_built(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """`kindgate validate --images-allow-missing` checks the manifests before images are built."""
    stand_in.holds("tool:1")
    settings = ImageSettings(app_image=("a=gone:1",), load=("tool:1",), allow_missing=True)
    assert [image.engine_image for image in find_local(settings, tmp_path, stand_in.engine, tmp_path, deadline).loaded] == ["tool:1"]


def test_without_local_images_the_sources_archive_is_returned(stand_in: Any, oci_archive: Path, tmp_path: Path, deadline: Deadline) -> None:
    """A complete archive is not copied."""
    assert with_local(oci_archive, ImagePlan(()), stand_in.engine, tmp_path, deadline) == oci_archive
    assert with_local(None, ImagePlan(()), stand_in.engine, tmp_path, deadline) is None


def test_all_images_are_in_one_archive_under_the_requested_names(
    stand_in: Any, oci_archive: Path, tmp_path: Path, deadline: Deadline
) -> None:
    """The engine's image gets its name in the archive; nothing is tagged in the engine."""
    stand_in.holds("app:dev", text="mine")
    plan = ImagePlan((), local=(LocalImage(ImageReference.parse("shop/app:1"), "app:dev"),))

    merged = with_local(oci_archive, plan, stand_in.engine, tmp_path, deadline)

    assert merged is not None
    assert texts(merged) == {"docker.io/shop/app:1": "mine", "registry.local/one:1": "hello", "registry.local/two:2": "world"}
    assert not [call for call in stand_in.calls() if call[0] == "tag"]


def test_the_users_image_takes_precedence_over_the_sources(stand_in: Any, oci_archive: Path, tmp_path: Path, deadline: Deadline) -> None:
    """The pull request's own image is the one to test."""
    stand_in.holds("app:dev", text="mine")
    one = ImageReference.parse("registry.local/one:1")
    plan = ImagePlan((), local=(LocalImage(one, "app:dev"),), archives=(LocalArchive(oci_archive, {one: ""}),))

    merged = with_local(None, plan, stand_in.engine, tmp_path, deadline)

    assert merged is not None
    assert texts(merged)["registry.local/one:1"] == "mine"
    assert json.dumps(stand_in.calls()).count("save") == 1


def plan_of(image: str, provided: LocalImages) -> ImagePlan:
    """The plan of a Deployment with this image."""
    pod = {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app", "namespace": "shop"}, "spec": pod}
    return plan_images([Rendered(Path("k8s"), (deployment,))], local=provided.loaded, archives=provided.archives)


@pytest.mark.parametrize("image", ["registry.local/one:1@{}", "registry.local/one@{}"])
def test_an_archive_provides_images_pinned_by_digest(
    image: str, stand_in: Any, tmp_path: Path, oci_archive: Path, deadline: Deadline
) -> None:
    """The nodes then know the image by its digest too."""
    digest = read_archive(oci_archive)[0].manifest.digest
    provided = find_local(ImageSettings(load=("two.tar",)), tmp_path, stand_in.engine, tmp_path, deadline)

    merged = with_local(None, plan_of(image.format(digest), provided), stand_in.engine, tmp_path, deadline)

    assert merged is not None
    names = [name.exact for image in read_archive(merged) for name in image.names]
    assert names == ["registry.local/one:1", "registry.local/two:2", f"registry.local/one@{digest}"]


def test_an_image_of_the_containerd_store_keeps_its_digest(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """With the containerd store, the engine saves the registry's manifest, whose digest is the image's ID."""
    stand_in.keep_digests()
    stand_in.holds("shop/app:dev")
    digest = image_id(stand_in.engine, "shop/app:dev", deadline)
    provided = find_local(ImageSettings(load=("shop/app:dev",)), tmp_path, stand_in.engine, tmp_path, deadline)

    merged = with_local(None, plan_of(f"shop/app:1@{digest}", provided), stand_in.engine, tmp_path, deadline)

    assert merged is not None
    assert [name.exact for image in read_archive(merged) for name in image.names] == [
        "docker.io/shop/app:dev",
        f"docker.io/shop/app@{digest}",
    ]


def test_an_image_requested_by_digest_is_tagged_if_its_manifest_is_lost(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """Without a tag or its real digest, a pod could not refer to the image."""
    digest = "sha256:" + "a" * 64
    stand_in.holds(f"shop/app@{digest}")
    provided = find_local(ImageSettings(load=(f"shop/app@{digest}",)), tmp_path, stand_in.engine, tmp_path, deadline)

    merged = with_local(None, plan_of(f"shop/app@{digest}", provided), stand_in.engine, tmp_path, deadline)

    assert merged is not None
    assert [str(name) for image in read_archive(merged) for name in image.names] == ["docker.io/shop/app:aaaaaaaaaaaa"]


def test_an_image_saved_with_another_digest_is_an_error(stand_in: Any, tmp_path: Path, deadline: Deadline) -> None:
    """If the engine saves other content than it reported, the pod must not run it."""
    stand_in.holds("shop/app:dev")
    name = ImageReference.parse("shop/app@sha256:" + "a" * 64)
    plan = ImagePlan((), local=(LocalImage(ImageReference.parse("shop/app:dev"), "shop/app:dev"),), user_provided={name: LoadedImage(name)})

    with pytest.raises(ImageError, match="another digest"):
        with_local(None, plan, stand_in.engine, tmp_path, deadline)
