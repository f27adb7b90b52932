"""Objects that Kubernetes cannot update in place, on a kept cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kindgate.deploy.apply import RUN_LABEL, apply
from kindgate.deploy.recreate import immutable_fields, loss_on_recreation
from kindgate.errors import ApiError, DeployError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deployment, manifest, rendered
from tests.unit.deploy.standin import ApiServer, Refusal

DUMP = "core.PodTemplateSpec{" + 'ObjectMeta: v1.ObjectMeta{Name: "", Annotations: map[string]string(nil)}, ' * 40 + "}"
JOBS = "/apis/batch/v1/namespaces/shop/jobs/migrate"
CLAIMS = "/api/v1/namespaces/shop/persistentvolumeclaims/data"
CLAIM = manifest("PersistentVolumeClaim", "data", spec={"storageClassName": "fast", "accessModes": ["ReadWriteOnce"]})


def job(argument: str = "one") -> dict[str, Any]:
    """The Job shop/migrate with `word` in its template."""
    return manifest("Job", "migrate", api_version="batch/v1", spec={"template": {"spec": {"containers": [{"args": [argument]}]}}})


def live(item: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The object as an earlier run applied it."""
    metadata = {**item["metadata"], "uid": "before", "labels": {RUN_LABEL: "r0"}}
    return {**item, "metadata": metadata, **fields}


def refused(path_end: str, field: str, message: str, times: int = 1) -> Refusal:
    """The API server's response to a change of an immutable field."""
    return Refusal("PATCH", path_end, 422, f"It is invalid: {field}: {message}", "Invalid", times, ((field, message),))


def test_a_job_with_a_changed_template_is_recreated(api_server: ApiServer, address: ClusterAddress) -> None:
    """The Job and its pods are deleted, it is applied again, and one line reports it."""
    api_server.put(JOBS, live(job("one")))
    api_server.refusals.append(refused("/migrate", "spec.template", f"Invalid value: {DUMP}: field is immutable"))
    reports: list[str] = []

    apply(rendered(job("two")), address, run="r1", deadline=Deadline.after(20), progress=reports.append)

    changes = [(method, path) for method, path, _ in api_server.requests if method in {"PATCH", "DELETE"}]
    assert changes == [("PATCH", JOBS), ("DELETE", JOBS), ("PATCH", JOBS)]
    assert api_server.objects[JOBS]["spec"] == job("two")["spec"]
    assert reports == ["recreating Job shop/migrate: spec.template cannot be changed in place"]


@pytest.mark.parametrize(
    ("guest", "before", "why"),
    [
        (True, live(job()), "kindgate deletes nothing from an existing cluster during a run"),
        (False, manifest("Job", "migrate", api_version="batch/v1"), "kindgate did not create it"),
    ],
    ids=["existing cluster", "not ours"],
)
def test_foreign_objects_are_not_deleted(
    api_server: ApiServer, address: ClusterAddress, before: dict[str, Any], why: str, *, guest: bool
) -> None:
    """An object from outside the run is kept; the error names the field and the command that deletes the object."""
    api_server.put("/api/v1/namespaces/shop", {})
    api_server.put(JOBS, before)
    api_server.refusals.append(refused("/migrate", "spec.template", f"Invalid value: {DUMP}: field is immutable"))
    with pytest.raises(DeployError) as caught:
        apply(rendered(job("two")), replace(address, existing=guest), run="r0", deadline=Deadline.after(20))
    assert caught.value.message == (
        f"Job shop/migrate (app/migrate.yaml) cannot be applied: spec.template cannot be changed in place, but {why}"
    )
    kubectl = f"kubectl --kubeconfig {address.kubeconfig} --context test" if guest else "kindgate shell --cluster-name test -- kubectl"
    assert caught.value.next_step == f"delete it and rerun: {kubectl} --namespace shop delete job/migrate"
    assert api_server.paths("DELETE") == []


def test_a_claim_is_not_deleted_and_the_command_names_its_users(api_server: ApiServer, address: ClusterAddress) -> None:
    """Deleting a claim would lose its data, and a pod that uses it would block the deletion."""
    api_server.put(CLAIMS, live(CLAIM, spec={"storageClassName": "slow", "accessModes": ["ReadWriteOnce"]}))
    reports = "Forbidden: spec is immutable after creation except resources.requests for bound claims\n  core.PersistentVolumeClaimSpec{: "
    api_server.refusals.append(refused("/data", "spec", reports))
    user = deployment()
    user["spec"]["template"]["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    with pytest.raises(DeployError) as caught:
        apply(rendered(CLAIM, user, deployment("other")), address, run="r1", deadline=Deadline.after(20))
    assert caught.value.message.endswith("spec.storageClassName cannot be changed in place, but deleting it also deletes its data")
    assert caught.value.next_step.endswith("-- kubectl --namespace shop delete deployment/web persistentvolumeclaim/data")


def test_a_custom_resource_is_named_with_its_group() -> None:
    """Only the operator of a custom resource knows what deleting it would lose."""
    database = manifest("Database", "main", api_version="example.dev/v1", spec={"engine": "a"})
    error = ApiError("x", status=422, causes=(("spec.engine", 'Invalid value: "string": Value is immutable'),))
    assert immutable_fields(error, database, live(database)) == ("spec.engine",)
    assert loss_on_recreation(database, live(database)) == "it is unknown what deleting it would lose"


def test_a_rejection_for_another_reason_deletes_nothing(api_server: ApiServer, address: ClusterAddress) -> None:
    """A wrong value would be rejected again, and a policy has its own message."""
    api_server.put(JOBS, live(job()))
    for refusal in (
        refused("/migrate", "spec.parallelism", "Invalid value: -1: must be greater than or equal to 0"),
        Refusal("PATCH", "/migrate", 403, 'admission webhook "p" denied the request: label team is immutable', times=1),
    ):
        api_server.refusals.append(refusal)
        with pytest.raises(DeployError):
            apply(rendered(job()), address, run="r1", deadline=Deadline.after(20))
    assert api_server.paths("DELETE") == []


def test_a_value_that_mentions_immutability_deletes_nothing() -> None:
    """Only the server's message counts, not a value quoted in it."""
    error = ApiError("x", causes=(("spec.args", 'Invalid value: "the field is immutable": must be at most 5 characters'),))
    assert immutable_fields(error, job(), live(job())) == ()


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("spec.template", f"Invalid value: {DUMP}: field is immutable"),
        ("spec.selector", 'Invalid value: {"matchLabels":{"app":"x"}}: field is immutable'),
        ("spec.clusterIPs[0]", 'Invalid value: ["None"]: may not change once set'),
        ("data", "Forbidden: field is immutable when `immutable` is set"),
        ("type", 'Invalid value: "Opaque": field is immutable'),
        ("roleRef", 'Invalid value: {"kind":"Role","name":"b"}: cannot change roleRef'),
        ("parameters", "Forbidden: updates to parameters are forbidden."),
        ("value", "Forbidden: may not be changed in an update."),
        ("spec.persistentvolumesource", "Forbidden: spec.persistentvolumesource is immutable after creation\n  core.X{\n  A: 1,\n}"),
        ("spec.resources.requests.storage", "Forbidden: field can not be less than status.capacity"),
    ],
)
def test_the_servers_immutability_messages_are_recognized(field: str, message: str) -> None:
    """The messages are those of the Kubernetes validation code."""
    assert immutable_fields(ApiError("x", status=422, causes=((field, message),)), job(), live(job())) == (field,)


def test_a_rejected_spec_is_resolved_to_its_changed_fields() -> None:
    """A StatefulSet's rejection lists only the mutable fields; a changed field outside that list is the cause."""
    message = "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template' are forbidden"
    before = manifest("StatefulSet", "db", api_version="apps/v1", spec={"replicas": 1, "serviceName": "a", "template": {}, "x": 1})
    after = manifest("StatefulSet", "db", api_version="apps/v1", spec={"replicas": 2, "serviceName": "b", "template": {}, "x": 1})
    assert immutable_fields(ApiError("x", causes=(("spec", message),)), after, live(before)) == ("spec.serviceName",)


@pytest.mark.parametrize(
    ("kind", "api_version", "safe"),
    [
        ("Job", "batch/v1", True),
        ("Job", "batch.volcano.sh/v1alpha1", False),
        ("Deployment", "apps/v1", True),
        ("StatefulSet", "apps/v1", True),
        ("DaemonSet", "apps/v1", True),
        ("Pod", "v1", True),
        ("Service", "v1", True),
        ("Service", "serving.knative.dev/v1", False),
        ("ConfigMap", "v1", True),
        ("Secret", "v1", True),
        ("RoleBinding", "rbac.authorization.k8s.io/v1", True),
        ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", True),
        ("StorageClass", "storage.k8s.io/v1", True),
        ("PersistentVolumeClaim", "v1", False),
        ("PersistentVolume", "v1", False),
        ("CustomResourceDefinition", "apiextensions.k8s.io/v1", False),
        ("Namespace", "v1", False),
    ],
)
def test_only_kinds_described_by_their_manifest_are_recreated(kind: str, api_version: str, *, safe: bool) -> None:
    """Volumes outlive the objects that use them; data and objects of other controllers would be lost."""
    item = manifest(kind, "x", api_version=api_version, spec={})
    assert (loss_on_recreation(item, live(item)) == "") is safe


def test_a_claim_without_a_volume_is_recreated() -> None:
    """A claim that was never bound has no data."""
    assert loss_on_recreation(CLAIM, live(CLAIM, status={"phase": "Pending"})) == ""
    assert loss_on_recreation(CLAIM, live(CLAIM, status={"phase": "Bound"})) == "deleting it also deletes its data"


def test_a_statefulset_that_deletes_its_claims_is_not_recreated() -> None:
    """A StatefulSet whose retention policy deletes its claims is not recreated."""
    item = manifest("StatefulSet", "db", api_version="apps/v1", spec={})
    retained, deleted = ({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": word}} for word in ("Retain", "Delete"))
    assert loss_on_recreation(item, live(item, spec=retained)) == ""
    assert loss_on_recreation(item, live(item, spec=deleted)) == "deleting it also deletes the data of its claims"


FAILED = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}


@pytest.mark.parametrize(("status", "deleted"), [(FAILED, [JOBS]), ({"conditions": [{"type": "Complete", "status": "True"}]}, [])])
def test_a_failed_job_is_recreated(api_server: ApiServer, address: ClusterAddress, status: dict[str, Any], deleted: list[str]) -> None:
    """A failed Job is recreated although its manifest is unchanged; a completed one is not."""
    reused = replace(address, reused=True)
    apply(rendered(job()), reused, run="r0", deadline=Deadline.after(20))
    api_server.objects[JOBS]["status"] = status
    reports: list[str] = []
    applied = apply(rendered(job()), reused, run="r0", deadline=Deadline.after(20), only_changed=True, progress=reports.append)
    assert api_server.paths("DELETE") == deleted
    assert applied == ((ObjectRef.of(job()),) if deleted else ())
    assert reports == (["recreating Job shop/migrate: it failed in an earlier run"] if deleted else [])


def test_a_long_rejection_is_shortened(api_server: ApiServer, address: ClusterAddress) -> None:
    """The server prints whole templates; the error keeps the field and the reason."""
    message = f"Invalid value: {DUMP}: must be something else"
    api_server.refusals.append(
        Refusal("PATCH", "/web", 422, f'Job "web" is invalid: spec.x: {message}', "Invalid", causes=(("spec.x", message),))
    )
    with pytest.raises(DeployError, match="must be something else") as caught:
        apply(rendered(deployment()), address, run="r1", deadline=Deadline.after(20))
    assert len(caught.value.message) < 400
    assert "spec.x: Invalid value" in caught.value.message
