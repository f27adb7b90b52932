"""Manifests are adapted to the images loaded into the nodes, and the changes are reported."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.manifest_images import with_loaded_images
from kindgate.images.image_plan import LoadedImage
from kindgate.images.image_reference import ImageReference
from kindgate.model import Rendered
from kindgate.pod_templates import containers
from tests.unit.deploy.objects import Object, deployment, manifest, rendered, service

DIGEST = "sha256:" + "a" * 64
BUILT = "is built here, without that digest"


def loaded(image: str, name: str = "", reason: str = "") -> dict[ImageReference, LoadedImage]:
    """The image in the manifests, and its name in the nodes."""
    return {ImageReference.parse(image): LoadedImage(ImageReference.parse(name or image), reason)}


def container(fitted: Rendered) -> dict[str, Any]:
    """Return the first container."""
    return dict(next(containers(fitted.objects[0]))[1])


def rollout(**fields: Any) -> Object:
    """A custom resource with pods."""
    template = {"spec": {"containers": [{"name": "web", **fields}]}}
    return manifest("Rollout", "web", api_version="argoproj.io/v1alpha1", spec={"template": template})


@pytest.mark.parametrize("image", [f"example/web:1.0@{DIGEST}", f"docker.io/example/web@{DIGEST}"])
def test_a_digest_that_is_not_loaded_is_replaced_by_what_is_and_reported(image: str) -> None:
    """A node without a registry finds only the tag, so the digest is replaced and the run reports it."""
    fitted = with_loaded_images(rendered(deployment(container={"image": image})), loaded(image, "example/web:1.0", BUILT))

    assert container(fitted)["image"] == "example/web:1.0"
    written = image.removeprefix("docker.io/")
    assert fitted.notes == (f"Deployment shop/web: image {written} {BUILT}; using example/web:1.0",)


def test_a_digest_that_is_loaded_is_kept_and_reported() -> None:
    """A loaded image with that digest is known to the nodes, so the reference is unchanged."""
    image = f"example/web:1.0@{DIGEST}"

    fitted = with_loaded_images(rendered(deployment(container={"image": image})), loaded(image))

    assert container(fitted)["image"] == image
    assert fitted.notes == (f"Deployment shop/web: image {image} is loaded into the nodes under that digest",)


@pytest.mark.parametrize("image", ["example/web:1.0", "example/web:latest", "example/web", f"example/web:latest@{DIGEST}"])
@pytest.mark.parametrize("policy", ["Always", "IfNotPresent", "Never", None])
def test_every_loaded_image_is_used_as_it_is_loaded(image: str, policy: str | None) -> None:
    """A loaded image is never pulled, whatever its tag; only an explicit policy that would pull is reported."""
    fields = {"image": image, **({"imagePullPolicy": policy} if policy else {})}

    fitted = with_loaded_images(rendered(deployment(container=fields)), loaded(image))

    assert (container(fitted)["image"], container(fitted)["imagePullPolicy"]) == (image, "IfNotPresent")
    reported = [note for note in fitted.notes if "imagePullPolicy" in note]
    assert reported == (
        ["Deployment shop/web, container web: imagePullPolicy changed from Always to IfNotPresent because the image is loaded"]
        if policy == "Always"
        else []
    )


def test_init_containers_and_sidecars_are_fitted_too() -> None:
    """Each object and image get one note, however many containers use it."""
    image = f"example/web@{DIGEST}"
    item = deployment(container={"image": image})
    pod = item["spec"]["template"]["spec"]
    pod["initContainers"] = [{"name": "migrate", "image": image, "imagePullPolicy": "Always"}]

    fitted = with_loaded_images(rendered(item), loaded(image, "example/web:1.0", BUILT))

    assert {found["image"] for _, found in containers(fitted.objects[0])} == {"example/web:1.0"}
    assert len(fitted.notes) == 2
    assert "container migrate" in fitted.notes[0] or "container migrate" in fitted.notes[1]


def test_an_image_that_is_not_loaded_stays_as_it_is() -> None:
    """With --images-allow-missing the nodes can still pull it, under its own policy."""
    before = rendered(deployment(container={"imagePullPolicy": "Always"}), service())

    assert with_loaded_images(before, loaded("example/other:1.0")) == before
    assert with_loaded_images(before, {}) == before


def test_what_is_no_image_reference_is_left_to_validation() -> None:
    """A malformed image reference is skipped; validation reports it with its line."""
    before = rendered(deployment(container={"image": "Not An Image"}), rollout())

    assert with_loaded_images(before, loaded("example/web:1.0")) == before


def test_a_custom_resource_gets_no_field_that_it_need_not_know() -> None:
    """A custom resource's schema can be narrower than a pod's, so no field is added; an existing policy that pulls is changed."""
    quiet = rendered(rollout(image="example/web:1.0"))
    assert with_loaded_images(quiet, loaded("example/web:1.0")) == quiet

    for fields in ({"image": "example/web:1.0", "imagePullPolicy": "Always"}, {"image": "example/web"}):
        fitted = with_loaded_images(rendered(rollout(**fields)), loaded(fields["image"]))
        assert container(fitted)["imagePullPolicy"] == "IfNotPresent"


def test_the_given_objects_stay_as_they_were() -> None:
    """The input is not modified, and its notes come first."""
    before = rendered(deployment())

    fitted = with_loaded_images(before, loaded("example/web:1.0"))

    assert before.objects == (deployment(),)
    assert fitted.notes == ()


_tags = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
_images = st.builds(
    ImageReference,
    registry=st.sampled_from(["docker.io", "ghcr.io"]),
    repository=st.sampled_from(["example/web", "library/db", "team/a/b"]),
    tag=_tags,
    digest=st.sampled_from(["", DIGEST]),
)


@given(images=st.lists(_images, min_size=1, max_size=5), there=st.data())
def test_every_image_that_is_loaded_is_found_by_its_name_in_the_nodes(images: list[ImageReference], there: st.DataObject) -> None:
    """For any manifests and any subset of loaded images, loaded ones are renamed to their name in the nodes and others are unchanged."""
    chosen = there.draw(st.sets(st.sampled_from(images)))
    names = {image: LoadedImage(image if there.draw(st.booleans()) else image.by_tag(), BUILT) for image in chosen}
    objects = [deployment(f"web-{number}", container={"image": str(image)}) for number, image in enumerate(images)]

    fitted = with_loaded_images(rendered(*objects), names)

    for before, after, image in zip(objects, fitted.objects, images, strict=True):
        found = dict(next(containers(after))[1])
        if image in names:
            assert ImageReference.parse(found["image"]).exact == names[image].name.exact
            assert found["imagePullPolicy"] == "IfNotPresent"
        else:
            assert after == before
    digests = {number for number, image in enumerate(images) if image in names and image.digest}
    assert {int(note.partition("web-")[2].partition(":")[0]) for note in fitted.notes} == digests
