"""The bundled Traefik restarts when a component enables or disables a provider."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kindgate.assets import manifests
from kindgate.deploy.gateways import PROVIDERS_ANNOTATION, with_providers
from tests.unit.deploy.objects import manifest, rendered


def traefik() -> dict[str, Any]:
    """The Deployment of the component ingress-traefik."""
    text = (manifests() / "components" / "ingress-traefik" / "traefik.yaml").read_text()
    return next(item for item in yaml.safe_load_all(text) if item["kind"] == "Deployment")


def switch(name: str, namespace: str = "ingress") -> dict[str, Any]:
    """A component's ConfigMap."""
    return manifest("ConfigMap", name, namespace=namespace)


def marked(*objects: dict[str, Any]) -> str | None:
    """Return the annotation on Traefik's pod template when it is applied with `objects`."""
    (part,) = with_providers([rendered(traefik(), *objects)])
    annotations: dict[str, str] = part.objects[0]["spec"]["template"]["metadata"].get("annotations", {})
    return annotations.get(PROVIDERS_ANNOTATION)


@pytest.mark.parametrize(
    ("names", "mark"),
    [
        ([], None),
        (["gateway-api"], None),
        (["traefik-gateway-api"], "traefik-gateway-api"),
        (["traefik-gateway-api", "traefik-crds", "other"], "traefik-crds,traefik-gateway-api"),
    ],
)
def test_the_pods_are_marked_with_the_switches_that_they_read(names: list[str], mark: str | None) -> None:
    """A changed annotation changes the template, so the Deployment of a kept cluster rolls out again."""
    assert marked(*map(switch, names)) == mark


def test_a_config_map_of_another_namespace_is_no_switch() -> None:
    """Traefik reads only the ConfigMaps in its own namespace."""
    assert marked(switch("traefik-crds", "shop")) is None


def test_a_switch_of_another_part_counts() -> None:
    """A ConfigMap from a part that is applied earlier counts too."""
    before, own = with_providers([rendered(switch("traefik-crds")), rendered(traefik())])

    assert before == rendered(switch("traefik-crds"))
    assert own.objects[0]["spec"]["template"]["metadata"]["annotations"] == {PROVIDERS_ANNOTATION: "traefik-crds"}


def test_another_traefik_is_left_alone() -> None:
    """A Traefik from the application is unchanged."""
    other = {**traefik(), "metadata": {"name": "traefik", "namespace": "shop"}}

    assert with_providers([rendered(other, switch("traefik-crds"))]) == (rendered(other, switch("traefik-crds")),)
