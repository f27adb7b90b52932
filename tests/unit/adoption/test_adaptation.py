"""What an application lacks to be entered is added; what it has is left alone."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kindgate.adoption.adaptation import adaptation
from kindgate.deploy.adapted import ANNOTATION
from kindgate.deploy.ingress_routes import ingress_class
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service


def exposed(name: str, **spec: Any) -> dict[str, Any]:
    """A Service with a selector."""
    item = service()
    item["metadata"]["name"] = name
    item["spec"] = {"selector": {"app": name}, "ports": [{"port": 80}], **spec}
    return item


DATABASE = exposed("db", ports=[{"port": 5432}])


@pytest.mark.parametrize(
    ("services", "entered"),
    [
        ([exposed("web", type="LoadBalancer"), exposed("api")], ["web.localhost"]),
        ([exposed("web", type="NodePort"), DATABASE], ["web.localhost"]),
        ([exposed("web"), exposed("api"), DATABASE], ["web.localhost", "api.localhost"]),
        ([exposed("web", clusterIP="None"), exposed("ext", type="ExternalName"), exposed("manual", selector=None)], []),
        ([exposed("rpc", ports=[{"name": "grpc", "port": 8080}]), exposed("dns", ports=[{"port": 8053, "protocol": "UDP"}])], []),
        ([exposed("cache", ports=[{"name": "x", "port": 80, "targetPort": 6379}])], []),
    ],
    ids=["load balancer", "node port", "cluster ip", "nothing to enter", "not http", "by target"],
)
def test_services_get_a_way_in(services: list[dict[str, Any]], entered: list[str]) -> None:
    """Those that are reached from outside; else all that may speak HTTP."""
    found = adaptation(rendered(deployment(), *services))

    assert [item["spec"]["rules"][0]["host"] for item in found.added] == entered
    assert found.needed is bool(entered)


def test_pods_without_any_service_get_one() -> None:
    """A Deployment alone can be judged; one whose pods have no port cannot."""
    web = deployment(container={"ports": [{"containerPort": 8080}]})

    found = adaptation(rendered(web))

    made, way_in = found.added
    assert made["spec"]["ports"] == [{"port": 80, "targetPort": 8080}]
    assert made["spec"]["selector"] == web["spec"]["template"]["metadata"]["labels"]
    assert way_in["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"] == {"name": "web", "port": {"number": 80}}
    assert not adaptation(rendered(deployment(container={"ports": []}))).needed
    assert not adaptation(rendered(deployment(container={"ports": [{"containerPort": 5432}]}))).needed


@pytest.mark.parametrize(
    ("ports", "chosen"),
    [
        ([{"port": 9000}, {"name": "http", "port": 3000}], {"name": "http"}),
        ([{"name": "metrics", "port": 9100}, {"name": "app", "port": 3000}], {"name": "app"}),
        ([{"port": 9000}, {"port": 8080}], {"number": 8080}),
    ],
)
def test_the_port_that_speaks_http_is_chosen(ports: list[dict[str, Any]], chosen: dict[str, Any]) -> None:
    """By its name, else by its number."""
    (added,) = adaptation(rendered(exposed("web", ports=ports))).added

    assert added["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] == chosen
    assert added["metadata"]["namespace"] == "shop"


HOSTLESS = ingress()
HOSTLESS["spec"]["rules"] = [{"http": HOSTLESS["spec"]["rules"][0]["http"]}]
ROUTE = {**manifest("HTTPRoute", "web"), "apiVersion": "gateway.networking.k8s.io/v1"}
TRAEFIK = {**manifest("IngressRoute", "web"), "apiVersion": "traefik.io/v1alpha1"}


@pytest.mark.parametrize("way_in", [ingress(), HOSTLESS, ROUTE, TRAEFIK], ids=["ingress", "without host", "gateway", "traefik"])
def test_a_way_in_that_is_there_is_used(way_in: dict[str, Any]) -> None:
    """Nothing is added beside it."""
    assert not adaptation(rendered(exposed("web", type="LoadBalancer"), way_in)).needed


def classed(name: str, *, legacy: bool = False) -> dict[str, Any]:
    """An Ingress of a class."""
    item = ingress()
    if legacy:
        item["metadata"]["annotations"] = {"kubernetes.io/ingress.class": name}
    else:
        item["spec"]["ingressClassName"] = name
    return item


@pytest.mark.parametrize("legacy", [True, False])
def test_a_class_of_a_cloud_is_served_by_traefik(*, legacy: bool) -> None:
    """In the adapted overlay alone, by field and by annotation."""
    source = rendered(exposed("web"), classed("alb", legacy=legacy))
    found = adaptation(source)

    (changed,) = found.applied(source).of_kind("Ingress")
    overlay = yaml.safe_load(found.files(["../../k8s"])["kustomization.yaml"])
    (patch,) = overlay["patches"]
    assert ingress_class(changed) == "traefik"
    assert ANNOTATION in overlay["metadata"]["annotations"]
    assert ("remove" in {step["op"] for step in yaml.safe_load(patch["patch"])}) is legacy
    assert "'alb'" in found.notes[0]


@pytest.mark.parametrize("name", ["nginx", "traefik", ""])
def test_a_class_that_is_served_stays(name: str) -> None:
    """A class that the manifests bring themselves stays too."""
    assert not adaptation(rendered(classed(name))).needed
    assert not adaptation(rendered(classed("mine"), manifest("IngressClass", "mine", namespace=""))).needed
