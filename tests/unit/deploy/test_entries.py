"""Entries: the host and path requested for each route into the application."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.entries import PATH_ANNOTATION, Entry, PathSource, entries_of, read_entries
from kindgate.deploy.entry_routes import HostRoute
from kindgate.model import ObjectRef
from tests.unit.deploy.objects import Object, deployment, ingress, manifest, rendered, service


def probed(path: str, port: object = "http", **probe: Any) -> Object:
    """The Deployment with a readiness probe."""
    return deployment(container={"readinessProbe": {"httpGet": {"path": path, "port": port, **probe}}})


def routed(*paths: str, host: str = "shop.localhost", kind: str = "Prefix", annotation: str = "", **metadata: Any) -> Object:
    """An Ingress that routes these paths of one host to the Service web; `annotation` lists the paths to request."""
    backend = {"service": {"name": "web", "port": {"name": "http"}}}
    rule: Object = {"http": {"paths": [{"path": path, "pathType": kind, "backend": backend} for path in paths]}}
    item = manifest("Ingress", "web", api_version="networking.k8s.io/v1", spec={"rules": [{**rule, **({"host": host} if host else {})}]})
    item["metadata"]["annotations"] = {**({PATH_ANNOTATION: annotation} if annotation else {}), **metadata}
    return item


def entries_of_objects(*objects: Object, existing: bool = False) -> list[tuple[str, str]]:
    """Return host and path of each entry."""
    return [(entry.host, entry.path) for entry in entries_of(rendered(*objects), existing=existing)]


def problems(*objects: Object) -> list[str]:
    """Return the messages about routes that are not entries."""
    return [finding.message for finding in read_entries(rendered(*objects)).findings]


APP = (probed("/"), service())
HEALTH = (probed("/healthz"), service())


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ((*APP, routed("/")), [("shop.localhost", "/")]),
        ((*APP, routed("/tea", "/coffee")), [("shop.localhost", "/tea"), ("shop.localhost", "/coffee")]),
        ((*APP, routed("/foo", "/bar", host="")), [("", "/foo"), ("", "/bar")]),
        ((*APP, routed("/", host="*.shop.localhost")), [("kindgate.shop.localhost", "/")]),
        ((*APP, ingress(path="/a"), routed("/a")), [("shop.localhost", "/a")]),
    ],
    ids=["root", "two-paths", "no-host", "wildcard", "the-same-twice"],
)
def test_every_routed_path_is_an_entry(objects: tuple[Object, ...], expected: list[tuple[str, str]]) -> None:
    """Every routed path is an entry, with or without a host."""
    assert entries_of_objects(*objects) == expected


def test_a_default_backend_is_an_entry_of_any_host() -> None:
    """An Ingress with only a default backend is an entry for any host."""
    spec = {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}
    assert entries_of_objects(*APP, manifest("Ingress", "web", api_version="networking.k8s.io/v1", spec=spec)) == [("", "/")]


@pytest.mark.parametrize(
    ("objects", "path", "source"),
    [
        ((*HEALTH, routed("/")), "/healthz", PathSource.PROBE),
        ((*HEALTH, routed("/", annotation="/")), "/", PathSource.ANNOTATION),
        ((*HEALTH, routed("/", annotation="v1/items")), "/v1/items", PathSource.ANNOTATION),
        ((*HEALTH, routed("/api")), "/api", PathSource.ROUTE),
        ((probed("/api/health"), service(), routed("/api")), "/api/health", PathSource.PROBE),
        ((*HEALTH, routed("/", kind="Exact")), "/", PathSource.ROUTE),
        ((probed("/healthz", 8080), service(), routed("/")), "/healthz", PathSource.PROBE),
        ((probed("/healthz", 9090), service(), routed("/")), "/", PathSource.ROUTE),
        ((probed("/healthz", scheme="HTTPS"), service(), routed("/")), "/", PathSource.ROUTE),
        ((probed("/healthz", httpHeaders=[{"name": "Host", "value": "x"}]), service(), routed("/")), "/", PathSource.ROUTE),
        ((*HEALTH, routed("/", **{"nginx.ingress.kubernetes.io/rewrite-target": "/"})), "/", PathSource.ROUTE),
    ],
    ids=[
        *("probe", "annotation-wins", "annotation-without-slash", "probe-not-routed", "probe-below-the-path", "exact"),
        *("probe-by-number", "probe-of-another-port", "probe-by-https", "probe-with-headers", "rewritten"),
    ],
)
def test_the_path_comes_from_the_annotation_then_the_probe_then_the_route(
    objects: tuple[Object, ...], path: str, source: PathSource
) -> None:
    """A probe's path is used only if the route leads it to the probed port."""
    (entry,) = entries_of(rendered(*objects))
    assert (entry.path, entry.source) == (path, source)


def test_a_probe_path_served_by_another_route_is_not_used() -> None:
    """If a longer route serves `/healthz`, the route `/` is requested at `/`."""
    assert entries_of_objects(*HEALTH, routed("/", "/healthz")) == [("shop.localhost", "/"), ("shop.localhost", "/healthz")]


def test_the_annotation_can_name_several_paths() -> None:
    """Each path in the annotation is requested on the route that serves it; a route with no such path keeps its own."""
    item = routed("/", "/api", "/static", annotation="/home /api/v1/items /api/v1/users")
    assert entries_of_objects(*APP, item) == [
        ("shop.localhost", "/home"),
        ("shop.localhost", "/api/v1/items"),
        ("shop.localhost", "/api/v1/users"),
        ("shop.localhost", "/static"),
    ]


def test_a_regular_expression_without_an_annotation_is_a_finding() -> None:
    """A matching path for a regular expression cannot be guessed; the annotation can name one."""
    item = routed("/api(/|$)(.*)", kind="ImplementationSpecific")
    assert entries_of_objects(*APP, item) == []
    assert problems(*APP, item) == [
        "not requested: /api(/|$)(.*) is a regular expression; set a matching path in the annotation kindgate.dev/path"
    ]
    assert entries_of_objects(*APP, routed("/api(/|$)(.*)", kind="ImplementationSpecific", annotation="/api/items")) == [
        ("shop.localhost", "/api/items")
    ]


@pytest.mark.parametrize("kind", ["Prefix", "Exact"])
@pytest.mark.parametrize("name", ["use-regex", "rewrite-target"])
def test_nginx_annotations_turn_paths_of_any_type_into_regular_expressions(kind: str, name: str) -> None:
    """`/api(/|$)(.*)` with pathType Prefix is common with nginx annotations; without them the path is literal."""
    switched = {f"nginx.ingress.kubernetes.io/{name}": "true"}
    pattern, off = "/api(/|$)(.*)", {"nginx.ingress.kubernetes.io/use-regex": "false"}

    assert entries_of_objects(*APP, routed(pattern, kind=kind, **switched)) == []
    assert entries_of_objects(*APP, routed(pattern, kind=kind, annotation="/api/items", **switched)) == [("shop.localhost", "/api/items")]
    assert entries_of_objects(*APP, routed(pattern, kind=kind, **off)) == [("shop.localhost", pattern)]


NO_PORT = service(ports=[{"name": "grpc", "port": 90}])
OTHER = service(selector={"app": "other"})


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ((probed("/"), routed("/")), "Service shop/web was not found in the manifests"),
        ((probed("/"), NO_PORT, routed("/")), "Service shop/web has no port http"),
        ((probed("/"), OTHER, routed("/")), "Service shop/web selects no pod in the manifests"),
        ((deployment(replicas=0), service(), routed("/")), "the pods behind Service shop/web are scaled to 0"),
        ((*APP, ingress(ingressClassName="alb")), "no installed ingress controller serves the class alb (classes: none)"),
        (
            (*APP, routed("/", **{"kubernetes.io/ingress.class": "nginx"})),
            "no installed ingress controller serves the class nginx (classes: none)",
        ),
    ],
    ids=["no-service", "no-port", "no-pods", "scaled-to-0", "class", "class-by-annotation"],
)
def test_a_route_without_a_reachable_backend_is_a_finding(objects: tuple[Object, ...], message: str) -> None:
    """An unanswerable route would be waited for until the deadline; on an existing cluster the missing object might exist."""
    assert entries_of_objects(*objects) == []
    assert problems(*objects) == [f"not requested: {message}"]
    assert entries_of_objects(*objects, existing=True) == [("shop.localhost", "/")]


def test_a_custom_resource_may_create_the_pods() -> None:
    """An operator's pods are in no manifest, so the route is an entry."""
    database = manifest("Cluster", "db", api_version="postgresql.cnpg.io/v1", spec={"instances": 1})
    assert entries_of_objects(probed("/"), OTHER, database, routed("/")) == [("shop.localhost", "/")]


def test_an_ingress_class_in_the_manifests_is_served() -> None:
    """A class from the overlay, a component or the prerequisites is served."""
    nginx = manifest("IngressClass", "nginx", namespace="", api_version="networking.k8s.io/v1", spec={"controller": "k8s.io/ingress-nginx"})
    assert entries_of_objects(*APP, nginx, ingress(ingressClassName="nginx")) == [("shop.localhost", "/")]
    assert len(entries_of(rendered(*APP, ingress(ingressClassName="nginx")), [rendered(nginx)])) == 1


@pytest.mark.parametrize(
    ("tls", "schemes"), [([{"hosts": ["shop.localhost"]}], "https"), ([{}], "https"), ([{"hosts": ["a"]}], "http"), ([], "http")]
)
def test_a_host_with_a_certificate_has_tls(tls: list[Object], schemes: str) -> None:
    """A `tls` item without hosts applies to all of them."""
    (entry,) = entries_of(rendered(*APP, ingress(tls=tls)))
    assert ("https" if entry.tls else "http") == schemes


def http_route(**spec: Any) -> Object:
    """An HTTPRoute of the Gateway edge/main to the Service web."""
    rule = {"backendRefs": [{"name": "web", "port": 80}]}
    parents = [{"name": "main", "namespace": "edge"}]
    return manifest("HTTPRoute", "web", api_version="gateway.networking.k8s.io/v1", spec={"parentRefs": parents, "rules": [rule], **spec})


def gateway(*listeners: Object) -> Object:
    """The Gateway edge/main."""
    ports = listeners or ({"name": "http", "port": 80, "protocol": "HTTP"},)
    return manifest("Gateway", "main", namespace="edge", api_version="gateway.networking.k8s.io/v1", spec={"listeners": list(ports)})


BACKENDS = {"backendRefs": [{"name": "web", "port": 80}]}
PREFIX = {"path": {"type": "PathPrefix", "value": "/api"}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"hostnames": ["shop.localhost"]}, [("shop.localhost", "/")]),
        ({}, [("", "/")]),
        ({"rules": [{"matches": [PREFIX, {"path": {"type": "Exact", "value": "/b"}}], **BACKENDS}]}, [("", "/api"), ("", "/b")]),
        ({"rules": [{"matches": [{"path": {"type": "RegularExpression", "value": "/a.*"}}], **BACKENDS}]}, []),
        ({"rules": [{"matches": [{**PREFIX, "method": "POST"}, {**PREFIX, "headers": [{"name": "a", "value": "b"}]}], **BACKENDS}]}, []),
        ({"rules": [{"filters": [{"type": "RequestRedirect"}]}]}, []),
        ({"parentRefs": [{"name": "other"}]}, []),
    ],
    ids=["host", "no-host", "paths", "regex", "by-method-and-header", "redirect", "no-gateway"],
)
def test_an_http_route_is_an_entry(spec: Object, expected: list[tuple[str, str]]) -> None:
    """HTTPRoutes become entries, as Ingresses do."""
    assert entries_of_objects(*APP, gateway(), http_route(**spec)) == expected


def test_a_gateways_listener_defines_host_and_tls() -> None:
    """A route without hostnames uses those of the listeners."""
    (entry,) = entries_of(rendered(*APP, gateway({"hostname": "shop.localhost", "protocol": "HTTPS", "port": 443}), http_route()))
    assert (entry.host, entry.tls) == ("shop.localhost", True)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Host(`shop.localhost`)", [("shop.localhost", "/")]),
        ("Host(`shop.localhost`) && PathPrefix(`/api`)", [("shop.localhost", "/api")]),
        ("(Host(`shop.localhost`) && Path(`/x`))", [("shop.localhost", "/x")]),
        ("PathPrefix(`/`)", [("", "/")]),
        ("Host(`a`) || Host(`b`)", []),
        ("HostRegexp(`.+`)", []),
        ("Host(`a`) && Headers(`X`, `y`)", []),
    ],
    ids=["host", "prefix", "path", "no-host", "or", "regex", "headers"],
)
def test_an_ingress_route_with_one_host_and_one_path_is_an_entry(rule: str, expected: list[tuple[str, str]]) -> None:
    """A rule more complex than one host and one path is not guessed at."""
    route = {"match": rule, "kind": "Rule", "services": [{"name": "web", "port": 80}]}
    assert (
        entries_of_objects(*APP, manifest("IngressRoute", "web", api_version="traefik.io/v1alpha1", spec={"routes": [route]})) == expected
    )


def test_a_kind_of_another_group_is_not_an_entry() -> None:
    """An Ingress of another API group, as in OpenShift, routes nothing."""
    assert entries_of_objects(*APP, {**routed("/"), "apiVersion": "config.openshift.io/v1"}) == []


@pytest.mark.parametrize(
    ("host", "path", "label"),
    [("a.localhost", "/", "a.localhost"), ("a.localhost", "/tea", "a.localhost/tea"), ("", "/", "*"), ("", "/tea", "*/tea")],
)
def test_an_entrys_label_is_host_and_path(host: str, path: str, label: str) -> None:
    """The name of an entry is its host and path, so two paths of a host are reported apart."""
    ref = ObjectRef("Ingress", "shop", "web")
    assert Entry(host, path, tls=False, source=PathSource.ROUTE, object=ref, service=None, route_path="/").label == label


SEGMENTS = st.lists(st.text("ab", min_size=1, max_size=2), max_size=3)


@given(SEGMENTS, SEGMENTS)
def test_a_prefix_matches_element_by_element(prefix: list[str], path: list[str]) -> None:
    """As the Ingress API defines it, /aa is not a prefix of /aab."""
    route = HostRoute(ObjectRef("Ingress", "", "x"), "", "", "/" + "/".join(prefix))
    assert route.matches("/" + "/".join(path)) == (path[: len(prefix)] == prefix)
