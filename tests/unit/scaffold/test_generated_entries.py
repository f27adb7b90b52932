"""An application without an entry gets one; an application with entries is unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.scaffold.generated_entries import GeneratedEntries, generated_entries
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
        ([exposed("people", ports=[{"name": "ldap-port", "port": 389}])], []),
        ([exposed("cache", ports=[{"name": "x", "port": 80, "targetPort": 6379}])], []),
    ],
    ids=["load balancer", "node port", "cluster ip", "nothing to enter", "not http", "directory", "by target"],
)
def test_services_get_an_ingress(services: list[dict[str, Any]], entered: list[str]) -> None:
    """Services exposed outside the cluster get an entry; without any, all that might speak HTTP do."""
    found = generated_entries(rendered(*services), {})

    assert [item["spec"]["rules"][0]["host"] for item in found.added] == entered
    assert len(found.notes) == len(entered)


def test_pods_without_a_service_get_one() -> None:
    """Pods without a Service get one even next to Services of other pods, but only if a port might speak HTTP."""
    web = deployment(container={"ports": [{"containerPort": 8080}]})

    found = generated_entries(rendered(DATABASE, web), {})

    service_added, way_in = found.added
    assert service_added["spec"]["ports"] == [{"port": 80, "targetPort": 8080}]
    assert service_added["spec"]["selector"] == web["spec"]["template"]["metadata"]["labels"]
    assert way_in["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"] == {"name": "web", "port": {"number": 80}}
    assert generated_entries(rendered(deployment(container={"ports": [{"containerPort": 5432}]})), {}) == GeneratedEntries()
    assert generated_entries(rendered(web, exposed("web", ports=[{"port": 5432}])), {}) == GeneratedEntries()


def test_a_bare_pod_gets_a_service() -> None:
    """The Service of a bare pod selects the pod's own labels."""
    template = deployment()["spec"]["template"]
    pod = {**manifest("Pod", "web", spec=template["spec"]), "metadata": {"name": "web", "namespace": "shop", "labels": {"role": "web"}}}

    service_added, _ = generated_entries(rendered(pod), {}).added

    assert (service_added["spec"]["selector"], service_added["spec"]["ports"][0]["targetPort"]) == ({"role": "web"}, 8080)


@pytest.mark.parametrize(("ports", "target"), [({"example/web:1.0": 3000}, 3000), ({"example/web:1.0": 6379}, None), ({}, None)])
def test_a_container_without_ports_uses_the_dockerfiles_port(ports: dict[str, int], target: int | None) -> None:
    """Manifests often omit the optional `ports:`, so the Dockerfile's port is used."""
    found = generated_entries(rendered(deployment(container={"ports": []})), ports)

    assert [item["spec"]["ports"][0]["targetPort"] for item in found.added if item["kind"] == "Service"] == ([target] if target else [])


@pytest.mark.parametrize(
    ("ports", "chosen"),
    [
        ([{"port": 9000}, {"name": "http", "port": 3000}], {"name": "http"}),
        ([{"name": "metrics", "port": 9100}, {"name": "app", "port": 3000}], {"name": "app"}),
        ([{"port": 9000}, {"port": 8080}], {"number": 8080}),
    ],
)
def test_the_port_that_speaks_http_is_chosen(ports: list[dict[str, Any]], chosen: dict[str, Any]) -> None:
    """The port is chosen by name, otherwise by number."""
    (added,) = generated_entries(rendered(exposed("web", ports=ports)), {}).added

    assert added["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] == chosen
    assert added["metadata"]["namespace"] == "shop"


HOSTLESS = ingress()
HOSTLESS["spec"]["rules"] = [{"http": HOSTLESS["spec"]["rules"][0]["http"]}]
ROUTE = {**manifest("HTTPRoute", "web"), "apiVersion": "gateway.networking.k8s.io/v1"}
TRAEFIK = {**manifest("IngressRoute", "web"), "apiVersion": "traefik.io/v1alpha1"}


@pytest.mark.parametrize("way_in", [ingress(), HOSTLESS, ROUTE, TRAEFIK], ids=["ingress", "without host", "gateway", "traefik"])
def test_an_existing_route_is_used(way_in: dict[str, Any]) -> None:
    """An existing entry is used, and nothing is added."""
    assert generated_entries(rendered(exposed("web", type="LoadBalancer"), way_in), {}) == GeneratedEntries()
