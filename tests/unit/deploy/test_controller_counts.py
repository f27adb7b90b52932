"""The controller's request counts show whether the application or the controller sent a 404."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.deploy.ingress_readiness import service_response_counter, service_responses
from kindgate.model import ClusterAddress

TRAEFIK = """\
# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="200",method="GET",protocol="http",service="shop-web-80@kubernetes"} 7
traefik_service_requests_total{code="404",method="GET",protocol="http",service="shop-web-80@kubernetes"} 2
traefik_service_requests_total{code="404",method="GET",protocol="http",service="other-web-80@kubernetes"} 3
traefik_service_requests_total{code="404",method="GET",protocol="http",service="ping@internal"} 5
traefik_entrypoint_requests_total{code="404",entrypoint="web",method="GET",protocol="http"} 40
"""
NGINX = """\
nginx_ingress_controller_requests{host="a",ingress="web",namespace="shop",service="web",status="404"} 4
nginx_ingress_controller_requests{host="_",ingress="",namespace="",service="",status="404"} 9
nginx_ingress_controller_requests{host="a",ingress="web",namespace="shop",service="web",status="200"} 1e+02
"""


@pytest.mark.parametrize(
    ("metrics", "status", "count"),
    [(TRAEFIK, 404, 5), (TRAEFIK, 200, 7), (TRAEFIK, 500, 0), (NGINX, 404, 4), (NGINX, 200, 100), ("", 404, 0)],
)
def test_only_answers_of_services_are_counted(metrics: str, status: int, count: float) -> None:
    """Responses that the controller generates itself have no Service and are not counted."""
    assert service_responses(metrics, status) == count


def test_on_an_existing_cluster_it_is_not_known_which_controller_answers(tmp_path: Path) -> None:
    """The controller of an existing cluster is unknown, so its counts are not used."""
    address = ClusterAddress("stage", tmp_path / "kubeconfig", "stage", "http://127.0.0.1:1", existing=True)
    with service_response_counter(address) as counts:
        assert counts(404) is None
