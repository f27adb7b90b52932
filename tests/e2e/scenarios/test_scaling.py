"""The application's autoscalers follow the load: pytest -m scaling --app-overlay k8s/overlays/autoscaling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Cluster, Scaling


pytestmark = [pytest.mark.scaling]

HPA = "horizontalpodautoscaler/foo"


def test_autoscalers_add_pods_in_time_and_remove_them_without_a_lost_request(scaling: Scaling, cluster: Cluster) -> None:
    """The load rises until new pods are ready, and falls until they are gone; afterward the autoscaler is as before."""
    before = json.loads(cluster.kubectl("get", HPA, "-n", "echo", "-o", "json"))["spec"]

    scaling.check()

    assert json.loads(cluster.kubectl("get", HPA, "-n", "echo", "-o", "json"))["spec"] == before


def test_an_autoscaler_without_room_fails_for_its_reason(scaling: Scaling, cluster: Cluster) -> None:
    """The negative twin: with maxReplicas equal to minReplicas no pod is added, and the autoscaler's own condition is named."""
    before = json.loads(cluster.kubectl("get", HPA, "-n", "echo", "-o", "json"))["spec"]["maxReplicas"]
    cluster.kubectl("patch", HPA, "-n", "echo", "--type", "merge", "-p", '{"spec": {"maxReplicas": 2}}')
    try:
        episode = scaling.scale_out("foo")
    finally:
        cluster.kubectl("patch", HPA, "-n", "echo", "--type", "merge", "-p", json.dumps({"spec": {"maxReplicas": before}}))

    assert "ScalingLimited is True: TooManyReplicas" in episode.error
