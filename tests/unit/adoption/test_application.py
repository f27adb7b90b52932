"""What the rendered overlay tells about how it is to be judged."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.adoption.application import look_at, short_name, without_tag
from kindgate.errors import ManifestError
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service


def classed(name: str) -> dict[str, Any]:
    """An Ingress of a class."""
    item = ingress()
    item["spec"]["ingressClassName"] = name
    return item


def second(image: str) -> dict[str, Any]:
    """Another Deployment, of `image`."""
    item = deployment(container={"image": image})
    item["metadata"]["name"] = "second"
    return item


def test_a_plain_application_gets_an_ingress_controller_and_prometheus() -> None:
    """Its own image is the only one there is."""
    found = look_at(rendered(deployment(), service(), ingress()), builds_image=True, names=())

    assert found.hosts
    assert found.components == ("ingress-traefik", "prometheus")
    assert found.image == "example/web:1.0"
    assert found.notes == ()


def test_what_the_overlay_brings_is_not_added() -> None:
    """A controller with its class, and a Prometheus."""
    prometheus = deployment()
    prometheus["metadata"]["name"] = "prometheus"
    whole = rendered(classed("mine"), manifest("IngressClass", "mine", namespace=""), prometheus)

    assert look_at(whole, builds_image=False, names=()).components == ()


def test_a_class_that_nothing_serves_is_told() -> None:
    """A cloud's own controller does not run in a KinD cluster."""
    found = look_at(rendered(classed("alb")), builds_image=False, names=())

    assert found.components == ("prometheus",)
    assert "'alb'" in found.notes[0]


def test_an_application_that_nothing_leads_to_is_refused() -> None:
    """With an Ingress to copy."""
    with pytest.raises(ManifestError, match="no Ingress") as caught:
        look_at(rendered(deployment()), builds_image=False, names=())

    assert "kind: Ingress" in caught.value.next_step


@pytest.mark.parametrize(("names", "image"), [(("web",), "example/web:1.0"), (("redis",), "redis:7"), ((), ""), (("shop",), "")])
def test_among_several_images_the_one_named_like_the_repository_is_its_own(names: tuple[str, ...], image: str) -> None:
    """Else a person is asked."""
    found = look_at(rendered(deployment(), second("redis:7"), ingress()), builds_image=True, names=names)

    assert found.image == image
    assert bool(found.notes) is (not image)


@pytest.mark.parametrize(
    ("image", "short", "bare"),
    [
        ("shop", "shop", "shop"),
        ("shop:1.2", "shop", "shop"),
        ("example.org:5000/team/shop:1.2", "shop", "example.org:5000/team/shop"),
        ("example.org/shop@sha256:" + "a" * 64, "shop", "example.org/shop"),
    ],
)
def test_an_images_name_is_taken_apart(image: str, short: str, bare: str) -> None:
    """A port is no tag."""
    assert (short_name(image), without_tag(image)) == (short, bare)
