"""Server-side apply in order, against a server that speaks the Kubernetes API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.deploy.apply import RUN_LABEL, apply, grouped_by_rank
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deadline_until, deployment, manifest, rendered, service
from tests.unit.deploy.standin import ApiServer, Refusal

NAMESPACE = manifest("Namespace", "shop", namespace="")
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"


def test_objects_are_applied_after_their_dependencies(api_server: ApiServer, address: ClusterAddress) -> None:
    """A Deployment is applied after the ServiceAccount it uses, and everything after its namespace."""
    objects = rendered(deployment(), service(), manifest("ServiceAccount", "web"), NAMESPACE)
    applied = apply(objects, address, run="r1", deadline=Deadline.after(10))
    assert api_server.paths("PATCH") == [
        "/api/v1/namespaces/shop",
        "/api/v1/namespaces/shop/serviceaccounts/web",
        "/api/v1/namespaces/shop/services/web",
        WEB,
    ]
    assert set(applied) == {ObjectRef.of(item) for item in objects.objects}


def test_every_object_has_the_run_label_and_the_field_manager(api_server: ApiServer, address: ClusterAddress) -> None:
    """Every applied object carries the run's label and the field manager; its pod template is unchanged."""
    apply(rendered(deployment()), address, run="r1", deadline=Deadline.after(10))
    assert api_server.objects[WEB]["metadata"]["labels"] == {RUN_LABEL: "r1"}
    assert api_server.objects[WEB]["spec"] == deployment()["spec"]
    query = next(query for method, _, query in api_server.requests if method == "PATCH")
    assert (query["fieldManager"], query["force"], query["fieldValidation"]) == ("kindgate", "true", "Strict")


def test_the_kubeconfigs_token_authenticates(api_server: ApiServer, address: ClusterAddress) -> None:
    """Every request carries the token from the kubeconfig."""
    apply(rendered(NAMESPACE), address, run="r1", deadline=Deadline.after(10))
    assert {headers["authorization"] for headers in api_server.headers} == {"Bearer secret-token"}


def test_an_object_without_a_namespace_goes_to_default(api_server: ApiServer, address: ClusterAddress) -> None:
    """The manifest can leave the namespace out; the request path always has one."""
    apply(rendered(manifest("ConfigMap", "settings", namespace="")), address, run="r1", deadline=Deadline.after(10))
    assert api_server.paths("PATCH") == ["/api/v1/namespaces/default/configmaps/settings"]


def test_an_unavailable_webhook_is_retried(api_server: ApiServer, address: ClusterAddress) -> None:
    """A 500 from admission is retried until the webhook's pods run."""
    api_server.refusals.append(Refusal("PATCH", "/web", 500, "failed calling webhook: connection refused", times=2))
    apply(rendered(deployment()), address, run="r1", deadline=Deadline.after(10))
    assert len(api_server.paths("PATCH")) == 3


def test_a_rejection_is_not_retried_and_names_object_file_and_cause(api_server: ApiServer, address: ClusterAddress) -> None:
    """A rejected object is not retried, because the answer would be the same."""
    api_server.refusals.append(Refusal("PATCH", "/web", 403, 'admission webhook "policy.example" denied the request: no team label'))
    with pytest.raises(DeployError) as caught:
        apply(rendered(deployment()), address, run="r1", deadline=Deadline.after(10))
    assert len(api_server.paths("PATCH")) == 1
    assert "Deployment shop/web (app/web.yaml) cannot be applied" in caught.value.message
    assert "denied the request: no team label" in caught.value.message
    assert "policy" in caught.value.next_step


def test_a_rejection_stops_the_other_applies(api_server: ApiServer, address: ClusterAddress) -> None:
    """A rejected object ends the apply and is named in the error, even while another object is still being retried."""
    api_server.refusals += [
        Refusal("PATCH", "/slow", 503, "try again"),
        Refusal("PATCH", "/wrong", 422, "spec.replicas: must not be negative", times=1),
    ]
    deadline = Deadline.after(60)
    with pytest.raises(DeployError, match="must not be negative"):
        apply(rendered(deployment("slow"), deployment("wrong")), address, run="r1", deadline=deadline)
    assert deadline.remaining > 20


def test_an_unreachable_server_is_an_error_at_the_deadline(api_server: ApiServer, address: ClusterAddress) -> None:
    """The error at the deadline includes the server's last response."""
    api_server.refusals.append(Refusal("PATCH", "", 503, "etcd is not ready"))
    deadline = deadline_until(lambda: api_server.was_requested_twice("PATCH", "/shop"))
    with pytest.raises(DeployError, match="timed out") as caught:
        apply(rendered(NAMESPACE), address, run="r1", deadline=deadline)
    assert "etcd is not ready" in caught.value.last_state


def test_an_unusable_kubeconfig_names_the_file(tmp_path: Path) -> None:
    """A file that is not a kubeconfig is an error that names it."""
    path = tmp_path / "kubeconfig"
    path.write_text("nonsense: true\n")
    with pytest.raises(DeployError, match=str(path)):
        apply(rendered(NAMESPACE), ClusterAddress("x", path, "x", ""), run="r1", deadline=Deadline.after(1))


def test_cluster_scoped_objects_are_not_applied_to_an_existing_cluster(api_server: ApiServer, address: ClusterAddress) -> None:
    """Namespaces and roles of an existing cluster belong to its owner, so none are applied."""
    api_server.put("/api/v1/namespaces/shop", {})
    role = manifest("ClusterRole", "reader", namespace="", api_version="rbac.authorization.k8s.io/v1")
    applied = apply(rendered(NAMESPACE, role, service()), replace(address, existing=True), run="r1", deadline=Deadline.after(10))
    assert api_server.paths("PATCH") == ["/api/v1/namespaces/shop/services/web"]
    assert applied == (ObjectRef("Service", "shop", "web"),)


def test_a_missing_namespace_in_an_existing_cluster_is_an_error(api_server: ApiServer, address: ClusterAddress) -> None:
    """The error gives the command that creates the namespace; nothing was applied."""
    with pytest.raises(DeployError, match="no namespace shop") as caught:
        apply(rendered(service()), replace(address, existing=True), run="r1", deadline=Deadline.after(10))
    assert "kubectl create namespace shop" in caught.value.next_step
    assert api_server.paths("PATCH") == []


@pytest.mark.parametrize(
    ("labels", "message"), [({}, "was not created by kindgate"), ({RUN_LABEL: "r0"}, "belongs to run r0")], ids=["foreign", "other-run"]
)
def test_foreign_objects_in_an_existing_cluster_are_an_error(
    api_server: ApiServer, address: ClusterAddress, labels: dict[str, str], message: str
) -> None:
    """An object with the same name from outside this run ends the run before anything is applied."""
    api_server.put("/api/v1/namespaces/shop", {})
    api_server.put("/api/v1/namespaces/shop/services/web", {"metadata": {"labels": labels}})
    with pytest.raises(DeployError, match=message):
        apply(rendered(service(), deployment()), replace(address, existing=True), run="r1", deadline=Deadline.after(10))
    assert api_server.paths("PATCH") == []


def test_a_run_can_reapply_its_own_objects(api_server: ApiServer, address: ClusterAddress) -> None:
    """A second apply changes nothing and takes no field from another manager."""
    api_server.put("/api/v1/namespaces/shop", {})
    guest = replace(address, existing=True)
    apply(rendered(service()), guest, run="r1", deadline=Deadline.after(10))
    apply(rendered(service()), guest, run="r1", deadline=Deadline.after(10))
    assert [query["force"] for method, _, query in api_server.requests if method == "PATCH"] == ["false", "false"]


def test_unchanged_objects_are_not_reapplied(api_server: ApiServer, address: ClusterAddress) -> None:
    """On a kept cluster, the second run sends only new objects."""
    apply(rendered(NAMESPACE, deployment()), address, run="r1", deadline=Deadline.after(10))
    objects = rendered(NAMESPACE, deployment(), service())

    assert apply(objects, address, run="r1", deadline=Deadline.after(10), only_changed=True) == (ObjectRef.of(service()),)
    assert api_server.paths("PATCH").count(WEB) == 1


def test_an_object_edited_by_hand_is_reapplied(api_server: ApiServer, address: ClusterAddress) -> None:
    """An object that was edited by hand is applied again even if its manifest is unchanged."""
    apply(rendered(deployment()), address, run="r1", deadline=Deadline.after(10))
    api_server.objects[WEB]["spec"]["replicas"] = 7

    assert apply(rendered(deployment()), address, run="r1", deadline=Deadline.after(10), only_changed=True) == (ObjectRef.of(deployment()),)


def test_custom_resources_are_applied_after_workloads_and_webhooks_last() -> None:
    """Custom resources are applied after the workloads that serve them; webhooks come last, after the objects they could reject."""
    kinds = ["ValidatingWebhookConfiguration", "Widget", "Ingress", "Deployment", "IngressClass", "CustomResourceDefinition", "Namespace"]
    groups = grouped_by_rank(manifest(kind, "x") for kind in kinds)
    assert [{ObjectRef.of(item).kind for item in group} for group in groups] == [
        {"Namespace"},
        {"CustomResourceDefinition", "IngressClass"},
        {"Deployment"},
        {"Ingress"},
        {"Widget"},
        {"ValidatingWebhookConfiguration"},
    ]
