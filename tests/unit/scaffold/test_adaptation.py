"""Objects that an application needs to receive requests are added; existing ones are unchanged."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kindgate.deploy.adapted_overlays import ANNOTATION
from kindgate.deploy.entry_routes import ingress_class
from kindgate.deploy.normalize import normalized
from kindgate.deploy.validate import validate
from kindgate.scaffold.adaptation import adaptation, with_placeholders
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service


def classed(name: str, *, legacy: bool = False) -> dict[str, Any]:
    """An Ingress of a class."""
    item = ingress()
    if legacy:
        item["metadata"]["annotations"] = {"kubernetes.io/ingress.class": name}
    else:
        item["spec"]["ingressClassName"] = name
    return item


@pytest.mark.parametrize("legacy", [True, False])
def test_a_cloud_providers_class_is_served_by_traefik(*, legacy: bool) -> None:
    """The class changes only in the adapted overlay, whether it is set by field or by annotation."""
    source = rendered(service(), classed("alb", legacy=legacy))
    found = adaptation(source)

    (changed,) = found.applied(source).of_kind("Ingress")
    overlay = yaml.safe_load(found.files(["../../k8s"])["kustomization.yaml"])
    (patch,) = overlay["patches"]
    assert ingress_class(changed) == "traefik"
    assert ANNOTATION in overlay["metadata"]["annotations"]
    assert ("remove" in {step["op"] for step in yaml.safe_load(patch["patch"])}) is legacy
    assert "'alb'" in found.notes[0]


@pytest.mark.parametrize("name", ["nginx", "traefik", ""])
def test_a_served_class_is_unchanged(name: str) -> None:
    """A class that comes with the manifests is kept too."""
    assert not adaptation(rendered(classed(name))).needed
    assert not adaptation(rendered(classed("mine"), manifest("IngressClass", "mine", namespace=""))).needed


@pytest.mark.parametrize("namespace", ["shop", ""])
def test_secrets_are_in_the_namespace_of_their_pods(namespace: str) -> None:
    """A Secret without a namespace follows its pods, because an existing cluster's context can set another one."""
    pod = deployment(namespace=namespace, container={"envFrom": [{"secretRef": {"name": "settings"}}]})
    source = rendered(pod)
    (normalized_manifests,) = normalized([source])

    found = with_placeholders(adaptation(source), source, normalized_manifests)

    (secret,) = yaml.safe_load_all(found.files(["../../k8s"])["placeholders.yaml"])
    assert secret["metadata"].get("namespace", "") == namespace
    assert "placeholders.yaml" in yaml.safe_load(found.files(["../../k8s"])["kustomization.yaml"])["resources"]
    (after,) = normalized([found.applied(source)])
    assert not [one for one in validate(after) if one.level == "error"]
