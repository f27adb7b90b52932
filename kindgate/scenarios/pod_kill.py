"""Pods of the application are killed: one of each workload or all, with their grace period or without.

Their controllers replace them. A workload with several replicas, whose pods answer until they are asked no more, loses no
request if one of them ends gracefully. If all end at once, requests are lost until a new pod is ready.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import request_if_exists
from kindgate.deploy.snapshot import Snapshot
from kindgate.errors import ScenarioError
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.object_status import app_container_statuses
from kindgate.scenarios.action import Note, UndoStep
from kindgate.scenarios.live_pods import ready_pods_of, uid_of, watched
from kindgate.scenarios.rollout import READ_SECONDS, read_workloads, wait_rolled_out
from kindgate.scenarios.state_diff import differences
from kindgate.waiting import Deadline, Pending, Ready, wait_for

_CHECK_SECONDS = 1.0


class PodKill:
    """Delete one ready pod of each workload, or with `all_pods` all of them at once; with `now`, without a grace period.

    The API server forgets a pod without a grace period at once; its node's kubelet still gives its processes a second or two.
    """

    scenario = "chaos"

    def __init__(
        self, address: ClusterAddress, workloads: Sequence[ObjectRef], *, all_pods: bool = False, now: bool = False, name: str = ""
    ) -> None:
        self.name = f"{name or ('kill-pods' if all_pods else 'kill-pod')}{'-now' if now else ''}"
        self.workloads = tuple(workloads)
        self._address = address
        self._all_pods = all_pods
        self._now = now

    @property
    def targets(self) -> tuple[str, ...]:
        """The workloads, for people."""
        return tuple(map(str, self.workloads))

    @functools.cached_property
    def before(self) -> tuple[Manifest, ...]:
        """The workloads as they are before the action, read when first needed; raises `DeployError` and `ScenarioError`."""
        return read_workloads(self._address, self.workloads)

    def undo(self) -> tuple[UndoStep, ...]:
        """No steps, since the controllers replace the pods. Raises `ScenarioError` for a workload without a ready pod."""
        assert self.before is not None  # noqa: S101  # reads it
        deadline = Deadline.after(READ_SECONDS)
        with connect(self._address) as api, watched(api, self.workloads, deadline) as informer:
            for ref in self.workloads:
                self._victims(informer.snapshot(), ref)
        return ()

    def run(self, note: Note, deadline: Deadline) -> None:
        """Kill the pods, and wait until as many others are ready and the killed ones are gone."""
        with connect(self._address) as api, watched(api, self.workloads, deadline) as informer:
            snapshot = informer.snapshot()
            expected = {ref: len(ready_pods_of(snapshot, ref)) for ref in self.workloads}
            victims = [pod for ref in self.workloads for pod in self._victims(snapshot, ref)]
            killed = {identity for pod in victims for identity in self._killed(pod)}
            began = deadline.clock()
            with ThreadPoolExecutor(len(victims)) as pool:  # one after the other, the last could outlive the first one's successor
                for pod, _ in zip(victims, pool.map(lambda pod: self._kill(api, pod, deadline), victims), strict=True):
                    note(f"{self.name}: {ObjectRef.of(pod)}")
            wait_for(
                "as many ready pods as before",
                lambda: pods_replaced(informer.snapshot(), expected, killed),
                deadline,
                interval=_CHECK_SECONDS,
                pause=informer.wait,
            )
            note(f"{self.name}: as many are ready as before, {deadline.clock() - began:.1f} s after the first was killed")
            # A graceful pod may answer for longer than its successor takes to start, and lose requests when it ends.
            wait_for(
                "what was killed to be gone",
                lambda: pods_gone(informer.snapshot(), killed),
                deadline,
                interval=_CHECK_SECONDS,
                pause=informer.wait,
            )
            note(f"{self.name}: what was killed is gone")

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """Wait until the workloads are ready, and return how they differ from before."""
        wait_rolled_out(self._address, self.before, deadline)
        return differences(self.before, read_workloads(self._address, self.workloads))

    def _victims(self, snapshot: Snapshot, workload: ObjectRef) -> list[Manifest]:
        """The pods to kill; raises `ScenarioError` if none is ready."""
        ready = ready_pods_of(snapshot, workload)
        if not ready:
            raise ScenarioError(f"{workload} has no ready pod that could be killed", next_step="limit the scenario to other workloads")
        return ready if self._all_pods else ready[:1]

    def _killed(self, pod: Manifest) -> tuple[str, ...]:
        """The identities of what ends when this pod is a victim."""
        return (uid_of(pod),)

    def _kill(self, api: Api, pod: Manifest, deadline: Deadline) -> None:
        ref = ObjectRef.of(pod)
        options = {"preconditions": {"uid": uid_of(pod)}, **({"gracePeriodSeconds": 0} if self._now else {})}
        request_if_exists(api, "DELETE", f"/api/v1/namespaces/{ref.namespace}/pods/{ref.name}", deadline, body=options)


def identities(pod: Manifest) -> frozenset[str]:
    """The pod's uid and the identifiers of its containers, running or not."""
    return frozenset({uid_of(pod), *(str(status.get("containerID")) for status in app_container_statuses(pod))})


def pods_replaced(snapshot: Snapshot, expected: Mapping[ObjectRef, int], killed: AbstractSet[str]) -> Ready[None] | Pending:
    """Whether each workload has its `expected` number of ready pods again, without those that are or contain what was `killed`."""
    counts = {ref: sum(identities(pod).isdisjoint(killed) for pod in ready_pods_of(snapshot, ref)) for ref in expected}
    missing = [f"{ref}: {counts[ref]} of {number} pods ready" for ref, number in expected.items() if counts[ref] < number]
    return Pending("\n".join(missing)) if missing else Ready(None)


def pods_gone(snapshot: Snapshot, killed: AbstractSet[str]) -> Ready[None] | Pending:
    """Whether nothing that was `killed` exists any more."""
    left = [str(ObjectRef.of(pod)) for pod in snapshot.of_kind("Pod") if not identities(pod).isdisjoint(killed)]
    return Pending(f"terminating: {', '.join(left)}") if left else Ready(None)
