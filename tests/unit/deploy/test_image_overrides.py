"""Replacing an image of the manifests with the user's own."""

from __future__ import annotations

import pytest

from kindgate.deploy.manifest_images import with_image_ids, with_images
from kindgate.errors import ImageError
from kindgate.model import Rendered
from tests.unit.deploy.objects import deployment, rendered, service


def replaced(before: Rendered, images: dict[str, str]) -> Rendered:
    """Return one part with `images` replaced."""
    (after,) = with_images((before,), images, "--app-image")
    return after


@pytest.mark.parametrize("name", ["example/web", "example/web:1.0", "docker.io/example/web"])
def test_a_name_with_or_without_tag_and_registry_is_found(name: str) -> None:
    """Names match as in `kustomize edit set image`; the pull policy changes only once the image is loaded."""
    result = replaced(rendered(deployment(container={"imagePullPolicy": "Always"}), service()), {name: "web:dev"})
    container = result.objects[0]["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == ("web:dev", "Always")
    assert result.objects[1] == service()


def test_the_given_objects_stay_as_they_were() -> None:
    """The input is not modified, so the rendered objects can be compared with the applied ones."""
    before = rendered(deployment())
    replaced(before, {"example/web": "web:dev"})
    assert before.objects == (deployment(),)


@pytest.mark.parametrize("name", ["example/other", "example/web:2.0"])
def test_a_name_that_no_manifest_has_is_an_error(name: str) -> None:
    """An unmatched name would silently test the wrong image."""
    with pytest.raises(ImageError, match=f"--app-image {name}: no manifest uses that image") as caught:
        replaced(rendered(deployment()), {name: "web:dev"})

    assert "example/web:1.0" in caught.value.last_state


def test_an_image_that_is_pinned_by_digest_is_replaced_too() -> None:
    """Production manifests use digests, but a locally built image has none."""
    image = "example/web@sha256:" + "a" * 64
    before = rendered(deployment(container={"image": image}))

    for name in ("example/web", image):
        after = replaced(before, {name: "web:dev"})
        assert after.objects[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "web:dev"


def test_a_name_may_be_in_any_part() -> None:
    """Prerequisites and the overlay are searched together."""
    database = deployment("database", container={"image": "example/db:1"})

    parts = with_images((rendered(database), rendered(deployment())), {"example/db": "db:dev", "example/web": "web:dev"}, "--app-image")

    assert [part.objects[0]["spec"]["template"]["spec"]["containers"][0]["image"] for part in parts] == ["db:dev", "web:dev"]


def test_what_is_no_image_reference_is_an_error() -> None:
    """A misspelled option is an error before anything is created."""
    with pytest.raises(ImageError):
        replaced(rendered(deployment()), {"Not An Image": "web:dev"})


def test_an_image_of_the_users_own_marks_the_pods_that_run_it() -> None:
    """On a kept cluster, a new image under an unchanged name replaces the pods that run it."""
    ids = {"docker.io/example/web:1.0": "sha256:abc", "docker.io/example/other:1.0": "sha256:def"}
    result = with_image_ids(rendered(deployment(), service()), ids)

    annotations = result.objects[0]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["kindgate.dev/image-ids"] == "docker.io/example/web:1.0=sha256:abc"
    assert result.objects[1] == service()


def test_pods_of_other_images_are_left_alone() -> None:
    """Pods whose image is not the user's own are not restarted."""
    before = rendered(deployment())

    assert with_image_ids(before, {"docker.io/example/other:1.0": "sha256:def"}) == before
    assert with_image_ids(before, {}) == before
