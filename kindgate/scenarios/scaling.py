"""The actions of the scenario `scaling`: the load rises until autoscalers add pods, and they remove them once it has fallen.

An action never sets a number of pods itself. A correct application gets a new pod while the load is high, and loses no
request while pods are removed.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import request_if_exists, retried
from kindgate.deploy.informer import Informer
from kindgate.deploy.snapshot import Snapshot
from kindgate.errors import ScenarioError, WaitFailed, WaitTimeout
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.object_status import is_true
from kindgate.scenarios.action import Note, UndoStep
from kindgate.scenarios.autoscaler_patch import change_patch, undo_steps
from kindgate.scenarios.autoscalers import (
    KIND,
    Autoscaler,
    bounds_of,
    collection,
    inability,
    may_scale_in,
    replicas_of,
    situation,
    upper_limit,
    window_of,
)
from kindgate.scenarios.live_pods import ready_pods_of, watched
from kindgate.scenarios.state_diff import differences
from kindgate.slo.episode_objectives import SCALE_IN, SCALE_OUT, SCALE_OUT_SECONDS, SCALING
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

METRICS_API = "/apis/metrics.k8s.io/v1beta1"

METRICS_SECONDS = 60.0
"""Seconds for a new pod's first metrics: metrics-server needs two measurements, an autoscaler looks every 15 s."""

UNABLE_SECONDS = 30.0
"""Seconds for which an autoscaler must be unable to scale before the action fails: two of its looks."""

SETTLED_SECONDS = 45.0
"""Seconds without another change after which a scale-in has ended above the smallest number of pods: three looks."""

WINDOW_SECONDS = 0
"""The stabilization window of scale-ins during the action: its usual five minutes would be load without an event."""

_READ_SECONDS = 30.0
_CHECK_SECONDS = 1.0


class _Scaling:
    """What both actions have in common: the autoscalers, as they were before."""

    scenario = SCALING

    def __init__(self, address: ClusterAddress, autoscalers: Sequence[Autoscaler]) -> None:
        self.autoscalers = tuple(autoscalers)
        self.workloads: tuple[ObjectRef, ...] = tuple(dict.fromkeys(each.workload for each in autoscalers))
        self._address = address

    @property
    def targets(self) -> tuple[str, ...]:
        """The workloads, for people."""
        return tuple(map(str, self.workloads))

    @functools.cached_property
    def before(self) -> tuple[Manifest, ...]:
        """The autoscalers as they are before the action, read when first needed; raises `DeployError` and `ScenarioError`."""
        return self._read()

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """How the autoscalers differ from before; the number of pods is theirs, and follows the load."""
        return differences(self.before, self._read(deadline))

    def _read(self, deadline: Deadline | None = None) -> tuple[Manifest, ...]:
        with connect(self._address) as api:
            return read_autoscalers(api, self.autoscalers, deadline or Deadline.after(_READ_SECONDS))

    @contextmanager
    def _watched(self, api: Api, deadline: Deadline) -> Iterator[Informer]:
        namespaces = sorted({each.ref.namespace for each in self.autoscalers})
        with watched(api, self.workloads, deadline, more=[(KIND, collection(name)) for name in namespaces]) as informer:
            yield informer


class ScaleOut(_Scaling):
    """Wait under a rising load until every autoscaler has added pods, and they are ready.

    The load rises by itself from the beginning of the action (`kindgate.scenarios.episode_load.Ramp`).
    """

    name = SCALE_OUT

    def undo(self) -> tuple[UndoStep, ...]:
        """No steps: the autoscalers remove what they added. Waits for their metrics first.

        Raises `ScenarioError` without a metrics API, and for an autoscaler that has added all its pods already.
        """
        with connect(self._address) as api:
            deadline = Deadline.after(METRICS_SECONDS)
            if request_if_exists(api, "GET", METRICS_API, deadline) is None:
                raise ScenarioError(
                    "the cluster has no metrics API, so no autoscaler can act", next_step="install metrics-server in the cluster"
                )
            wait_for("metrics of the pods", lambda: self._metrics(api, deadline), Deadline.after(2 * METRICS_SECONDS), interval=1.0)
        for each, live in zip(self.autoscalers, self.before, strict=True):
            least, most = bounds_of(live)
            if least < most <= replicas_of(live)[0]:
                raise ScenarioError(
                    f"{each} cannot add a pod: {each.workload} has {most} already, its maxReplicas",
                    next_step=f"wait until it has removed some (its stabilization window is {window_of(live)} s), or lower --scenario-rate",
                )
        return ()

    def _metrics(self, api: Api, deadline: Deadline) -> Ready[None] | Pending:
        """Ready once the autoscalers act on metrics, or if they still do not at the deadline: the action then states why."""
        lives = read_autoscalers(api, self.autoscalers, Deadline.after(_READ_SECONDS))
        waiting = [live for live in lives if not is_true(live, "ScalingActive")]
        return Pending(situation(waiting[0])) if waiting and not deadline.expired else Ready(None)

    def run(self, note: Note, deadline: Deadline) -> None:
        """Wait for the new pods. Raises `ScenarioError` with the autoscaler's own reason if it adds none."""
        with connect(self._address) as api, self._watched(api, deadline) as informer:
            progress = _Progress(dict(zip(self.autoscalers, self.before, strict=True)), informer.snapshot(), note, deadline)
            in_time = deadline.at_most(SCALE_OUT_SECONDS)
            progress.wait("add a pod that is ready", progress.scaled_out, informer, in_time)
            note(f"{self.name}: every autoscaler has added pods, and they are ready")


class ScaleIn(_Scaling):
    """Shorten the autoscalers' stabilization windows at the lower load, and wait until they have removed pods and these are gone."""

    name = SCALE_IN

    def __init__(self, address: ClusterAddress, autoscalers: Sequence[Autoscaler]) -> None:
        super().__init__(address, autoscalers)
        self.episode = uuid.uuid4().hex

    def undo(self) -> tuple[UndoStep, ...]:
        """Restore the windows. Raises `ScenarioError` if no autoscaler can remove a pod."""
        for each, live in zip(self.autoscalers, self.before, strict=True):
            if not may_scale_in(live):
                raise ScenarioError(
                    f"{each} never removes a pod: its scaleDown policy is Disabled", next_step="limit the scenario to others"
                )
        if all(replicas_of(live)[0] <= bounds_of(live)[0] for live in self.before):
            raise ScenarioError(
                f"{', '.join(self.targets)}: no pod that an autoscaler could remove",
                last_state="; ".join(map(situation, self.before)),
                next_step="scale out first",
            )
        return tuple(step for live in self.before for step in undo_steps(live, self.episode))

    def run(self, note: Note, deadline: Deadline) -> None:
        """Shorten the windows and wait. Raises `ScenarioError` with the autoscaler's own reason if it removes no pod."""
        with connect(self._address) as api, self._watched(api, deadline) as informer:
            progress = _Progress(dict(zip(self.autoscalers, self.before, strict=True)), informer.snapshot(), note, deadline)
            for each, live in zip(self.autoscalers, self.before, strict=True):
                patch = change_patch(live, self.episode, WINDOW_SECONDS)
                retried(
                    functools.partial(api.request, "PATCH", each.path, deadline, body=patch, content_type="application/json-patch+json"),
                    f"{each} cannot be changed",
                    deadline,
                )
                note(f"{self.name}: {each}: stabilization window shortened from {window_of(live)} s to {WINDOW_SECONDS} s for this episode")
            progress.wait("remove a pod", progress.scaled_in, informer, deadline)
            note(f"{self.name}: removed pods are gone")


class _Progress:
    """What the autoscalers have done since the beginning of an action; `reasons` are those for which some are not done."""

    def __init__(self, before: Mapping[Autoscaler, Manifest], snapshot: Snapshot, note: Note, deadline: Deadline) -> None:
        self.reasons: dict[Autoscaler, str] = {}
        self._clock = deadline.clock
        self._note = note
        self._ready = {each: len(ready_pods_of(snapshot, each.workload)) for each in before}
        self._desired = {each: replicas_of(live)[1] for each, live in before.items()}
        self._began = self._clock()
        self._changed = dict.fromkeys(before, self._began)
        self._unable: dict[Autoscaler, float] = {}

    def wait(
        self, task: str, done: Callable[[Snapshot], Ready[None] | Pending | PermanentFailure], informer: Informer, by: Deadline
    ) -> None:
        """Wait until `done`; raises `ScenarioError` with the reason of an autoscaler that is not."""
        try:
            wait_for(f"autoscalers to {task}", lambda: done(informer.snapshot()), by, interval=_CHECK_SECONDS, pause=informer.wait)
        except (WaitFailed, WaitTimeout) as error:
            each, reason = next(iter(self.reasons.items()))
            raise ScenarioError(
                f"{each} did not {task}: {reason}",
                waited=error.waited,
                last_state=error.last_state,
                next_step=f"kubectl describe {each.ref.kind.lower()} -n {each.ref.namespace} {each.ref.name}",
            ) from error

    def scaled_out(self, snapshot: Snapshot) -> Ready[None] | Pending | PermanentFailure:
        """Whether every autoscaler has added pods that are ready."""
        self.reasons = {}
        for each, first in self._ready.items():
            live = snapshot.get(each.ref)
            if live is None:
                return self._failed(each, "it does not exist")
            desired, ready = self._follow(each, live), len(ready_pods_of(snapshot, each.workload))
            if desired > first and ready >= desired:
                continue
            if desired <= first and (upper_limit(live) or self._is_unable(each, live)):
                return self._failed(each, situation(live))
            self.reasons[each] = f"{ready} pods ready; {situation(live)}"
        return self._pending()

    def scaled_in(self, snapshot: Snapshot) -> Ready[None] | Pending | PermanentFailure:
        """Whether autoscalers have removed pods, these are gone, and no more are to follow."""
        self.reasons = {}
        kept = {}
        for each, first in self._ready.items():
            live, workload = snapshot.get(each.ref), snapshot.get(each.workload)
            if live is None or workload is None:
                return self._failed(each, f"{each if live is None else each.workload} does not exist")
            desired, pods = self._follow(each, live), snapshot.pods_of_all_revisions(workload)
            settled = desired <= bounds_of(live)[0] or self._clock() - self._changed[each] >= SETTLED_SECONDS
            if desired >= first:
                kept[each] = situation(live)
            if not settled or len(pods) > desired or snapshot.terminating_pods(workload):
                self.reasons[each] = situation(live)
            if desired >= first and self._is_unable(each, live):
                return self._failed(each, situation(live))
        if len(kept) == len(self._ready):
            self.reasons = kept
        return self._pending()

    def _follow(self, each: Autoscaler, live: Manifest) -> int:
        """The number of pods that the autoscaler wants now; a change is noted."""
        _, desired = replicas_of(live)
        if desired != self._desired.get(each):
            self._desired[each] = desired
            self._changed[each] = self._clock()
            self._note(f"{each} wants {desired} pods, {self._clock() - self._began:.1f} s after the beginning: {situation(live)}")
        return desired

    def _is_unable(self, each: Autoscaler, live: Manifest) -> bool:
        """Whether the autoscaler has been unable to scale for `UNABLE_SECONDS`."""
        if not inability(live):
            self._unable.pop(each, None)
            return False
        return self._clock() - self._unable.setdefault(each, self._clock()) >= UNABLE_SECONDS

    def _failed(self, each: Autoscaler, reason: str) -> PermanentFailure:
        self.reasons = {each: reason}
        return PermanentFailure(reason)

    def _pending(self) -> Ready[None] | Pending:
        return Pending("\n".join(f"{each}: {reason}" for each, reason in self.reasons.items())) if self.reasons else Ready(None)


def read_autoscalers(api: Api, autoscalers: Sequence[Autoscaler], deadline: Deadline) -> tuple[Manifest, ...]:
    """The live autoscalers; raises `ScenarioError` for one that does not exist."""
    found = []
    for each in autoscalers:
        live = request_if_exists(api, "GET", each.path, deadline)
        if live is None:
            raise ScenarioError(f"{each} does not exist", next_step="deploy the application first: `kindgate deploy`")
        found.append(live)
    return tuple(found)
