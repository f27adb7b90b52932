"""An Ingress written for ingress-nginx is served as ingress-nginx would."""

from __future__ import annotations

import pytest

from kindgate.deploy.nginx_annotations import with_implied_class
from tests.unit.deploy.objects import Object, ingress, manifest, rendered

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
def test_every_other_ingress_is_left_as_it_is(item: Object) -> None:
    """An explicit class is kept."""
    (part,) = with_implied_class((rendered(NGINX, item),))
    assert part == rendered(NGINX, item)


def test_a_class_that_nothing_serves_is_not_assumed() -> None:
    """Without a controller for the class, the Ingress would not be served at all."""
    (part,) = with_implied_class((rendered(annotated(REWRITE)),))
    assert part == rendered(annotated(REWRITE))
