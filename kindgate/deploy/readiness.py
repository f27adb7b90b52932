"""Waiting until all applied objects are ready: watches feed one state, and one deadline covers everything."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import retried
from kindgate.deploy.advice import MORE_TIME, blocking_cause, next_step
from kindgate.deploy.diagnosis.cause import NO_GRACE, UNLIMITED_GRACE, Cause, CauseKind
from kindgate.deploy.diagnosis.messages import kind_of_text
from kindgate.deploy.diagnosis.pods import claim_causes
from kindgate.deploy.diagnosis.workloads import workload_causes
from kindgate.deploy.informer import Informer
from kindgate.deploy.snapshot import Snapshot
from kindgate.deploy.status import WAITED_FOR, WORKLOADS, object_readiness
from kindgate.errors import ApiError, DeployError, WaitFailed, WaitTimeout
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered, kind_of
from kindgate.pod_templates import pod_template
from kindgate.progress import Progress
from kindgate.waiting import Clock, Deadline, Pending, PermanentFailure, Ready, wait_for

LOG_LINES = 10
LOG_HEADING = "log of container"
"""Begins the part of an error that quotes an application, up to the end of the last state."""

STABLE_SECONDS = 3.0
"""Seconds that readiness must last if a container has no readiness probe: it counts as ready from start to crash."""

TOLERATED_RESTARTS = 3
"""Tolerated crashes while another workload of the namespace starts: many programs exit if their database does not answer."""

_UNREACHABLE = "find out why the API server does not respond: run `kindgate doctor` to check this machine"

_EVALUATION_INTERVAL = 1.0
"""Interval in seconds at which the state is evaluated without a change: a grace period might have ended."""

ABSENT_SECONDS = 10.0
"""Seconds before an applied object counts as missing from the server's lists, which lag by milliseconds."""

_PODS_AND_EVENTS = (("v1", "Pod"), ("v1", "Event"))
_RELATED_KINDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(WORKLOADS, _PODS_AND_EVENTS),
    "Deployment": (("apps/v1", "ReplicaSet"), *_PODS_AND_EVENTS),
    "Service": (("discovery.k8s.io/v1", "EndpointSlice"),),
    "PersistentVolumeClaim": (("v1", "Event"),),
}
"""Kinds to watch in addition to an object to evaluate it, as apiVersion and kind."""


def wait_ready(rendered: Rendered, address: ClusterAddress, deadline: Deadline, progress: Progress = lambda _: None) -> None:
    """Wait until every object of `rendered` is ready, by the rules of `kindgate.deploy.status`.

    Raises `DeployError`: immediately with the root cause if an object can never become ready, otherwise at the deadline
    with everything that is not ready and why.
    """
    if address.existing:  # cluster-scoped objects were not applied there, and might not be readable
        rendered = replace(rendered, objects=tuple(item for item in rendered.objects if ObjectRef.of(item).namespace))
    with connect(address) as api:
        nodes = None if address.existing else _list_nodes(api, deadline)
        with Informer(api, _collections(api, rendered, address, deadline), deadline) as informer:
            readiness = Readiness(rendered.objects, nodes=nodes, clock=deadline.clock)

            def probe() -> Ready[None] | Pending | PermanentFailure:
                if informer.list_refusal:
                    return PermanentFailure(
                        informer.list_refusal, "allow the kubeconfig's user to list and watch the objects that it applies"
                    )
                if not informer.all_listed:
                    return Pending(informer.watch_error or "listing the cluster's objects")
                return readiness.evaluate(informer.snapshot(), watch_error=informer.watch_error, progress=progress)

            try:
                wait_for("the application is not healthy", probe, deadline, interval=_EVALUATION_INTERVAL, pause=informer.wait)
            except WaitFailed as error:
                raise DeployError(
                    error.message, waited=error.waited, last_state=_logs(api, readiness.cause), next_step=error.next_step
                ) from error
            except WaitTimeout as error:
                cause = blocking_cause(readiness.causes)
                raise DeployError(
                    "the application did not become healthy before the deadline",
                    waited=error.waited,
                    last_state="\n".join(part for part in (error.last_state, _logs(api, cause)) if part),
                    next_step=_UNREACHABLE if informer.watch_error else next_step(cause) if cause is not None else MORE_TIME,
                ) from error


class Readiness:
    """Objects that are not ready yet, and the time since each cause was first seen."""

    def __init__(self, manifests: Iterable[Manifest], *, nodes: Sequence[Manifest] | None, clock: Clock) -> None:
        self._manifests = [manifest for manifest in manifests if kind_of(manifest) in WAITED_FOR]
        self._nodes = nodes
        self._clock = clock
        self._since: dict[tuple[ObjectRef, str], float] = {}
        self._last_report = ""
        self._ready_since: float | None = None
        self._stable_seconds = STABLE_SECONDS if any(_has_unprobed_container(manifest) for manifest in self._manifests) else 0.0
        self._tolerated_restarts: dict[tuple[ObjectRef, str], int] = {}
        self.cause: Cause | None = None
        self.causes: list[Cause] = []
        """All causes found by the last evaluation."""

    def evaluate(
        self, snapshot: Snapshot, *, watch_error: str = "", progress: Progress = lambda _: None
    ) -> Ready[None] | Pending | PermanentFailure:
        """Return whether everything is ready, can still become ready, or cannot; `cause` then has the reason."""
        unready: list[str] = []
        starting: set[str] = set()
        all_causes: list[Cause] = []
        absences: list[Cause] = []
        for manifest in self._manifests:
            ref = ObjectRef.of(manifest)
            readiness = object_readiness(manifest, snapshot)
            if isinstance(readiness, Ready):
                continue
            live = snapshot.get(ref)
            object_causes = self._causes(manifest, live, snapshot) if live is not None else []
            if isinstance(readiness, PermanentFailure):
                object_causes.append(_failure_cause(ref, readiness.cause, object_causes, live, snapshot))
            elif live is None:
                absences.append(_absence_cause(ref, snapshot))
            elif kind_of(manifest) in WORKLOADS and all(cause.restarts is None for cause in object_causes):
                starting.add(ref.namespace)
            all_causes += object_causes
            state = readiness.state if isinstance(readiness, Pending) else readiness.cause
            unready.append("\n".join([f"{ref}: {state}", *(f"  {cause}" for cause in _one_per_reason(object_causes))]))
        self._report(len(unready), unready, progress)
        if len(absences) == len(unready):  # otherwise an object that is not ready might still create what is missing
            all_causes += absences
        self.causes = [self._with_tolerance(cause, starting) for cause in all_causes]
        final = self._final(self.causes)
        if final is not None:
            self.cause = final
            return PermanentFailure(str(final), next_step(final))
        if unready:
            self._ready_since = None
            return Pending("\n".join([*([f"the API server: {watch_error}"] if watch_error else []), *unready]))
        return self._stable()

    def _causes(self, manifest: Manifest, live: Manifest, snapshot: Snapshot) -> list[Cause]:
        kind = kind_of(manifest)
        if kind == "PersistentVolumeClaim":
            return list(claim_causes([ObjectRef.of(live)], snapshot))
        return workload_causes(live, snapshot, self._nodes) if kind in WORKLOADS else []

    def _with_tolerance(self, cause: Cause, starting: Collection[str]) -> Cause:
        """Tolerate a crash while workloads that it might need are `starting` in its namespace, and for one start after that."""
        if cause.restarts is None or cause.restarts > TOLERATED_RESTARTS:
            return cause
        container = (cause.object, cause.container)
        if cause.object.namespace in starting:
            self._tolerated_restarts[container] = cause.restarts + 1  # the next run can still begin before they are ready
        return replace(cause, grace=UNLIMITED_GRACE) if cause.restarts <= self._tolerated_restarts.get(container, -1) else cause

    def _stable(self) -> Ready[None] | Pending:
        """Return ready once everything has stayed ready long enough."""
        now = self._clock()
        self._ready_since = now if self._ready_since is None else self._ready_since
        lasted = now - self._ready_since
        return (
            Ready(None)
            if lasted >= self._stable_seconds
            else Pending(f"everything is ready but must stay so for {self._stable_seconds:.0f} s: no readiness probe")
        )

    def _final(self, all_causes: Sequence[Cause]) -> Cause | None:
        """Return the first cause that outlived its grace; a cause that disappears and returns starts over."""
        now = self._clock()
        self._since = {(cause.object, cause.reason): self._since.get((cause.object, cause.reason), now) for cause in all_causes}
        expired = (cause for cause in all_causes if now - self._since[cause.object, cause.reason] >= cause.grace)
        return min(expired, key=lambda cause: cause.grace, default=None)

    def _report(self, count: int, unready: Sequence[str], progress: Progress) -> None:
        done = f"{len(self._manifests) - count} of {len(self._manifests)} ready"
        report = f"{done}; {unready[0].splitlines()[0]}" if unready else done
        if report != self._last_report:
            self._last_report = report
            progress(report)


def _has_unprobed_container(manifest: Manifest) -> bool:
    """Return whether a container of this workload counts as ready as soon as it runs."""
    template = pod_template(manifest) if kind_of(manifest) in WORKLOADS - {"Job"} else None
    if template is None or (manifest.get("spec") or {}).get("replicas") == 0:
        return False
    containers = template.spec.get("containers") or ()
    return any("readinessProbe" not in container for container in containers)


def _one_per_reason(causes: Iterable[Cause]) -> list[Cause]:
    """Return one cause per reason: ten pods of a Deployment report the same."""
    return list({cause.reason: cause for cause in causes}.values())


def _absence_cause(ref: ObjectRef, snapshot: Snapshot) -> Cause:
    """Return the cause for an object that something else deleted, or that was never listed."""
    if snapshot.deleted(ref) is not None:
        return Cause(CauseKind.MISSING, ref, "Deleted", "it was applied, then deleted by something else", ABSENT_SECONDS)
    return Cause(CauseKind.MISSING, ref, "NotFound", "it was applied, but the API server does not list it", ABSENT_SECONDS)


def _failure_cause(ref: ObjectRef, message: str, known_causes: Sequence[Cause], live: Manifest | None, snapshot: Snapshot) -> Cause:
    """Return the workload's own failure message with the first known cause, and a container whose log might show more."""
    first = next((cause for cause in known_causes if cause.message not in message), None)
    kind = next((cause.kind for cause in known_causes if cause.kind is not CauseKind.UNKNOWN), kind_of_text(message))
    failed = Cause(kind, ref, "Failed", message if first is None else f"{message}; {first.reason}: {first.message}", NO_GRACE)
    pods = snapshot.pods(live) if live is not None else []
    if not pods:
        return failed
    return replace(failed, container=str(pods[-1]["spec"]["containers"][0]["name"]), pod=str(pods[-1]["metadata"]["name"]))


def _logs(api: Api, cause: Cause | None) -> str:
    """Return the last log lines of the container that the cause names; empty if it names none."""
    if cause is None or not cause.container:
        return ""
    pod = cause.pod or cause.object.name
    query = [("container", cause.container), ("tailLines", str(LOG_LINES)), ("previous", str(cause.previous).lower())]
    try:
        log = api.text(f"/api/v1/namespaces/{cause.object.namespace}/pods/{pod}/log", Deadline.after(5.0), query=query).strip()
    except ApiError as error:
        return f"{LOG_HEADING} {cause.container}: {error.message}"
    return f"{LOG_HEADING} {cause.container}:\n{log or '(empty)'}"


def _list_nodes(api: Api, deadline: Deadline) -> list[Manifest]:
    return list(retried(lambda: api.request("GET", "/api/v1/nodes", deadline), "cannot list the nodes", deadline)["items"])


def _collections(api: Api, rendered: Rendered, address: ClusterAddress, deadline: Deadline) -> list[tuple[str, str]]:
    """Return the collections to watch: cluster-wide in kindgate's own cluster, per namespace in an existing one."""
    waited_for = [item for item in rendered.objects if kind_of(item) in WAITED_FOR]
    kinds = dict.fromkeys((str(item["apiVersion"]), str(item["kind"])) for item in waited_for)
    kinds |= dict.fromkeys(pair for item in waited_for for pair in _RELATED_KINDS.get(kind_of(item), ()))
    namespaces = rendered.namespaces or ("default",)
    kinds_by_path: dict[str, str] = {}
    for api_version, kind in kinds:
        for namespace in namespaces if address.existing else ("",):
            kinds_by_path[api.collection(api_version, kind, namespace, deadline)] = kind
    return [(kind, path) for path, kind in kinds_by_path.items()]
