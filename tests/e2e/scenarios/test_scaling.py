"""The application's autoscalers follow the load: pytest -m scaling --app-overlay k8s/overlays/autoscaling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Cluster, Scaling


pytestmark = [pytest.mark.scaling]

HPA = ("horizontalpodautoscaler", "foo", "-n", "echo")
"""The autoscaler that the negative twin changes: one of the bundled echo servers."""


def test_autoscalers_add_pods_in_time_and_remove_them_without_a_lost_request(scaling: Scaling) -> None:
    """The load rises until new pods are ready, and falls until they are gone; afterward the autoscalers are as before."""
    scaling.check()


def test_an_autoscaler_without_room_fails_for_its_reason(scaling: Scaling, cluster: Cluster) -> None:
    """The negative twin: with maxReplicas equal to minReplicas no pod is added, and the autoscaler's own condition is named."""
    before = cluster.kubectl("get", *HPA, "--ignore-not-found", "-o", "json")
    if not before:
        pytest.skip("the application is not the bundled echo servers with autoscalers")
    most = json.loads(before)["spec"]["maxReplicas"]
    cluster.kubectl("patch", *HPA, "--type", "merge", "-p", '{"spec": {"maxReplicas": 2}}')
    try:
        episode = scaling.scale_out("foo")
    finally:
        cluster.kubectl("patch", *HPA, "--type", "merge", "-p", json.dumps({"spec": {"maxReplicas": most}}))

    assert "ScalingLimited is True: TooManyReplicas" in episode.error
