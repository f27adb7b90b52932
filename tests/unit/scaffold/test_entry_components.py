"""The components are chosen by the objects that route requests into the application."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.scaffold.manifest_facts import entry_components
from tests.unit.deploy.objects import ingress, manifest, rendered


def classed(name: str, *, by_annotation: bool = False) -> dict[str, Any]:
    """An Ingress of a class, set by field or by the older annotation."""
    item = ingress()
    if by_annotation:
        item["metadata"]["annotations"] = {"kubernetes.io/ingress.class": name}
    else:
        item["spec"]["ingressClassName"] = name
    return item


def of_group(group: str, kind: str) -> dict[str, Any]:
    """A route of another API group."""
    return {**manifest(kind, "route"), "apiVersion": f"{group}/v1"}


@pytest.mark.parametrize("name", ["nginx", "traefik"])
@pytest.mark.parametrize("by_annotation", [True, False])
def test_traefik_serves_its_own_class_and_nginx(name: str, *, by_annotation: bool) -> None:
    """Traefik serves both classes, whether set by field or by annotation."""
    assert entry_components(rendered(classed(name, by_annotation=by_annotation))) == (("ingress-traefik",), ())


def test_an_ingress_without_a_class_is_served_by_the_default() -> None:
    """Without a class, the default class applies; without an Ingress, no controller is needed."""
    assert entry_components(rendered(ingress())) == (("ingress-traefik",), ())
    assert entry_components(rendered()) == ((), ())


@pytest.mark.parametrize("by_annotation", [True, False])
def test_an_unserved_class_is_noted(*, by_annotation: bool) -> None:
    """A cloud's own controller does not run in a KinD cluster."""
    components, (note,) = entry_components(rendered(classed("alb", by_annotation=by_annotation)))

    assert components == ()
    assert "'alb'" in note


@pytest.mark.parametrize(
    ("group", "kind", "component"),
    [("gateway.networking.k8s.io", "HTTPRoute", "gateway-api"), ("traefik.io", "IngressRoute", "traefik-crds")],
)
def test_other_routes_need_their_provider_and_traefik(group: str, kind: str, component: str) -> None:
    """The provider needs the controller too."""
    assert entry_components(rendered(of_group(group, kind))) == (tuple(sorted((component, "ingress-traefik"))), ())


def test_a_kind_of_another_group_needs_nothing() -> None:
    """An `HTTPRoute` of another API group belongs to another controller."""
    assert entry_components(rendered(of_group("example.org", "HTTPRoute"))) == ((), ())


@pytest.mark.parametrize("kind", ["IngressClass", "GatewayClass"])
def test_an_overlay_with_its_own_class_needs_no_controller(kind: str) -> None:
    """An overlay with its own IngressClass has its own controller."""
    group = "networking.k8s.io" if kind == "IngressClass" else "gateway.networking.k8s.io"
    own = {**manifest(kind, "mine", namespace=""), "apiVersion": f"{group}/v1"}

    assert entry_components(rendered(own, classed("mine"))) == ((), ())
