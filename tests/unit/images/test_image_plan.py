"""The plan contains every image of the manifests, and rejects impossible ones before anything is created."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ImageError
from kindgate.images.image_plan import ImagePlan, LocalArchive, LocalImage, plan_images
from kindgate.images.image_reference import ImageReference
from kindgate.model import ObjectRef, Rendered

FIRST, SECOND = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def local(name: str, digest: str = "") -> LocalImage:
    """An image of the engine under its own name; `digest` is that of its manifest, if the engine keeps it."""
    return LocalImage(ImageReference.parse(name).loadable(digest), name, digest)


def wanted(plan: ImagePlan) -> list[str]:
    """Return the images that a source must provide."""
    return [str(image.reference) for image in plan.wanted]


def workload(name: str, image: str, *, policy: str = "", kind: str = "Deployment", init: str = "") -> dict[str, Any]:
    """A workload with one container, and an init container if `init` is set."""
    container = {"name": "main", "image": image, **({"imagePullPolicy": policy} if policy else {})}
    pod: dict[str, Any] = {"containers": [container]}
    if init:
        pod["initContainers"] = [{"name": "first", "image": init}]
    template = {"template": {"spec": pod}}
    spec = {"jobTemplate": {"spec": template}} if kind == "CronJob" else template
    return {"kind": kind, "metadata": {"name": name, "namespace": "echo"}, "spec": spec}


def rendered(*objects: Mapping[str, Any]) -> Rendered:
    """An overlay of these objects, each from a file with its name."""
    origins = {ObjectRef.of(item): f"k8s/base/{item['metadata']['name']}.yaml" for item in objects}
    return Rendered(Path("k8s/overlays/ci"), objects, origins)


def test_every_containers_image_is_listed_once() -> None:
    """Init containers and a CronJob's pods are included; two objects with the same image share one entry with two uses."""
    plan = plan_images(
        [
            rendered(workload("foo", "traefik:v3", init="busybox:1.35"), workload("bar", "docker.io/library/traefik:v3")),
            rendered(workload("job", "app:1", kind="CronJob"), {"kind": "Service", "metadata": {"name": "s"}, "spec": {}}),
        ]
    )

    assert wanted(plan) == ["docker.io/library/busybox:1.35", "docker.io/library/traefik:v3", "docker.io/library/app:1"]
    uses = {image.reference.repository: [str(use.object) for use in image.uses] for image in plan.wanted}
    assert uses["library/traefik"] == ["Deployment echo/foo", "Deployment echo/bar"]


def test_a_custom_resources_containers_are_included() -> None:
    """Any object with a list of containers has pods, whatever its kind."""
    plan = plan_images([rendered(workload("canary", "app:1", kind="Rollout"))])

    assert wanted(plan) == ["docker.io/library/app:1"]


def test_a_custom_resources_schema_is_not_a_container() -> None:
    """The field `containers` in a CustomResourceDefinition's schema is not a container."""
    schema = {"properties": {"containers": {"type": "array", "items": {"properties": {"image": {"type": "string"}}}}}}

    assert plan_images([rendered({"kind": "CustomResourceDefinition", "metadata": {"name": "x"}, "spec": schema})]).wanted == ()


def test_an_invalid_reference_is_named_with_file_object_and_container() -> None:
    """A misspelled image is found without opening the overlay."""
    with pytest.raises(ImageError, match=r"k8s/base/foo.yaml: Deployment echo/foo, container main: 'Bad Image'"):
        plan_images([rendered(workload("foo", "Bad Image"))])


def test_the_users_images_are_not_requested_from_a_source() -> None:
    """Loaded images and names in archives count as provided."""
    archive = LocalArchive(Path("bar.tar"), {ImageReference.parse("bar:1"): FIRST})
    plan = plan_images([rendered(workload("foo", "foo:1"), workload("bar", "bar:1"))], local=[local("foo:1")], archives=[archive])

    assert plan.wanted == ()
    assert [str(reference) for reference in plan.user_provided] == ["docker.io/library/foo:1", "docker.io/library/bar:1"]


@pytest.mark.parametrize("image", [f"foo:1@{FIRST}", f"foo@{FIRST}", f"docker.io/library/foo:2@{FIRST}"])
@pytest.mark.parametrize("digest", [FIRST, SECOND])
def test_a_digest_is_requested_from_a_source_unless_the_user_provides_it(image: str, digest: str) -> None:
    """A digest identifies content, so an archive or engine with it provides it under any tag."""
    overlay = rendered(workload("foo", image))
    archive = LocalArchive(Path("foo.tar"), {ImageReference.parse("foo:dev"): digest})

    for plan in (plan_images([overlay], archives=[archive]), plan_images([overlay], local=[local("foo:dev", digest)])):
        if digest == FIRST:
            (loaded,) = plan.user_provided.values()
            assert (loaded.name, loaded.reason) == (ImageReference.parse(image), "")
        else:
            assert wanted(plan) == [str(ImageReference.parse(image))]


def test_a_local_image_of_the_same_tag_is_used_and_its_digest_reported() -> None:
    """The pull request's build is tested even if production pins a digest."""
    plan = plan_images([rendered(workload("foo", f"foo:1@{FIRST}"))], local=[local("foo:1")])

    (loaded,) = plan.user_provided.values()
    assert (loaded.name.familiar, loaded.reason) == ("foo:1", "is the local image foo:1 but has another digest")


def test_a_local_image_of_a_digest_is_tagged_if_the_engine_drops_digests() -> None:
    """`--kind-load foo@sha256:...` is that image, although it is saved without its manifest."""
    plan = plan_images([rendered(workload("foo", f"foo:1@{FIRST}"))], local=[local(f"foo@{FIRST}")])

    (loaded,) = plan.user_provided.values()
    assert loaded.name.familiar == "foo:111111111111"
    assert "saves under another digest" in loaded.reason


def test_a_digest_does_not_match_another_repository() -> None:
    """The nodes look up the name, so two names with the same digest are two images."""
    plan = plan_images([rendered(workload("foo", f"foo@{FIRST}"))], local=[local("bar:1", FIRST)])

    assert wanted(plan) == [f"docker.io/library/foo@{FIRST}"]


@pytest.mark.parametrize("image", ["foo:latest", "foo"])
@pytest.mark.parametrize("policy", ["Always", "Never", ""])
def test_the_pull_policy_does_not_affect_the_plan(image: str, policy: str) -> None:
    """The pull policy is set later, when the manifests are adapted to the loaded images."""
    assert plan_images([rendered(workload("foo", image, policy=policy))], local=[local("foo:latest")]).wanted == ()


def test_a_missing_image_is_removed_from_the_plan() -> None:
    """A run that continues without an image does not wait for its name in the nodes."""
    plan = plan_images([rendered(workload("foo", "foo:1"), workload("bar", "bar:1"))])

    assert wanted(plan.without(plan.wanted[:1])) == ["docker.io/library/bar:1"]
