"""Waiting for everything that was applied, against a server whose watches break, end and lag."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from kindgate.deploy import informer
from kindgate.deploy.diagnosis.cause import Cause, CauseKind
from kindgate.deploy.readiness import ABSENT_SECONDS, TOLERATED_RESTARTS, Readiness, wait_ready
from kindgate.deploy.snapshot import Snapshot
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready
from tests.unit.deploy.objects import (
    deadline_until,
    deployment,
    event,
    live_deployment,
    live_pod,
    live_replicaset,
    manifest,
    rendered,
    service,
    waiting,
)
from tests.unit.deploy.standin import ApiServer, Refusal

APPS = "/apis/apps/v1/namespaces/shop"
CORE = "/api/v1/namespaces/shop"
WEB = f"{APPS}/deployments/web"


def wait(
    address: ClusterAddress, *objects: dict[str, Any], deadline: Deadline | None = None, then: Callable[[], object] = lambda: None
) -> list[str]:
    """Wait for the objects, call `then` after the first progress line, and return every line."""
    reports: list[str] = []

    def hear(line: str) -> None:
        reports.append(line)
        if len(reports) == 1:
            then()

    wait_ready(rendered(*(objects or (deployment(),))), address, deadline or Deadline.after(60), hear)
    return reports


def test_ready_objects_end_the_wait(api_server: ApiServer, address: ClusterAddress) -> None:
    """An object that is ready already takes a single list request."""
    api_server.put(WEB, live_deployment(2))
    assert wait(address) == ["1 of 1 ready"]


def test_a_watch_event_ends_the_wait(api_server: ApiServer, address: ClusterAddress) -> None:
    """Progress is reported once per change."""
    api_server.put(WEB, live_deployment(0))
    reports = wait(address, then=lambda: api_server.put(WEB, live_deployment(2)))
    assert reports == ["0 of 1 ready; Deployment shop/web: 0 of 2 available", "1 of 1 ready"]


def test_a_broken_watch_is_reopened(api_server: ApiServer, address: ClusterAddress) -> None:
    """A restart of the API server ends every watch; changes in between are not missed."""
    api_server.put(WEB, live_deployment(0))

    def restart() -> None:
        api_server.wait_watched("/deployments")
        api_server.refusals.append(Refusal("GET", "/deployments", 503, "starting", times=2))
        api_server.end_watches()
        api_server.put(WEB, live_deployment(2))

    wait(address, then=restart)


def test_a_watch_that_ends_within_an_event_is_reopened(api_server: ApiServer, address: ClusterAddress) -> None:
    """A watch that ends in the middle of a document is resumed, and the next list has the lost event."""
    api_server.put(WEB, live_deployment(0))

    def die() -> None:
        api_server.wait_watched("/deployments")
        with api_server.lock:
            for _, events in api_server.watches.values():
                events.put(b'{"type": "MODIF')
        api_server.put(WEB, live_deployment(2))

    wait(address, then=die)


def test_a_watch_that_is_too_old_lists_again(api_server: ApiServer, address: ClusterAddress) -> None:
    """A compacted history responds with 410 Gone, and the objects are listed again."""
    api_server.put(WEB, live_deployment(0))

    def forget() -> None:
        api_server.wait_watched("/deployments")
        with api_server.lock:
            api_server.objects[WEB] = {**api_server.objects[WEB], "status": live_deployment(2)["status"]}
            for _, events in api_server.watches.values():
                events.put({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}})

    wait(address, then=forget)


def test_an_image_that_does_not_exist_fails_at_once(api_server: ApiServer, address: ClusterAddress) -> None:
    """The error names pod, image and the runtime's message long before the deadline."""
    api_server.put(WEB, live_deployment(0))
    api_server.put(f"{APPS}/replicasets/web-1", live_replicaset())
    status = waiting("ErrImagePull", 'failed to resolve reference "docker.io/example/web:1.0": not found')
    api_server.put(f"{CORE}/pods/web-1-abcde", live_pod(**status))
    with pytest.raises(DeployError) as caught:
        wait(address)
    assert "Pod shop/web-1-abcde: ErrImagePull" in caught.value.message
    assert "example/web:1.0" in caught.value.message
    assert "not found" in caught.value.message
    assert "describe pod web-1-abcde" in caught.value.next_step


def test_a_crash_loop_fails_with_the_last_lines_of_its_log(api_server: ApiServer, address: ClusterAddress) -> None:
    """The error includes the last log lines, because the program's own message is the best explanation."""
    api_server.put(WEB, live_deployment(0))
    api_server.put(f"{APPS}/replicasets/web-1", live_replicaset())
    ended = {"terminated": {"exitCode": 3, "reason": "Error"}}
    api_server.put(f"{CORE}/pods/web-1-abcde", live_pod(**waiting("CrashLoopBackOff", lastState=ended, restartCount=1)))
    api_server.logs[f"{CORE}/pods/web-1-abcde/log"] = "no such database: shop\n"
    with pytest.raises(DeployError, match=r"CrashLoopBackOff.*exit code 3") as caught:
        wait(address)
    assert "no such database: shop" in caught.value.last_state
    query = next(query for _, path, query in api_server.requests if path.endswith("/log"))
    assert (query["previous"], query["container"]) == ("true", "web")


def test_an_unavailable_log_does_not_hide_the_cause(api_server: ApiServer, address: ClusterAddress) -> None:
    """If the container is already gone, the cause is reported without a log."""
    api_server.put(WEB, live_deployment(0))
    api_server.put(f"{APPS}/replicasets/web-1", live_replicaset())
    api_server.put(f"{CORE}/pods/web-1-abcde", live_pod(**waiting("CrashLoopBackOff")))
    api_server.refusals.append(Refusal("GET", "/log", 400, "previous terminated container not found"))
    with pytest.raises(DeployError, match="CrashLoopBackOff") as caught:
        wait(address)
    assert "previous terminated container not found" in caught.value.last_state


def test_a_probe_that_never_passes_is_named_at_the_deadline(api_server: ApiServer, address: ClusterAddress) -> None:
    """A failing probe can pass at any moment, so it is reported only at the deadline."""
    api_server.put(WEB, live_deployment(0))
    api_server.put(f"{APPS}/replicasets/web-1", live_replicaset())
    running: dict[str, Any] = {"phase": "Running", "containerStatuses": [{"name": "web", "ready": False, "state": {"running": {}}}]}
    api_server.put(f"{CORE}/pods/web-1-abcde", live_pod(**running))
    api_server.put(f"{CORE}/events/e", event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500"))
    reports: list[str] = []
    with pytest.raises(DeployError, match="did not become healthy before the deadline") as caught:
        wait(address, deployment(), service(), deadline=deadline_until(lambda: bool(reports)), then=lambda: reports.append("first"))
    assert "0 of 2 available" in caught.value.last_state
    assert "ProbeFailed: Readiness probe failed: HTTP probe failed with statuscode: 500" in caught.value.last_state
    assert "Service shop/web: not seen yet" in caught.value.last_state


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ({"phase": "Pending", "containerStatuses": []}, "increase --app-timeout"),
        (
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "2 Insufficient cpu"}],
            },
            "lower requests or replicas, or add nodes (--kind-workers); for details run `kubectl -n shop describe pod web-1-abcde`",
        ),
    ],
    ids=["starting", "unschedulable"],
)
def test_more_time_is_advised_only_if_it_can_help(
    api_server: ApiServer, address: ClusterAddress, status: dict[str, Any], advice: str
) -> None:
    """More time is not advised for a pod that fits no node."""
    api_server.put(WEB, live_deployment(0))
    api_server.put(f"{APPS}/replicasets/web-1", live_replicaset())
    api_server.put(f"{CORE}/pods/web-1-abcde", live_pod(**status))
    reports: list[str] = []
    with pytest.raises(DeployError, match="before the deadline") as caught:
        wait(address, deadline=deadline_until(lambda: bool(reports)), then=lambda: reports.append("first"))
    assert caught.value.next_step == advice


def test_pods_of_a_job_that_fail_are_named_at_the_deadline(api_server: ApiServer, address: ClusterAddress) -> None:
    """A Job can retry as often as its spec allows, so the failure of its pods is reported at the deadline."""
    job = manifest("Job", "migrate", api_version="batch/v1", spec={}, status={"active": 1, "failed": 2})
    api_server.put("/apis/batch/v1/namespaces/shop/jobs/migrate", job)
    reports: list[str] = []
    with pytest.raises(DeployError, match="before the deadline") as caught:
        wait(address, job, deadline=deadline_until(lambda: bool(reports)), then=lambda: reports.append("first"))
    assert "2 of its pods failed so far" in caught.value.last_state
    assert caught.value.next_step.startswith("see the logs of its pods")


def test_a_failed_job_fails_at_once_with_its_log(api_server: ApiServer, address: ClusterAddress) -> None:
    """A failed Job ends the wait as soon as Kubernetes gives it up."""
    failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "it has reached the limit"}]
    job = manifest("Job", "migrate", api_version="batch/v1", spec={}, status={"conditions": failed})
    job["metadata"]["uid"] = "job-migrate"
    api_server.put("/apis/batch/v1/namespaces/shop/jobs/migrate", job)
    api_server.put(f"{CORE}/pods/migrate-x", live_pod("migrate-x", owner="job-migrate", phase="Failed"))
    api_server.logs[f"{CORE}/pods/migrate-x/log"] = "relation exists\n"
    with pytest.raises(DeployError, match="Job shop/migrate: Failed: BackoffLimitExceeded") as caught:
        wait(address, manifest("Job", "migrate", api_version="batch/v1"))
    assert "relation exists" in caught.value.last_state


def test_a_job_deleted_after_it_finished_is_ready(api_server: ApiServer, address: ClusterAddress) -> None:
    """With ttlSecondsAfterFinished: 0, the last state before the deletion counts."""
    path = "/apis/batch/v1/namespaces/shop/jobs/migrate"
    job = manifest("Job", "migrate", api_version="batch/v1", spec={"ttlSecondsAfterFinished": 0}, status={"active": 1})
    api_server.put(path, job)

    def finish() -> None:
        api_server.wait_watched("/jobs")
        api_server.put(path, {**job, "status": {"conditions": [{"type": "Complete", "status": "True"}]}})
        api_server.remove(path)

    assert wait(address, job, then=finish)[-1] == "1 of 1 ready"


def test_a_job_deleted_while_the_watch_is_broken_is_judged_by_its_events(api_server: ApiServer, address: ClusterAddress) -> None:
    """The next list no longer includes the Job, so its events decide."""
    path = "/apis/batch/v1/namespaces/shop/jobs/migrate"
    api_server.put(path, manifest("Job", "migrate", api_version="batch/v1", spec={}, status={"active": 1}))

    def vanish() -> None:
        api_server.wait_watched("/jobs")
        with api_server.lock:
            del api_server.objects[path]
            for _, events in api_server.watches.values():
                events.put({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}})
        api_server.put(f"{CORE}/events/e", event("Completed", "Job completed", name="migrate", kind="Job"))

    assert wait(address, manifest("Job", "migrate", api_version="batch/v1"), then=vanish)[-1] == "1 of 1 ready"


def test_a_job_that_was_never_seen_is_judged_by_its_events(api_server: ApiServer, address: ClusterAddress) -> None:
    """The Job had finished and was deleted before the first list."""
    done = event("Completed", "Job completed", name="migrate", kind="Job")
    done["involvedObject"]["uid"] = "job-migrate"
    api_server.put(f"{CORE}/events/e", done)
    assert wait(address, manifest("Job", "migrate", api_version="batch/v1")) == ["1 of 1 ready"]


def test_a_kind_of_another_group_is_not_watched(api_server: ApiServer, address: ClusterAddress) -> None:
    """A Volcano Job is not a Kubernetes Job, so it is ready once applied."""
    wait(address, manifest("Job", "train", api_version="batch.volcano.sh/v1alpha1"))
    assert api_server.watches == {}


def test_missing_read_permission_fails_the_wait(api_server: ApiServer, address: ClusterAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing permissions are final; the error quotes the server."""
    monkeypatch.setattr(informer, "RETRY_SECONDS", 0.01)
    api_server.refusals.append(Refusal("GET", "/pods", 403, 'pods is forbidden: User "ci" cannot list resource "pods"'))
    with pytest.raises(DeployError, match='User "ci" cannot list resource "pods"') as caught:
        wait(replace(address, existing=True))
    assert "list and watch" in caught.value.next_step


def test_only_the_applications_namespaces_are_watched_in_an_existing_cluster(api_server: ApiServer, address: ClusterAddress) -> None:
    """On an existing cluster neither nodes nor other namespaces are read."""
    api_server.put(WEB, live_deployment(2))
    wait(replace(address, existing=True))
    requested = set(api_server.paths("GET"))
    assert "/api/v1/nodes" not in requested
    assert {path for path in requested if path.endswith("/pods")} == {f"{CORE}/pods"}


def test_cluster_scoped_objects_are_not_awaited_in_an_existing_cluster(api_server: ApiServer, address: ClusterAddress) -> None:
    """A CustomResourceDefinition belongs to the cluster's owner and might not be readable."""
    api_server.put(WEB, live_deployment(2))
    definition = manifest("CustomResourceDefinition", "a.example.dev", namespace="", api_version="apiextensions.k8s.io/v1")
    reports: list[str] = []
    wait_ready(rendered(definition, deployment()), replace(address, existing=True), Deadline.after(60), reports.append)
    assert reports == ["1 of 1 ready"]


def test_an_unresponsive_server_is_reported_at_the_deadline(api_server: ApiServer, address: ClusterAddress) -> None:
    """The error at the deadline reports an unresponsive API server, not an empty cluster."""
    api_server.refusals.append(Refusal("GET", "/pods", 503, "etcd is not ready"))
    with pytest.raises(DeployError) as caught:
        wait(address, deadline=deadline_until(lambda: api_server.was_requested_twice("GET", "/pods")))
    assert "etcd is not ready" in caught.value.last_state


def test_nothing_to_wait_for_ends_the_wait(api_server: ApiServer, address: ClusterAddress) -> None:
    """Manifests with only ConfigMaps open no watch."""
    wait(address, manifest("ConfigMap", "settings"))
    assert api_server.watches == {}


def test_no_thread_outlives_the_wait(api_server: ApiServer, address: ClusterAddress) -> None:
    """Open watches are closed at the end of the wait instead of running into their own timeout."""
    api_server.put(WEB, live_deployment(2))
    wait(address)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("watch ")] == []


@dataclass
class FakeClock:
    """A clock that advances only when it is set."""

    now: float = 100.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


def unprobed() -> dict[str, Any]:
    """A Deployment without a readiness probe: its container is ready as soon as it runs."""
    item = deployment()
    del item["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    return item


def test_readiness_must_last_without_a_readiness_probe() -> None:
    """A program that crashes on startup is briefly ready after each restart, so readiness must last."""
    clock = FakeClock()
    readiness = Readiness([unprobed()], nodes=None, clock=clock)
    ready, crashed = Snapshot([live_deployment(2)]), Snapshot([live_deployment(0)])
    for observed, seconds, kind in [
        (ready, 0.0, Pending),
        (ready, 2.9, Pending),
        (crashed, 0.1, Pending),
        (ready, 0.1, Pending),
        (ready, 3.0, Ready),
    ]:
        clock.now += seconds
        assert isinstance(readiness.evaluate(observed), kind)


def test_readiness_need_not_last_without_replicas() -> None:
    """Without replicas, no container can crash."""
    idle = unprobed()
    idle["spec"]["replicas"] = 0
    readiness = Readiness([idle], nodes=None, clock=FakeClock())
    assert readiness.evaluate(Snapshot([live_deployment(0, replicas=0)])) == Ready(None)


def test_readiness_need_not_last_with_a_readiness_probe() -> None:
    """A readiness probe is trusted immediately."""
    readiness = Readiness([deployment()], nodes=None, clock=FakeClock())
    assert readiness.evaluate(Snapshot([live_deployment(2)])) == Ready(None)


def test_a_cause_is_final_after_its_grace_period() -> None:
    """A cause is final after its grace period, which restarts if the cause goes away and returns."""
    clock = FakeClock()
    readiness = Readiness([deployment()], nodes=None, clock=clock)
    missing = Snapshot([live_deployment(0), live_replicaset(), live_pod(**waiting("CreateContainerConfigError", "secret not found"))])
    starting = Snapshot([live_deployment(0), live_replicaset(), live_pod(**waiting("ContainerCreating"))])
    for observed, seconds, kind in [(missing, 0.0, Pending), (missing, 4.9, Pending), (starting, 0.1, Pending), (missing, 1.0, Pending)]:
        clock.now += seconds
        assert isinstance(readiness.evaluate(observed), kind)
    clock.now += 5.0
    assert isinstance(readiness.evaluate(missing), PermanentFailure)
    assert readiness.cause is not None
    assert readiness.cause.reason == "CreateContainerConfigError"


def evaluated(workload: dict[str, Any], *objects: dict[str, Any]) -> Cause | None:
    """Return the cause that ends the wait for this workload at once."""
    readiness = Readiness([workload], nodes=None, clock=FakeClock())
    readiness.evaluate(Snapshot([workload, *objects]))
    return readiness.cause


def test_a_failed_pod_states_its_reason_once() -> None:
    """Its phase and its status report the same eviction."""
    pod = {**live_pod(phase="Failed", reason="Evicted", message="Usage of EmptyDir exceeds the limit"), "apiVersion": "v1"}
    cause = evaluated(pod)
    assert cause is not None
    assert cause.message == "the pod failed: Evicted Usage of EmptyDir exceeds the limit"
    assert cause.kind is CauseKind.EVICTION


@pytest.mark.parametrize(
    ("message", "pods", "kind"),
    [
        ("Job was active longer than specified deadline", (), CauseKind.DEADLINE),
        (
            "Job was active longer than specified deadline",
            (live_pod(owner="job", **waiting("ErrImagePull", "gone")),),
            CauseKind.IMAGE_PULL,
        ),
        ("Job has reached the specified backoff limit", (), CauseKind.UNKNOWN),
    ],
)
def test_a_failed_job_has_the_kind_of_its_pods_cause(message: str, pods: tuple[dict[str, Any], ...], kind: CauseKind) -> None:
    """The deadline is the cause only if nothing explains why it passed."""
    failed = [{"type": "Failed", "status": "True", "reason": "Failed", "message": message}]
    job = manifest("Job", "migrate", api_version="batch/v1", spec={}, status={"conditions": failed, "failed": 1})
    job["metadata"]["uid"] = "job"
    cause = evaluated(job, *pods)
    assert cause is not None
    assert cause.kind is kind


@pytest.mark.parametrize(
    ("deleted", "reason"), [((), "NotFound"), ((live_deployment(2),), "Deleted")], ids=["never seen", "deleted by something else"]
)
def test_a_missing_object_is_named_after_a_while(deleted: tuple[dict[str, Any], ...], reason: str) -> None:
    """A missing object is final after a while: it was applied, so it will not appear later."""
    clock = FakeClock()
    readiness = Readiness([deployment()], nodes=None, clock=clock)
    assert isinstance(readiness.evaluate(Snapshot([], deleted)), Pending)
    clock.now += ABSENT_SECONDS
    assert isinstance(readiness.evaluate(Snapshot([], deleted)), PermanentFailure)
    assert readiness.cause is not None
    assert (readiness.cause.reason, str(readiness.cause.object)) == (reason, "Deployment shop/web")


def test_a_missing_object_is_not_final_while_others_are_starting() -> None:
    """While another object is still pending, a missing object does not end the wait."""
    clock = FakeClock()
    readiness = Readiness([deployment(), service()], nodes=None, clock=clock)
    for seconds in (0.0, ABSENT_SECONDS):
        clock.now += seconds
        assert isinstance(readiness.evaluate(Snapshot([live_deployment(1)])), Pending)
    assert isinstance(readiness.evaluate(Snapshot([live_deployment(2)])), Pending)
    clock.now += ABSENT_SECONDS
    assert isinstance(readiness.evaluate(Snapshot([live_deployment(2)])), PermanentFailure)


def test_a_claim_that_gets_no_volume_is_named() -> None:
    """A claim without a volume is reported with the reason, such as a missing storage class."""
    clock = FakeClock()
    claim = manifest("PersistentVolumeClaim", "data", spec={}, status={"phase": "Pending"})
    missing = event("ProvisioningFailed", 'storageclass "fast" not found', name="data", kind="PersistentVolumeClaim")
    readiness = Readiness([claim], nodes=None, clock=clock)
    assert isinstance(readiness.evaluate(Snapshot([claim, missing])), Pending)
    clock.now += 5.0
    progress = readiness.evaluate(Snapshot([claim, missing]))
    assert isinstance(progress, PermanentFailure)
    assert progress.cause == 'PersistentVolumeClaim shop/data: ProvisioningFailed: storageclass "fast" not found'


def crashing(restarts: int) -> tuple[dict[str, Any], ...]:
    """The Deployment shop/web with a container that has crashed `restarts` times."""
    pod = live_pod(**waiting("CrashLoopBackOff", restartCount=restarts))
    return live_deployment(0), live_replicaset(), pod


def database(ready: int, namespace: str = "shop") -> dict[str, Any]:
    """The StatefulSet db with this many of its one pod ready."""
    item = manifest("StatefulSet", "db", namespace=namespace, api_version="apps/v1", spec={"replicas": 1})
    item["metadata"] |= {"uid": "db"}
    return {**item, "status": {"replicas": 1, "readyReplicas": ready}}


def test_a_crash_is_tolerated_while_another_workload_starts() -> None:
    """A program that exits without its database gets one more start after the database is ready."""
    readiness = Readiness([deployment(), database(0)], nodes=None, clock=FakeClock())
    assert isinstance(readiness.evaluate(Snapshot([*crashing(1), database(0)])), Pending)
    assert isinstance(readiness.evaluate(Snapshot([*crashing(2), database(1)])), Pending)
    assert isinstance(readiness.evaluate(Snapshot([*crashing(3), database(1)])), PermanentFailure)

    readiness = Readiness([deployment(), database(0)], nodes=None, clock=FakeClock())
    assert isinstance(readiness.evaluate(Snapshot([*crashing(2), database(0)])), Pending)
    assert isinstance(readiness.evaluate(Snapshot([*crashing(2), database(1)])), Pending)
    assert readiness.evaluate(Snapshot([live_deployment(2), database(1)])) == Ready(None)


def test_tolerated_crashes_are_limited() -> None:
    """The number of excused crashes is limited, even if the other workload never becomes ready."""
    readiness = Readiness([deployment(), database(0)], nodes=None, clock=FakeClock())
    assert isinstance(readiness.evaluate(Snapshot([*crashing(TOLERATED_RESTARTS), database(0)])), Pending)
    assert isinstance(readiness.evaluate(Snapshot([*crashing(TOLERATED_RESTARTS + 1), database(0)])), PermanentFailure)


def test_a_crash_is_not_tolerated_for_another_namespace() -> None:
    """A starting ingress controller does not excuse a crash of the application."""
    readiness = Readiness([deployment(), database(0, "ingress")], nodes=None, clock=FakeClock())
    assert isinstance(readiness.evaluate(Snapshot([*crashing(1), database(0, "ingress")])), PermanentFailure)


@pytest.mark.parametrize("restarts", [0, 1, 2])
def test_a_crash_of_the_only_workload_ends_the_wait(restarts: int) -> None:
    """Nothing else is pending, so the workload cannot be waiting for it."""
    readiness = Readiness([deployment(), service()], nodes=None, clock=FakeClock())
    assert isinstance(readiness.evaluate(Snapshot([*crashing(restarts), service()])), PermanentFailure)
