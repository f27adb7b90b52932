"""Fields that Pod Security's `baseline` level rejects; tests/e2e/test_pod_security.py runs the same pods against a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.pod_security import baseline_problems
from kindgate.pod_templates import PodTemplate, pod_templates
from tests.unit.deploy.objects import deployment, manifest
from tests.unit.deploy.pods import ALLOWED_PODS, POD, REJECTED_PODS


def problems(**spec: Any) -> list[str]:
    """Return the location of every rejected field of a pod with this spec."""
    return [path for path, _ in baseline_problems(PodTemplate("spec", {}, {**POD, **spec}))]


@pytest.mark.parametrize("name", REJECTED_PODS)
def test_a_pod_below_the_baseline_level_is_rejected(name: str) -> None:
    """Each of these pods has exactly one problem."""
    assert len(problems(**REJECTED_PODS[name])) == 1


@pytest.mark.parametrize("name", ALLOWED_PODS)
def test_a_pod_at_the_baseline_level_is_allowed(name: str) -> None:
    """The standard allows these pods, including those that run as root."""
    assert problems(**ALLOWED_PODS[name]) == []


def test_a_problem_names_its_field() -> None:
    """Workloads and custom resources alike report the index of the container or volume."""
    item = deployment()
    item["spec"]["template"]["spec"] |= REJECTED_PODS["hostPath"]
    rollout = manifest("Rollout", "web", api_version="argoproj.io/v1alpha1", spec=item["spec"])

    for one in (item, rollout):
        (template,) = pod_templates(one)
        assert [path for path, _ in baseline_problems(template)] == ["spec.template.spec.volumes[1].hostPath"]


@pytest.mark.parametrize(("value", "refused"), [("unconfined", True), ("runtime/default", False), ("localhost/ours", False)])
def test_an_annotation_that_disables_apparmor_is_rejected(value: str, *, refused: bool) -> None:
    """Older manifests use the annotation, and API servers still read it."""
    item = deployment()
    item["spec"]["template"]["metadata"]["annotations"] = {"container.apparmor.security.beta.kubernetes.io/web": value}
    (template,) = pod_templates(item)

    assert bool(list(baseline_problems(template))) is refused
