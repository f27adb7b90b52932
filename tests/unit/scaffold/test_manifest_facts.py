"""Choices derived from the rendered overlay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ManifestError
from kindgate.scaffold.builds import Build, Builds
from kindgate.scaffold.manifest_facts import application_of, entry_components, images_of, refuse_templates
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service

BUILDS = Builds((), ())


def test_a_plain_application_gets_an_ingress_controller_and_prometheus() -> None:
    """An application with only an Ingress gets a controller and Prometheus."""
    found = application_of(rendered(deployment(), service(), ingress()), BUILDS)

    assert found.hosts
    assert found.components == ("ingress-traefik", "prometheus")
    assert found.notes == ()


def test_components_in_the_overlay_are_not_added() -> None:
    """A controller with its class and a Prometheus in the overlay are not added again."""
    prometheus = deployment()
    prometheus["metadata"]["name"] = "prometheus"
    manifests = rendered(classed("mine"), manifest("IngressClass", "mine", namespace=""), prometheus)

    assert application_of(manifests, BUILDS).components == ()


def test_an_unserved_class_is_reported() -> None:
    """A cloud's own controller does not run in a KinD cluster."""
    found = application_of(rendered(classed("alb")), BUILDS)

    assert found.components == ("prometheus",)
    assert "'alb'" in found.notes[0]


def test_an_unreachable_application_is_refused() -> None:
    """The error names the missing object."""
    with pytest.raises(ManifestError, match="nothing routes requests to it"):
        application_of(rendered(deployment()), BUILDS)


def test_builds_and_images_are_those_of_the_manifests() -> None:
    """Every container's image is listed once, including init containers."""
    pod = deployment(container={"image": "redis:7"})
    pod["metadata"]["name"] = "second"
    build = Build("example/web", "web:kindgate", Path())

    found = application_of(rendered(deployment(), pod, ingress()), Builds((build,), ("a note",)))

    assert (found.builds, found.notes) == ((build,), ("a note",))
    assert images_of(rendered(deployment(), pod, deployment())) == ("example/web:1.0", "redis:7")


@pytest.mark.parametrize(
    ("kind", "name", "namespace"),
    [
        ("ConfigMap", "APP_NAME", "shop"),
        ("Service", "${APP}-service", "shop"),
        ("ConfigMap", "{{ name }}", "shop"),
        ("ConfigMap", "web", "NAMESPACE"),
        ("ConfigMap", "__NAME__", "shop"),
    ],
)
def test_names_that_a_pipeline_replaces_are_refused_in_one_line(kind: str, name: str, namespace: str) -> None:
    """The error has the placeholders and their file, because every other problem of such manifests follows from them."""
    with pytest.raises(ManifestError, match="placeholders for a pipeline to replace") as error:
        refuse_templates(rendered(deployment(), manifest(kind, name, namespace=namespace)))

    assert f"app/{name}.yaml" in error.value.message
    assert "--overlay" in error.value.next_step


@pytest.mark.parametrize("item", [manifest("ClusterRole", "READER", namespace=""), manifest("ConfigMap", "Web"), deployment()])
def test_valid_and_merely_invalid_names_are_left_to_validation(item: dict[str, Any]) -> None:
    """Validation knows the naming rule of each kind, and the line."""
    refuse_templates(rendered(item))


def test_a_build_of_a_replaced_image_is_omitted() -> None:
    """`--app-image` rejects a name that no manifest uses, so the build is dropped."""
    builds = Builds((Build("example/other", "other:kindgate", Path()),), ())

    assert application_of(rendered(deployment(), service(), ingress()), builds).builds == ()


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
