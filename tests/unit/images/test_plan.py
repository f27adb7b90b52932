"""The plan holds every image of the manifests, and refuses what cannot work before anything exists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ImageError
from kindgate.images.plan import LocalArchive, plan_images, refuse_missing
from kindgate.images.reference import ImageReference
from kindgate.model import ObjectRef, Rendered


def workload(name: str, image: str, *, policy: str = "", kind: str = "Deployment", init: str = "") -> dict[str, Any]:
    """A workload with one container, and one that runs first if `init` names its image."""
    container = {"name": "main", "image": image, **({"imagePullPolicy": policy} if policy else {})}
    pod: dict[str, Any] = {"containers": [container]}
    if init:
        pod["initContainers"] = [{"name": "first", "image": init}]
    template = {"template": {"spec": pod}}
    spec = {"jobTemplate": {"spec": template}} if kind == "CronJob" else template
    return {"kind": kind, "metadata": {"name": name, "namespace": "echo"}, "spec": spec}


def rendered(*objects: Mapping[str, Any]) -> Rendered:
    """An overlay of these objects, each from a file of its name."""
    origins = {ObjectRef.of(item): f"k8s/base/{item['metadata']['name']}.yaml" for item in objects}
    return Rendered(Path("k8s/overlays/ci"), objects, origins)


def test_every_container_counts_and_each_image_once() -> None:
    """Init containers and the pods of a CronJob are found; two objects with one image give one entry with two uses."""
    plan = plan_images(
        [
            rendered(workload("foo", "traefik:v3", init="busybox:1.35"), workload("bar", "docker.io/library/traefik:v3")),
            rendered(workload("job", "app:1", kind="CronJob"), {"kind": "Service", "metadata": {"name": "s"}, "spec": {}}),
        ]
    )

    assert plan.names == ("docker.io/library/app:1", "docker.io/library/busybox:1.35", "docker.io/library/traefik:v3")
    uses = {image.reference.repository: [str(use.object) for use in image.uses] for image in plan.wanted}
    assert uses["library/traefik"] == ["Deployment echo/foo", "Deployment echo/bar"]


def test_a_custom_resource_with_containers_counts_too() -> None:
    """Whatever has a list of containers holds pods, of whichever kind it is."""
    plan = plan_images([rendered(workload("canary", "app:1", kind="Rollout"))])

    assert plan.names == ("docker.io/library/app:1",)


def test_a_schema_of_a_custom_resource_is_no_container() -> None:
    """A CustomResourceDefinition describes `containers`; it has none."""
    schema = {"properties": {"containers": {"type": "array", "items": {"properties": {"image": {"type": "string"}}}}}}

    assert plan_images([rendered({"kind": "CustomResourceDefinition", "metadata": {"name": "x"}, "spec": schema})]).names == ()


def test_an_image_that_is_no_reference_is_named_with_file_object_and_container() -> None:
    """What is misspelt is found without opening the overlay."""
    with pytest.raises(ImageError, match=r"k8s/base/foo.yaml: Deployment echo/foo, container main: 'Bad Image'"):
        plan_images([rendered(workload("foo", "Bad Image"))])


def test_an_image_that_is_named_by_digest_is_refused() -> None:
    """Images that are loaded into nodes are not found by digest: the next step is the lock."""
    with pytest.raises(ImageError, match="names a digest") as caught:
        plan_images([rendered(workload("foo", "app@sha256:" + "a" * 64))])

    assert "images.lock" in caught.value.next_step


def test_what_the_user_loads_is_not_looked_for_elsewhere() -> None:
    """Loaded images and the names in archives count as provided."""
    archive = LocalArchive(Path("bar.tar"), (ImageReference.parse("bar:1"),))
    plan = plan_images([rendered(workload("foo", "foo:1"), workload("bar", "bar:1"))], loaded_images=["foo:1"], archives=[archive])

    assert plan.wanted == ()
    assert plan.names == ("docker.io/library/bar:1", "docker.io/library/foo:1")


@pytest.mark.parametrize(("image", "policy"), [("foo:1", "Always"), ("foo:latest", ""), ("foo", "")])
def test_a_local_image_that_the_nodes_would_pull_is_refused(image: str, policy: str) -> None:
    """Always, which `latest` and no tag mean too, asks a registry that does not have the image."""
    with pytest.raises(ImageError, match="imagePullPolicy is Always"):
        plan_images([rendered(workload("foo", image, policy=policy))], loaded_images=[image])


@pytest.mark.parametrize(("image", "policy"), [("foo:1", ""), ("foo:1", "Never"), ("foo:latest", "IfNotPresent")])
def test_a_local_image_that_the_nodes_take_as_loaded_is_accepted(image: str, policy: str) -> None:
    """IfNotPresent, the default for a tag, and Never use what was loaded."""
    assert plan_images([rendered(workload("foo", image, policy=policy))], loaded_images=[image]).wanted == ()


def test_missing_images_are_named_with_file_and_object() -> None:
    """All of them in one error, so that they can be corrected at once."""
    plan = plan_images([rendered(workload("foo", "fooo:1"), workload("bar", "barr:1"))])

    with pytest.raises(ImageError) as caught:
        refuse_missing(plan.wanted, "build")

    assert "docker.io/library/fooo:1 (k8s/base/foo.yaml: Deployment echo/foo, container main)" in caught.value.message
    assert "docker.io/library/barr:1 (k8s/base/bar.yaml: Deployment echo/bar, container main)" in caught.value.message
    refuse_missing((), "build")


def test_what_is_left_out_leaves_the_plan() -> None:
    """A run that goes on without an image does not wait for its name in the nodes."""
    plan = plan_images([rendered(workload("foo", "foo:1"), workload("bar", "bar:1"))])

    assert plan.without(plan.wanted[:1]).names == ("docker.io/library/bar:1",)
