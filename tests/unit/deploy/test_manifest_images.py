"""Images in manifests: replaced by the user's own, and adapted to those loaded into the nodes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.manifest_images import with_image_ids, with_images, with_loaded_images
from kindgate.errors import ImageError
from kindgate.images.image_plan import LoadedImage
from kindgate.images.image_reference import ImageReference
from kindgate.model import Rendered
from kindgate.pod_templates import containers
from tests.unit.deploy.objects import Object, deployment, manifest, rendered, service


def replaced(original: Rendered, images: dict[str, str]) -> Rendered:
    """Return one part with `images` replaced."""
    (result,) = with_images((original,), images, "--app-image")
    return result


@pytest.mark.parametrize("name", ["example/web", "example/web:1.0", "docker.io/example/web"])
def test_an_image_name_matches_with_or_without_tag_and_registry(name: str) -> None:
    """Names match as in `kustomize edit set image`; the pull policy changes only once the image is loaded."""
    result = replaced(rendered(deployment(container={"imagePullPolicy": "Always"}), service()), {name: "web:dev"})
    container = result.objects[0]["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == ("web:dev", "Always")
    assert result.objects[1] == service()


def test_a_container_without_an_image_is_skipped() -> None:
    """A sidecar injected later has no image in the manifests; the error lists only images that exist."""
    before = rendered(deployment(), deployment("later", container={"image": None}))

    with pytest.raises(ImageError) as caught:
        replaced(before, {"shop": "web:dev"})

    assert caught.value.last_state == "images of the manifests: example/web:1.0"


def test_replacing_images_does_not_modify_the_rendered_objects() -> None:
    """The input is not modified, so the rendered objects can be compared with the applied ones."""
    before = rendered(deployment())
    replaced(before, {"example/web": "web:dev"})
    assert before.objects == (deployment(),)


@pytest.mark.parametrize("name", ["example/other", "example/web:2.0"])
def test_an_unused_image_name_is_an_error(name: str) -> None:
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


def test_an_image_name_is_found_in_any_part() -> None:
    """Prerequisites and the overlay are searched together."""
    database = deployment("database", container={"image": "example/db:1"})

    parts = with_images((rendered(database), rendered(deployment())), {"example/db": "db:dev", "example/web": "web:dev"}, "--app-image")

    assert [part.objects[0]["spec"]["template"]["spec"]["containers"][0]["image"] for part in parts] == ["db:dev", "web:dev"]


def test_an_invalid_image_reference_is_an_error() -> None:
    """A misspelled option is an error before anything is created."""
    with pytest.raises(ImageError):
        replaced(rendered(deployment()), {"Not An Image": "web:dev"})


def test_a_users_image_id_is_annotated_on_pods_that_run_it() -> None:
    """On a kept cluster, a new image under an unchanged name replaces the pods that run it."""
    ids = {"docker.io/example/web:1.0": "sha256:abc", "docker.io/example/other:1.0": "sha256:def"}
    result = with_image_ids(rendered(deployment(), service()), ids)

    annotations = result.objects[0]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["kindgate.dev/image-ids"] == "docker.io/example/web:1.0=sha256:abc"
    assert result.objects[1] == service()


def test_pods_of_other_images_are_not_annotated() -> None:
    """Pods whose image is not the user's own are not restarted."""
    before = rendered(deployment())

    assert with_image_ids(before, {"docker.io/example/other:1.0": "sha256:def"}) == before
    assert with_image_ids(before, {}) == before


DIGEST = "sha256:" + "a" * 64
BUILT = "is built here, without that digest"


def loaded(image: str, name: str = "", reason: str = "") -> dict[ImageReference, LoadedImage]:
    """The image in the manifests, and its name in the nodes."""
    return {ImageReference.parse(image): LoadedImage(ImageReference.parse(name or image), reason)}


def container(adapted: Rendered) -> dict[str, Any]:
    """Return the first container."""
    return dict(next(containers(adapted.objects[0]))[1])


def rollout(**fields: Any) -> Object:
    """A custom resource with pods."""
    template = {"spec": {"containers": [{"name": "web", **fields}]}}
    return manifest("Rollout", "web", api_version="argoproj.io/v1alpha1", spec={"template": template})


@pytest.mark.parametrize("image", [f"example/web:1.0@{DIGEST}", f"docker.io/example/web@{DIGEST}"])
def test_a_digest_that_is_not_loaded_is_replaced_and_reported(image: str) -> None:
    """A node without a registry finds only the tag, so the digest is replaced and the run reports it."""
    adapted = with_loaded_images(rendered(deployment(container={"image": image})), loaded(image, "example/web:1.0", BUILT))

    assert container(adapted)["image"] == "example/web:1.0"
    written = image.removeprefix("docker.io/")
    assert adapted.notes == (f"Deployment shop/web: image {written} {BUILT}; using example/web:1.0",)


def test_a_digest_that_is_loaded_is_kept_and_reported() -> None:
    """A loaded image with that digest is known to the nodes, so the reference is unchanged."""
    image = f"example/web:1.0@{DIGEST}"

    adapted = with_loaded_images(rendered(deployment(container={"image": image})), loaded(image))

    assert container(adapted)["image"] == image
    assert adapted.notes == (f"Deployment shop/web: image {image} is loaded into the nodes under that digest",)


@pytest.mark.parametrize("image", ["example/web:1.0", "example/web:latest", "example/web", f"example/web:latest@{DIGEST}"])
@pytest.mark.parametrize("policy", ["Always", "IfNotPresent", "Never", None])
def test_a_loaded_image_is_never_pulled(image: str, policy: str | None) -> None:
    """A loaded image is never pulled, whatever its tag; only an explicit policy that would pull is reported."""
    fields = {"image": image, **({"imagePullPolicy": policy} if policy else {})}

    adapted = with_loaded_images(rendered(deployment(container=fields)), loaded(image))

    assert (container(adapted)["image"], container(adapted)["imagePullPolicy"]) == (image, "IfNotPresent")
    reported = [note for note in adapted.notes if "imagePullPolicy" in note]
    assert reported == (
        ["Deployment shop/web, container web: imagePullPolicy changed from Always to IfNotPresent because the image is loaded"]
        if policy == "Always"
        else []
    )


def test_init_containers_and_sidecars_are_adapted() -> None:
    """Each object and image get one note, however many containers use it."""
    image = f"example/web@{DIGEST}"
    item = deployment(container={"image": image})
    pod = item["spec"]["template"]["spec"]
    pod["initContainers"] = [{"name": "migrate", "image": image, "imagePullPolicy": "Always"}]

    adapted = with_loaded_images(rendered(item), loaded(image, "example/web:1.0", BUILT))

    assert {found["image"] for _, found in containers(adapted.objects[0])} == {"example/web:1.0"}
    assert len(adapted.notes) == 2
    assert "container migrate" in adapted.notes[0] or "container migrate" in adapted.notes[1]


def test_an_image_that_is_not_loaded_is_unchanged() -> None:
    """With --images-allow-missing the nodes can still pull it, under its own policy."""
    before = rendered(deployment(container={"imagePullPolicy": "Always"}), service())

    assert with_loaded_images(before, loaded("example/other:1.0")) == before
    assert with_loaded_images(before, {}) == before


def test_an_invalid_image_reference_is_left_to_validation() -> None:
    """A malformed image reference is skipped; validation reports it with its line."""
    before = rendered(deployment(container={"image": "Not An Image"}), rollout())

    assert with_loaded_images(before, loaded("example/web:1.0")) == before


def test_custom_resources_get_no_additional_fields() -> None:
    """A custom resource's schema can be narrower than a pod's, so no field is added; an existing policy that pulls is changed."""
    without_policy = rendered(rollout(image="example/web:1.0"))
    assert with_loaded_images(without_policy, loaded("example/web:1.0")) == without_policy

    for fields in ({"image": "example/web:1.0", "imagePullPolicy": "Always"}, {"image": "example/web"}):
        adapted = with_loaded_images(rendered(rollout(**fields)), loaded(fields["image"]))
        assert container(adapted)["imagePullPolicy"] == "IfNotPresent"


def test_loaded_images_do_not_modify_the_rendered_objects() -> None:
    """The input is not modified, and its notes come first."""
    before = rendered(deployment())

    adapted = with_loaded_images(before, loaded("example/web:1.0"))

    assert before.objects == (deployment(),)
    assert adapted.notes == ()


_tags = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
_images = st.builds(
    ImageReference,
    registry=st.sampled_from(["docker.io", "ghcr.io"]),
    repository=st.sampled_from(["example/web", "library/db", "team/a/b"]),
    tag=_tags,
    digest=st.sampled_from(["", DIGEST]),
)


@given(images=st.lists(_images, min_size=1, max_size=5), there=st.data())
def test_every_loaded_image_gets_its_name_in_the_nodes(images: list[ImageReference], there: st.DataObject) -> None:
    """For any manifests and any subset of loaded images, loaded ones are renamed to their name in the nodes and others are unchanged."""
    chosen = there.draw(st.sets(st.sampled_from(images)))
    names = {image: LoadedImage(image if there.draw(st.booleans()) else image.by_tag(), BUILT) for image in chosen}
    objects = [deployment(f"web-{number}", container={"image": str(image)}) for number, image in enumerate(images)]

    adapted = with_loaded_images(rendered(*objects), names)

    for before, after, image in zip(objects, adapted.objects, images, strict=True):
        found_container = dict(next(containers(after))[1])
        if image in names:
            assert ImageReference.parse(found_container["image"]).exact == names[image].name.exact
            assert found_container["imagePullPolicy"] == "IfNotPresent"
        else:
            assert after == before
    digests = {number for number, image in enumerate(images) if image in names and image.digest}
    assert {int(note.partition("web-")[2].partition(":")[0]) for note in adapted.notes} == digests
