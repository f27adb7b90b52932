"""The application's own image in place of the manifests'."""

from __future__ import annotations

import pytest

from kindgate.deploy.substitute import with_image_ids, with_images
from kindgate.errors import ImageError, ManifestError
from tests.unit.deploy.objects import deployment, rendered, service


@pytest.mark.parametrize("name", ["example/web", "example/web:1.0", "docker.io/example/web"])
def test_a_name_with_or_without_tag_and_registry_is_found(name: str) -> None:
    """As `kustomize edit set image` does, and the image in the nodes is then used."""
    result = with_images(rendered(deployment(container={"imagePullPolicy": "Always"}), service()), {name: "web:dev"})
    container = result.objects[0]["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == ("web:dev", "IfNotPresent")
    assert result.objects[1] == service()


def test_the_given_objects_stay_as_they_were() -> None:
    """What was rendered can be compared with what is applied."""
    before = rendered(deployment())
    with_images(before, {"example/web": "web:dev"})
    assert before.objects == (deployment(),)


@pytest.mark.parametrize("name", ["example/other", "example/web:2.0"])
def test_a_name_that_no_manifest_has_is_an_error(name: str) -> None:
    """Else the wrong image would be judged, and nobody would know."""
    with pytest.raises(ManifestError, match=f"--slo-base-image {name}"):
        with_images(rendered(deployment()), {name: "web:dev"})


def test_what_is_no_image_reference_is_an_error() -> None:
    """A misspelt option is said before anything is created."""
    with pytest.raises(ImageError):
        with_images(rendered(deployment()), {"Not An Image": "web:dev"})


def test_an_image_of_the_users_own_marks_the_pods_that_run_it() -> None:
    """Pods of a kept cluster are replaced when the image behind an unchanged name is another one."""
    ids = {"docker.io/example/web:1.0": "sha256:abc", "docker.io/example/other:1.0": "sha256:def"}
    result = with_image_ids(rendered(deployment(), service()), ids)

    annotations = result.objects[0]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["kindgate.dev/image-ids"] == "docker.io/example/web:1.0=sha256:abc"
    assert result.objects[1] == service()


def test_pods_of_other_images_are_left_alone() -> None:
    """A run that brings no image of its own restarts nothing."""
    before = rendered(deployment())

    assert with_image_ids(before, {"docker.io/example/other:1.0": "sha256:def"}) == before
    assert with_image_ids(before, {}) == before
