"""ingress-nginx annotations: those Traefik reads pass; the others are reported together with their effect.

An Ingress that was written for ingress-nginx gets its class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.nginx_annotations import PREFIX, ROUTING, SUPPORTED, nginx_findings, with_implied_class
from kindgate.model import Manifest, ObjectRef, Rendered
from tests.unit.deploy.objects import Object, ingress, manifest, rendered

BY_FIELD: dict[str, Any] = {"ingressClassName": "nginx"}


def nginx_ingress(annotations: dict[str, str], spec: dict[str, Any] | None = None, **more: str) -> Manifest:
    """An Ingress with these ingress-nginx annotations; `more` are full names."""
    full = {**{PREFIX + name: value for name, value in annotations.items()}, **more}
    metadata = {"name": "shop", "namespace": "shop", "annotations": full}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec or {}}


def ingress_class(name: str, controller: str) -> Manifest:
    """An IngressClass."""
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name}, "spec": {"controller": controller}}


TRAEFIK = Rendered(
    Path("before"), (ingress_class("traefik", "traefik.io/ingress-controller"), ingress_class("nginx", "k8s.io/ingress-nginx"))
)
"""The IngressClasses of the component ingress-traefik."""


def findings(*objects: Manifest) -> list[tuple[str, str]]:
    """Return level and message of each finding with the component ingress-traefik applied."""
    return [(finding.level, finding.message) for finding in nginx_findings(Rendered(Path("k8s"), objects), [TRAEFIK])]


def test_a_supported_annotation_has_no_finding() -> None:
    """An annotation that Traefik reads, with a value that ingress-nginx accepts too, has no finding."""
    value = {"backend-protocol": "GRPC", "affinity-mode": "persistent", "proxy-http-version": "1.1", "affinity-canary-behavior": "sticky"}
    found = {
        name: findings(nginx_ingress({name: value.get(name, "true")}, BY_FIELD))
        for name in SUPPORTED - {"server-snippet", "configuration-snippet", "auth-snippet"}
    }

    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("mirror-target", "https://other.example", "requests are not mirrored"),
        ("denylist-source-range", "10.0.0.0/8", "no address is denied"),
        ("load-balance", "ewma", "requests go to the pods round-robin"),
        ("affinity-mode", "balanced", "sessions are persistent"),
        ("proxy-http-version", "1.0", "HTTP/1.1"),
        ("made-up-by-a-fork", "yes", "it has no effect"),
    ],
)
def test_an_unsupported_annotation_is_a_warning_with_its_consequence(name: str, value: str, instead: str) -> None:
    """A warning states the effect, also for unknown annotations and unsupported values."""
    ((level, message),) = findings(nginx_ingress({name: value}, BY_FIELD))

    assert level == "warning"
    assert instead in message


def test_an_inactive_annotation_has_no_finding() -> None:
    """A disabled annotation requests the default behavior."""
    assert findings(nginx_ingress({"enable-modsecurity": "false", "mirror-target": ""}, BY_FIELD)) == []


@pytest.mark.parametrize("protocol", ["FCGI", "AUTO_HTTP", "fcgi"])
def test_an_unsupported_backend_protocol_is_an_error(protocol: str) -> None:
    """Traefik would use a different protocol with the application."""
    ((level, message),) = findings(nginx_ingress({"backend-protocol": protocol}, BY_FIELD))

    assert level == "error"
    assert protocol in message


@pytest.mark.parametrize("annotation", ["server-snippet", "configuration-snippet", "auth-snippet"])
@pytest.mark.parametrize(
    ("snippet", "unknown"),
    [
        ("proxy_pass http://other;", "proxy_pass"),
        ("add_header X-A 1;\nlimit_req zone=a;", "limit_req"),
        ("location /x { root /srv; }", "root"),
        ("if ($host = 'a;b') { sub_filter a b; }", "sub_filter"),
    ],
)
def test_a_snippet_with_an_unknown_directive_is_an_error(annotation: str, snippet: str, unknown: str) -> None:
    """Traefik drops every route of that Ingress, so the finding names the directive and the workaround."""
    ((level, message),) = findings(nginx_ingress({annotation: snippet}, BY_FIELD))

    assert level == "error"
    assert f" {unknown} " in message
    assert "--app-component ingress-nginx" in message


@pytest.mark.parametrize(
    "snippet",
    [
        'more_set_headers "X-Frame-Options: DENY; proxy_pass";',
        "rewrite ^/old/(.*)$ /new/$1 last;\nreturn 302 https://$host$request_uri;",
        "# proxy_pass http://other;\nset $a 'b # c';",
        "location ~ ^/(?<name>.+)$ {\n  return 200 ok;\n}",
        "set $prefix ${host};",
        "",
    ],
)
def test_a_snippet_with_supported_directives_has_no_finding(snippet: str) -> None:
    """Quoted strings and comments are not read as directives, and nested blocks are checked."""
    assert findings(nginx_ingress({"configuration-snippet": snippet}, BY_FIELD)) == []


@given(st.text())
def test_any_snippet_can_be_parsed(snippet: str) -> None:
    """No snippet makes validation crash."""
    assert all(level == "error" for level, _ in findings(nginx_ingress({"server-snippet": snippet}, BY_FIELD)))


@pytest.mark.parametrize("named", [BY_FIELD, {}])
def test_the_class_is_read_from_the_field_or_the_older_annotation(named: dict[str, Any]) -> None:
    """The field and the older annotation both select class nginx."""
    older = {} if named else {"kubernetes.io/ingress.class": "nginx"}
    item = nginx_ingress({"rewrite-target": "/", "mirror-target": "x"}, named, **older)

    assert [level for level, _ in findings(item)] == ["warning"]


def test_a_class_is_identified_by_its_controller() -> None:
    """A class with the nginx controller counts as nginx under any name, as with two nginx controllers."""
    internal = ingress_class("internal", "k8s.io/ingress-nginx")
    item = nginx_ingress({"mirror-target": "x"}, {"ingressClassName": "internal"})

    assert [level for level, _ in findings(internal, item)] == ["warning"]
    assert findings(item) == []


@pytest.mark.parametrize("spec", [{}, {"ingressClassName": "traefik"}])
def test_a_routing_annotation_without_the_class_is_an_error(spec: dict[str, Any]) -> None:
    """The default class ignores the annotation, so requests would be routed elsewhere."""
    for name in ROUTING:
        ((level, message),) = findings(nginx_ingress({name: "/api"}, spec))

        assert level == "error", name
        assert "ingressClassName: nginx" in message, name


def test_other_annotations_without_the_class_are_warnings() -> None:
    """Without the class, other annotations are warnings, including routing annotations without an effect."""
    item = nginx_ingress({"proxy-body-size": "8m", "use-regex": "false", "backend-protocol": "HTTP"})

    assert [level for level, _ in findings(item)] == ["warning"] * 3


def test_an_ingress_of_another_class_has_no_finding() -> None:
    """Another controller might read the annotations."""
    assert findings(nginx_ingress({"rewrite-target": "/"}, {"ingressClassName": "kong"})) == []


@pytest.mark.parametrize(("path_type", "expected"), [("Prefix", 1), ("Exact", 1), ("ImplementationSpecific", 0)])
def test_a_pattern_in_a_prefix_or_exact_path_is_a_warning(path_type: str, expected: int) -> None:
    """Traefik accepts the pattern, as ingress-nginx did before 1.12; newer versions reject it."""
    paths = [{"path": "/api(/|$)(.*)", "pathType": path_type}, {"path": "/plain-1.0/x", "pathType": path_type}]
    item = nginx_ingress({"rewrite-target": "/$2"}, {**BY_FIELD, "rules": [{"http": {"paths": paths}}]})

    findings = nginx_findings(Rendered(Path("k8s"), (item,)), [TRAEFIK])

    assert [finding.path for finding in findings] == ["spec.rules[0].http.paths[0].pathType"] * expected
    assert all(finding.level == "warning" for finding in findings)


def test_nothing_is_reported_if_ingress_nginx_is_applied() -> None:
    """With ingress-nginx applied, every annotation is read."""
    container = {"name": "controller", "image": "registry.k8s.io/ingress-nginx/controller:v1.15.1"}
    controller = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "ingress-nginx"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }

    assert findings(controller, nginx_ingress({"mirror-target": "x"}, BY_FIELD)) == []


def test_an_ingress_of_another_api_group_is_ignored() -> None:
    """Only the Kubernetes Ingress has nginx annotations."""
    assert findings({**nginx_ingress({"mirror-target": "x"}, BY_FIELD), "apiVersion": "networking.internal.knative.dev/v1"}) == []


def test_a_finding_names_file_object_and_annotation() -> None:
    """A finding includes the file, the object and the annotation."""
    item = nginx_ingress({"mirror-target": "x"}, BY_FIELD)

    (finding,) = nginx_findings(Rendered(Path("k8s"), (item,), {ObjectRef.of(item): "k8s/ingress.yaml"}), [TRAEFIK])

    assert (finding.file, str(finding.object)) == ("k8s/ingress.yaml", "Ingress shop/shop")
    assert finding.path == "metadata.annotations[nginx.ingress.kubernetes.io/mirror-target]"


def test_nothing_is_reported_without_traefik() -> None:
    """Without Traefik the controller is unknown, so nothing is reported."""
    assert nginx_findings(Rendered(Path("k8s"), (nginx_ingress({"rewrite-target": "/"}),))) == ()


REWRITE = {"nginx.ingress.kubernetes.io/rewrite-target": "/"}
NGINX = manifest("IngressClass", "nginx", namespace="", api_version="networking.k8s.io/v1", spec={"controller": "k8s.io/ingress-nginx"})


def annotated(annotations: dict[str, str], **spec: str) -> Object:
    """An Ingress with annotations."""
    item = ingress(**spec)
    item["metadata"]["annotations"] = annotations
    return item


def test_annotations_of_ingress_nginx_imply_its_class() -> None:
    """The class is implied even if it comes from another part, and the run reports it."""
    classes, part = with_implied_class((rendered(NGINX), rendered(annotated(REWRITE))))
    assert part.objects[0]["spec"]["ingressClassName"] == "nginx"
    assert part.notes == ("Ingress shop/web has ingress-nginx annotations but no class: assuming class nginx",)
    assert classes == rendered(NGINX)


@pytest.mark.parametrize(
    "item",
    [
        ingress(),
        annotated({"example.dev/owner": "me"}),
        annotated(REWRITE, ingressClassName="traefik"),
        annotated({**REWRITE, "kubernetes.io/ingress.class": "traefik"}),
    ],
    ids=["no-annotation", "other-annotation", "class", "class-by-annotation"],
)
def test_an_ingress_with_a_class_or_without_nginx_annotations_is_unchanged(item: Object) -> None:
    """An explicit class is kept."""
    (part,) = with_implied_class((rendered(NGINX, item),))
    assert part == rendered(NGINX, item)


def test_an_unserved_class_is_not_assumed() -> None:
    """Without a controller for the class, the Ingress would not be served at all."""
    (part,) = with_implied_class((rendered(annotated(REWRITE)),))
    assert part == rendered(annotated(REWRITE))
