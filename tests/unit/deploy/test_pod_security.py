"""What the level `baseline` refuses in a pod; tests/e2e/test_pod_security.py asks a real API server the same."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.pod_security import baseline_problems
from kindgate.pod_templates import PodTemplate, pod_templates
from tests.unit.deploy.objects import deployment, manifest
from tests.unit.deploy.pods import ALLOWED, POD, REFUSED


def problems(**spec: Any) -> list[str]:
    """The places of everything that is refused in a pod with this specification."""
    return [path for path, _ in baseline_problems(PodTemplate("spec", {}, {**POD, **spec}))]


@pytest.mark.parametrize("name", REFUSED)
def test_a_way_out_of_the_container_is_refused(name: str) -> None:
    """Exactly one thing is wrong with each of these pods."""
    assert len(problems(**REFUSED[name])) == 1


@pytest.mark.parametrize("name", ALLOWED)
def test_what_stays_in_the_container_is_allowed(name: str) -> None:
    """As the standard has it, root included."""
    assert problems(**ALLOWED[name]) == []


def test_a_problem_is_named_by_its_place() -> None:
    """In workloads and custom resources alike, with the index of container and volume."""
    item = deployment()
    item["spec"]["template"]["spec"] |= REFUSED["hostPath"]
    rollout = manifest("Rollout", "web", api_version="argoproj.io/v1alpha1", spec=item["spec"])

    for one in (item, rollout):
        (template,) = pod_templates(one)
        assert [path for path, _ in baseline_problems(template)] == ["spec.template.spec.volumes[1].hostPath"]


@pytest.mark.parametrize(("value", "refused"), [("unconfined", True), ("runtime/default", False), ("localhost/ours", False)])
def test_an_annotation_can_switch_apparmor_off(value: str, *, refused: bool) -> None:
    """Older manifests have it there, and servers still read it."""
    item = deployment()
    item["spec"]["template"]["metadata"]["annotations"] = {"container.apparmor.security.beta.kubernetes.io/web": value}
    (template,) = pod_templates(item)

    assert bool(list(baseline_problems(template))) is refused
