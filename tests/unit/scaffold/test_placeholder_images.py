"""Image placeholders filled in by a pipeline get a name, and an image in their place."""

from __future__ import annotations

import pytest
import yaml

from kindgate.deploy.validate import validate
from kindgate.errors import SettingsError
from kindgate.pod_templates import containers
from kindgate.scaffold.adaptation import adaptation
from kindgate.scaffold.placeholder_images import image_changes, legible_name, parse_image_options, placeholder_names, with_changed_images
from tests.unit.deploy.objects import deployment, manifest, rendered, service

NAMESPACE = manifest("Namespace", "shop", namespace="")
TEMPLATE = "${{ secrets.USER }}/app:latest"


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (TEMPLATE, "app"),
        ("gcr.io/PROJECT_ID/app:COMMIT_SHA", "app"),
        ("${REGISTRY}/team/app:${TAG}", "app"),
        ("$REGISTRY/app:$TAG", "app"),
        ("<registry>/app:<tag>", "app"),
        ("{{ .Values.registry }}/app:1.2", "app"),
        ("__REGISTRY__/app@__DIGEST__", "app"),
        ("ACCOUNT.dkr.ecr.REGION.amazonaws.com/app:$(TAG)", "app"),
        ("${IMAGE}", ""),
        ("IMAGE_NAME:1", ""),
        ("acme/app-${STAGE}:1", ""),
    ],
)
def test_the_name_is_the_legible_part(image: str, name: str) -> None:
    """The literal part is the name, or the workload's name if everything is a placeholder."""
    assert legible_name(image) == name
    assert placeholder_names(rendered(deployment("web", container={"image": image}))) == {image: name or "web"}


@pytest.mark.parametrize("image", ["acme/app:1", "acme/My App:1", "acme/MyApp:1", "localhost:5000/app"])
def test_valid_and_merely_invalid_images_are_no_placeholders(image: str) -> None:
    """An invalid image is reported, not replaced by another one."""
    assert placeholder_names(rendered(deployment(container={"image": image}))) == {}


def test_a_built_image_replaces_a_placeholder() -> None:
    """A patch sets the image, because Kustomize's `images:` cannot match a placeholder; validation then passes."""
    web = deployment(container={"image": TEMPLATE})
    web["spec"]["template"]["spec"]["initContainers"] = [{**web["spec"]["template"]["spec"]["containers"][0], "name": "first"}]
    web["spec"]["template"]["spec"]["initContainers"][0].pop("readinessProbe")
    manifests = rendered(NAMESPACE, web, service())

    changes, notes = image_changes(manifests, placeholder_names(manifests), {"app": "app:kindgate"}, {})
    found = adaptation(manifests, images=changes, notes=notes)

    after = found.applied(manifests)
    assert [one["image"] for item in after.objects for _, one in containers(item)] == ["app:kindgate", "app:kindgate"]
    assert [finding.path for finding in validate(after)] == []
    patches = yaml.safe_load(found.files(["../../k8s"])["kustomization.yaml"])["patches"]
    assert [yaml.safe_load(patch["patch"]) for patch in patches] == [
        [{"op": "replace", "path": f"/spec/template/spec/{field}/0/image", "value": "app:kindgate"}]
        for field in ("initContainers", "containers")
    ]
    assert {patch["target"]["name"] for patch in patches} == {"web"}
    assert "using app:kindgate" in notes[0]


def test_a_placeholder_without_a_build_is_reported_with_the_option() -> None:
    """The placeholder is kept, the option is named, and validation reports the line."""
    manifests = rendered(deployment(container={"image": TEMPLATE}))

    changes, (note,) = image_changes(manifests, placeholder_names(manifests), {}, {})

    assert changes == ()
    assert "--image app=IMAGE" in note


@pytest.mark.parametrize(("image", "name"), [(TEMPLATE, "app"), (TEMPLATE, TEMPLATE), ("acme/web:2", "acme/web")])
def test_a_requested_image_takes_precedence(image: str, name: str) -> None:
    """A given image takes precedence, by the reported name or the one in the manifests."""
    manifests = rendered(deployment(container={"image": image}))

    changes, _ = image_changes(
        manifests, placeholder_names(manifests), {"app": "app:kindgate"}, parse_image_options([f"{name}=example.org/web:3"])
    )

    (container,) = (one for item in with_changed_images(manifests, changes).objects for _, one in containers(item))
    assert container["image"] == "example.org/web:3"


def test_an_unknown_image_name_is_refused() -> None:
    """The error lists the existing names."""
    manifests = rendered(deployment(container={"image": TEMPLATE}))

    with pytest.raises(SettingsError, match="--image web: no container has that image") as error:
        image_changes(manifests, placeholder_names(manifests), {}, {"web": "example/web:1"})

    assert error.value.next_step.endswith("app")


@pytest.mark.parametrize("text", ["app", "=x", "app=", "app=Not An Image"])
def test_an_invalid_image_option_is_refused(text: str) -> None:
    """The argument must be NAME=IMAGE."""
    with pytest.raises(SettingsError, match="--image"):
        parse_image_options([text])
