"""Which autoscalers of the manifests scale a workload, and what their status says."""

from __future__ import annotations

import pytest

from kindgate.errors import ScenarioError
from kindgate.model import ObjectRef
from kindgate.scenarios.autoscalers import autoscalers_of, may_scale_in, situation, window_of, with_window
from tests.unit.deploy.objects import Object, deployment, rendered
from tests.unit.scenarios.autoscaler_objects import SCALER, WEB, autoscaler, live_autoscaler

LIMITED = ("ScalingLimited", "True", "TooManyReplicas")


def test_the_autoscalers_of_the_workloads_are_found() -> None:
    """By the object that they scale, in their namespace."""
    assert autoscalers_of([WEB, ObjectRef("Deployment", "shop", "other")], rendered(deployment(), autoscaler())) == (SCALER,)


def test_a_workload_without_an_autoscaler_is_an_error_that_names_those_there_are() -> None:
    """The same name in another namespace is another workload."""
    with pytest.raises(ScenarioError, match="no HorizontalPodAutoscaler") as raised:
        autoscalers_of([ObjectRef("Deployment", "bank", "web")], rendered(autoscaler()))
    assert "HorizontalPodAutoscaler shop/web of Deployment shop/web" in raised.value.last_state


@pytest.mark.parametrize(
    ("live", "text"),
    [
        (live_autoscaler(2, 2), "2 pods, 2 desired; cpu 35 % of the requests, target 60 %"),
        (
            live_autoscaler(2, 2, ("AbleToScale", "True", "ReadyForNewScale"), ("ScalingActive", "False", "FailedGetResourceMetric")),
            "ScalingActive is False: FailedGetResourceMetric: message of FailedGetResourceMetric",
        ),
        (live_autoscaler(4, 4, LIMITED), "ScalingLimited is True: TooManyReplicas: message of TooManyReplicas (maxReplicas is 4)"),
        (live_autoscaler(2, 4, LIMITED), "2 pods, 4 desired; cpu 35 % of the requests, target 60 %"),
    ],
    ids=["metrics", "no metrics", "at the maximum", "still adding pods"],
)
def test_the_situation_is_the_condition_that_decides_or_the_metrics(live: Object, text: str) -> None:
    """A limit is a reason only once it is reached."""
    assert situation(live) == text


def test_a_metric_without_a_value_is_unknown() -> None:
    """Its target is known."""
    live = live_autoscaler(2, 2)
    del live["status"]["currentMetrics"]
    assert situation(live).endswith("cpu unknown of the requests, target 60 %")


def test_only_the_window_of_scale_ins_is_replaced() -> None:
    """Policies and the rules of scale-outs stay."""
    live = live_autoscaler(2, 2, scaleUp={"selectPolicy": "Max"}, scaleDown={"stabilizationWindowSeconds": 90, "selectPolicy": "Min"})
    assert window_of(live) == 90
    assert with_window(live, 0) == {
        "scaleUp": {"selectPolicy": "Max"},
        "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Min"},
    }
    assert (window_of(live_autoscaler(2, 2)), with_window(live_autoscaler(2, 2), 0)) == (
        300,
        {"scaleDown": {"stabilizationWindowSeconds": 0}},
    )


def test_an_autoscaler_may_be_forbidden_to_scale_in() -> None:
    """By its policy."""
    assert not may_scale_in(live_autoscaler(2, 2, scaleDown={"selectPolicy": "Disabled"}))
    assert may_scale_in(live_autoscaler(2, 2))
