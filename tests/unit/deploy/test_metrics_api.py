"""When autoscalers need the bundled metrics-server."""

from __future__ import annotations

from kindgate.deploy.metrics_api import needs_metrics_server
from tests.unit.deploy.objects import deployment, manifest, rendered
from tests.unit.scenarios.autoscaler_objects import autoscaler

SERVED = manifest("APIService", "v1beta1.metrics.k8s.io", namespace="", api_version="apiregistration.k8s.io/v1")


def test_an_autoscaler_needs_metrics_that_nothing_serves_yet() -> None:
    """Another part of the manifests may serve them; without an autoscaler they are not needed."""
    assert needs_metrics_server([rendered(), rendered(deployment(), autoscaler())])
    assert not needs_metrics_server([rendered(SERVED), rendered(deployment(), autoscaler())])
    assert not needs_metrics_server([rendered(deployment())])
