"""Waiting until all applied objects are ready: watches feed one state, and one deadline covers everything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from kindgate.deploy.advice import MORE_TIME, blocking, next_step
from kindgate.deploy.api_client import Api, connect
from kindgate.deploy.api_retry import answered
from kindgate.deploy.diagnosis import NEVER, Cause, causes, claim_causes
from kindgate.deploy.informer import Informer
from kindgate.deploy.snapshot import Snapshot
from kindgate.deploy.status import WAITED_FOR, WORKLOADS, progress
from kindgate.errors import ApiError, DeployError, WaitFailed, WaitTimeout
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered, kind_of
from kindgate.pod_templates import pod_template
from kindgate.waiting import Clock, Deadline, Pending, PermanentFailure, Ready, wait_for

OnProgress = Callable[[str], object]
"""Called with one line when the progress changes."""

LOG_LINES = 10
SETTLE_SECONDS = 3.0
"""Seconds that readiness must last if a container has no readiness probe: it counts as ready from start to crash."""

RESTARTS = 3
"""Tolerated crashes while another workload of the namespace starts: many programs exit if their database does not answer."""

_UNREACHABLE = "find out why the API server does not respond: run `kindgate doctor` to check this machine"

_LOOK_AGAIN = 1.0
"""Interval in seconds at which the state is evaluated without a change: a grace period might have ended."""

NOT_THERE_SECONDS = 10.0
"""Seconds before an applied object counts as missing from the server's lists, which lag by milliseconds."""

_PODS_AND_EVENTS = (("v1", "Pod"), ("v1", "Event"))
_COMPANIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(WORKLOADS, _PODS_AND_EVENTS),
    "Deployment": (("apps/v1", "ReplicaSet"), *_PODS_AND_EVENTS),
    "Service": (("discovery.k8s.io/v1", "EndpointSlice"),),
    "PersistentVolumeClaim": (("v1", "Event"),),
}
"""Kinds to watch in addition to an object to evaluate it, as apiVersion and kind."""


def wait_ready(rendered: Rendered, address: ClusterAddress, deadline: Deadline, on_progress: OnProgress = lambda _: None) -> None:
    """Wait until every object of `rendered` is ready, by the rules of `kindgate.deploy.status`.

    Raises `DeployError`: immediately with the root cause if an object can never become ready, otherwise at the deadline
    with everything that is not ready and why.
    """
    if address.existing:  # cluster-scoped objects were not applied there, and might not be readable
        rendered = replace(rendered, objects=tuple(item for item in rendered.objects if ObjectRef.of(item).namespace))
    with connect(address) as api:
        nodes = None if address.existing else _nodes(api, deadline)
        with Informer(api, _collections(api, rendered, address, deadline), deadline) as mirror:
            state = Readiness(rendered.objects, nodes=nodes, clock=deadline.clock)

            def probe() -> Ready[None] | Pending | PermanentFailure:
                if mirror.refusal:
                    return PermanentFailure(mirror.refusal, "allow the kubeconfig's user to list and watch the objects that it applies")
                if not mirror.complete:
                    return Pending(mirror.trouble or "listing the cluster's objects")
                return state.judge(mirror.snapshot(), trouble=mirror.trouble, on_progress=on_progress)

            try:
                wait_for("the application is not healthy", probe, deadline, interval=_LOOK_AGAIN, pause=mirror.wait)
            except WaitFailed as error:
                raise DeployError(
                    error.message, waited=error.waited, last_state=_logs(api, state.cause), next_step=error.next_step
                ) from error
            except WaitTimeout as error:
                cause = blocking(state.env)
                raise DeployError(
                    "the application did not become healthy before the deadline",
                    waited=error.waited,
                    last_state="\n".join(part for part in (error.last_state, _logs(api, cause)) if part),
                    next_step=_UNREACHABLE if mirror.trouble else next_step(cause) if cause is not None else MORE_TIME,
                ) from error


class Readiness:
    """Objects that are not ready yet, and the time since each cause was first seen."""

    def __init__(self, manifests: Iterable[Manifest], *, nodes: Sequence[Manifest] | None, clock: Clock) -> None:
        self._wanted = [manifest for manifest in manifests if kind_of(manifest) in WAITED_FOR]
        self._nodes = nodes
        self._clock = clock
        self._since: dict[tuple[ObjectRef, str], float] = {}
        self._said = ""
        self._ready_since: float | None = None
        self._settle = SETTLE_SECONDS if any(_has_unprobed_container(manifest) for manifest in self._wanted) else 0.0
        self._forgiven: dict[tuple[ObjectRef, str], int] = {}
        self.cause: Cause | None = None
        self.env: list[Cause] = []
        """All causes found by the last evaluation."""

    def judge(
        self, observed: Snapshot, *, trouble: str = "", on_progress: OnProgress = lambda _: None
    ) -> Ready[None] | Pending | PermanentFailure:
        """Return whether everything is ready, can still become ready, or cannot; `cause` then has the reason."""
        unready: list[str] = []
        starting: set[str] = set()
        env: list[Cause] = []
        absent: list[Cause] = []
        for manifest in self._wanted:
            ref = ObjectRef.of(manifest)
            answer = progress(manifest, observed)
            if isinstance(answer, Ready):
                continue
            live = observed.get(ref)
            found = self._causes(manifest, live, observed) if live is not None else []
            if isinstance(answer, PermanentFailure):
                found.append(_failure(ref, answer.cause, found, live, observed))
            elif live is None:
                absent.append(_absence(ref, observed))
            elif kind_of(manifest) in WORKLOADS and all(cause.restarts is None for cause in found):
                starting.add(ref.namespace)
            env += found
            state = answer.state if isinstance(answer, Pending) else answer.cause
            unready.append("\n".join([f"{ref}: {state}", *(f"  {cause}" for cause in _each_once(found))]))
        self._report(len(unready), unready, on_progress)
        if len(absent) == len(unready):  # otherwise an object that is not ready might still create what is missing
            env += absent
        self.env = [self._patiently(cause, starting) for cause in env]
        final = self._final(self.env)
        if final is not None:
            self.cause = final
            return PermanentFailure(str(final), next_step(final))
        if unready:
            self._ready_since = None
            return Pending("\n".join([*([f"the API server: {trouble}"] if trouble else []), *unready]))
        return self._settled()

    def _causes(self, manifest: Manifest, live: Manifest, observed: Snapshot) -> list[Cause]:
        kind = kind_of(manifest)
        if kind == "PersistentVolumeClaim":
            return claim_causes([ObjectRef.of(live)], observed)
        return causes(live, observed, self._nodes) if kind in WORKLOADS else []

    def _patiently(self, cause: Cause, starting: Collection[str]) -> Cause:
        """Tolerate a crash while workloads that it might need are `starting` in its namespace, and for one start after that."""
        if cause.restarts is None or cause.restarts > RESTARTS:
            return cause
        container = (cause.object, cause.container)
        if cause.object.namespace in starting:
            self._forgiven[container] = cause.restarts + 1  # the next run can still begin before they are ready
        return replace(cause, grace=NEVER) if cause.restarts <= self._forgiven.get(container, -1) else cause

    def _settled(self) -> Ready[None] | Pending:
        """Return ready once everything has stayed ready long enough."""
        now = self._clock()
        self._ready_since = now if self._ready_since is None else self._ready_since
        lasted = now - self._ready_since
        return (
            Ready(None)
            if lasted >= self._settle
            else Pending(f"everything is ready but must stay so for {self._settle:.0f} s: no readiness probe")
        )

    def _final(self, env: Sequence[Cause]) -> Cause | None:
        """Return the first cause that outlived its grace; a cause that disappears and returns starts over."""
        now = self._clock()
        self._since = {(cause.object, cause.reason): self._since.get((cause.object, cause.reason), now) for cause in env}
        over = (cause for cause in env if now - self._since[cause.object, cause.reason] >= cause.grace)
        return min(over, key=lambda cause: cause.grace, default=None)

    def _report(self, count: int, unready: Sequence[str], on_progress: OnProgress) -> None:
        done = f"{len(self._wanted) - count} of {len(self._wanted)} ready"
        said = f"{done}; {unready[0].splitlines()[0]}" if unready else done
        if said != self._said:
            self._said = said
            on_progress(said)


def _has_unprobed_container(manifest: Manifest) -> bool:
    """Return whether a container of this workload counts as ready as soon as it runs."""
    template = pod_template(manifest) if kind_of(manifest) in WORKLOADS - {"Job"} else None
    if template is None or (manifest.get("spec") or {}).get("replicas") == 0:
        return False
    containers = template.spec.get("containers") or ()
    return any("readinessProbe" not in container for container in containers)


def _each_once(found: Iterable[Cause]) -> list[Cause]:
    """Return one cause per reason: ten pods of a Deployment report the same."""
    return list({cause.reason: cause for cause in found}.values())


def _absence(ref: ObjectRef, observed: Snapshot) -> Cause:
    """Return the cause for an object that something else deleted, or that was never listed."""
    if observed.gone(ref) is not None:
        return Cause(ref, "Deleted", "it was applied, then deleted by something else", NOT_THERE_SECONDS)
    return Cause(ref, "NotFound", "it was applied, but the API server does not list it", NOT_THERE_SECONDS)


def _failure(ref: ObjectRef, proof: str, found: Sequence[Cause], live: Manifest | None, observed: Snapshot) -> Cause:
    """Return the workload's own failure message with the first known cause, and a container whose log might show more."""
    proof = "; ".join([proof, *(f"{cause.reason}: {cause.proof}" for cause in found[:1])])
    pods = observed.pods(live) if live is not None else []
    if not pods:
        return Cause(ref, "Failed", proof)
    return Cause(ref, "Failed", proof, container=str(pods[-1]["spec"]["containers"][0]["name"]), pod=str(pods[-1]["metadata"]["name"]))


def _logs(api: Api, cause: Cause | None) -> str:
    """Return the last log lines of the container that the cause names; empty if it names none."""
    if cause is None or not cause.container:
        return ""
    pod = cause.pod or cause.object.name
    query = [("container", cause.container), ("tailLines", str(LOG_LINES)), ("previous", str(cause.previous).lower())]
    try:
        log = api.text(f"/api/v1/namespaces/{cause.object.namespace}/pods/{pod}/log", Deadline.after(5.0), query=query).strip()
    except ApiError as error:
        return f"log of container {cause.container}: {error.message}"
    return f"log of container {cause.container}:\n{log or '(empty)'}"


def _nodes(api: Api, deadline: Deadline) -> list[Manifest]:
    return list(answered(lambda: api.request("GET", "/api/v1/nodes", deadline), "cannot list the nodes", deadline)["items"])


def _collections(api: Api, rendered: Rendered, address: ClusterAddress, deadline: Deadline) -> list[tuple[str, str]]:
    """Return the collections to watch: cluster-wide in kindgate's own cluster, per namespace in an existing one."""
    waited_for = [item for item in rendered.objects if kind_of(item) in WAITED_FOR]
    kinds = dict.fromkeys((str(item["apiVersion"]), str(item["kind"])) for item in waited_for)
    kinds |= dict.fromkeys(pair for item in waited_for for pair in _COMPANIONS.get(kind_of(item), ()))
    namespaces = rendered.namespaces or ("default",)
    found: dict[str, str] = {}
    for api_version, kind in kinds:
        for namespace in namespaces if address.existing else ("",):
            found[api.collection(api_version, kind, namespace, deadline)] = kind
    return [(kind, path) for path, kind in found.items()]
