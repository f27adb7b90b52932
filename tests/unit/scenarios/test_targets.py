"""The workloads that a scenario acts on."""

from __future__ import annotations

import pytest

from kindgate.deploy.entries import entries_of
from kindgate.errors import ScenarioError
from kindgate.model import ObjectRef
from kindgate.scenarios.targets import ingress_controllers, named_workloads, workloads_behind
from tests.unit.deploy.objects import Object, deployment, ingress, manifest, rendered, service


def of_kind(kind: str, name: str = "web", **fields: object) -> Object:
    """The Deployment as a workload of another kind, with its pods' labels."""
    return {**deployment(name), "kind": kind, **fields}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_the_workloads_behind_an_entry_are_found_by_the_services_selector(kind: str) -> None:
    """Names do not matter: the Service's selector and the pods' labels decide."""
    item = of_kind(kind)
    item["metadata"] = {**item["metadata"], "name": "another-name"}
    app = rendered(item, deployment("database"), service(), ingress())
    assert workloads_behind(entries_of(app), app) == (ObjectRef(kind, "shop", "another-name"),)


def test_a_workload_of_another_namespace_is_not_behind_an_entry() -> None:
    """A Service selects pods of its own namespace."""
    app = rendered(deployment(), deployment(namespace="other"), service(), ingress())
    assert workloads_behind(entries_of(app), app) == (ObjectRef("Deployment", "shop", "web"),)


def test_two_entries_of_one_workload_name_it_once() -> None:
    """Two paths that lead to one Service have one workload behind them."""
    second = ingress(path="/other")
    second["metadata"] = {**second["metadata"], "name": "second"}
    app = rendered(deployment(), service(), ingress(), second)
    assert len(entries_of(app)) == 2
    assert workloads_behind(entries_of(app), app) == (ObjectRef("Deployment", "shop", "web"),)


@pytest.mark.parametrize(
    "objects",
    [
        (service(selector={}), ingress()),
        (manifest("Pod", "web", spec=deployment()["spec"]["template"]["spec"]), service(), ingress()),
        (deployment(),),
    ],
    ids=["no-selector", "a-pod", "no-entry"],
)
def test_it_is_an_error_if_nothing_behind_the_entries_can_be_rolled_out(objects: tuple[Object, ...]) -> None:
    """The error comes before anything is changed."""
    app = rendered(*objects)
    with pytest.raises(ScenarioError):
        workloads_behind(entries_of(app, existing=True), app)


@pytest.mark.parametrize("name", ["web", "shop/web", "Deployment/web", "deployment/web"])
def test_a_workload_can_be_named(name: str) -> None:
    """By its name, alone or with its namespace or kind."""
    app = rendered(deployment(), deployment("database"), service())
    assert named_workloads([name], app) == (ObjectRef("Deployment", "shop", "web"),)


@pytest.mark.parametrize("name", ["other", "shop/other", "twice", "Service/web"])
def test_a_name_must_be_that_of_one_workload(name: str) -> None:
    """The error lists the workloads that can be named."""
    app = rendered(deployment(), service(), deployment("twice"), deployment("twice", namespace="other"))
    with pytest.raises(ScenarioError, match="Deployment shop/web"):
        named_workloads([name], app)


def test_the_ingress_controller_is_what_its_metrics_service_selects() -> None:
    """Whichever of the bundled ones it is; another one is not found."""
    controller = deployment("traefik", namespace="ingress")
    metrics = service("ingress-metrics", namespace="ingress", selector={"app": "traefik"})
    assert ingress_controllers(rendered(deployment(), metrics, controller)) == (ObjectRef("Deployment", "ingress", "traefik"),)
    with pytest.raises(ScenarioError, match="not one that kindgate installed"):
        ingress_controllers(rendered(deployment(), controller))
