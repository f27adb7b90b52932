"""Restarting the pods of workloads that are kept."""

from __future__ import annotations

from kindgate.deploy.restart import RESTARTED, restarted
from kindgate.model import ObjectRef
from tests.unit.deploy.objects import deployment, manifest, rendered, service


def test_only_workloads_are_returned_with_a_new_annotation() -> None:
    """A Job's template is immutable and a Service has no pods, so only the other workloads are restarted."""
    version = rendered(deployment(), service(), manifest("Job", "migrate", api_version="batch/v1", spec={"template": {}}))
    (web,) = restarted(version, "now").objects

    assert ObjectRef.of(web) == ObjectRef("Deployment", "shop", "web")
    assert web["spec"]["template"]["metadata"] == {"labels": {"app": "web"}, "annotations": {RESTARTED: "now"}}
    assert web["spec"]["template"]["spec"] == deployment()["spec"]["template"]["spec"]
