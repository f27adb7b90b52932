"""The cluster's DNS fails for some seconds: CoreDNS is scaled to zero, and back.

An application that keeps its connections, or looks up no names, loses nothing. Only on clusters that kindgate created.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import retried
from kindgate.deploy.snapshot import Snapshot
from kindgate.errors import ScenarioError
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.scenarios.action import Note, UndoStep
from kindgate.scenarios.json_patch import Patch, disown_step, expect, patch_step, replace_value
from kindgate.scenarios.live_pods import ready_pods_of, watched
from kindgate.scenarios.node_fault import FAULT_SECONDS, checked_seconds
from kindgate.scenarios.rollout import read_workloads, wait_rolled_out
from kindgate.scenarios.state_diff import differences
from kindgate.waiting import Deadline, Pending, Ready, wait_for

COREDNS: Final = ObjectRef("Deployment", "kube-system", "coredns")
"""kubeadm's DNS server."""

_PATH = f"/apis/apps/v1/namespaces/{COREDNS.namespace}/deployments/{COREDNS.name}"
_REPLICAS = "/spec/replicas"
_CHECK_SECONDS = 0.5


class DnsLoss:
    """Scale CoreDNS to zero, wait until no server is left, and scale it back `seconds` later."""

    scenario = "chaos"
    name = "lose-dns"
    targets = (str(COREDNS),)

    def __init__(self, address: ClusterAddress, workloads: Sequence[ObjectRef], *, seconds: float = FAULT_SECONDS) -> None:
        self.workloads = tuple(workloads)
        self._address = address
        self._seconds = checked_seconds(seconds)

    @functools.cached_property
    def before(self) -> tuple[Manifest, ...]:
        """The workloads as they are before the action, and last CoreDNS; raises `DeployError` and `ScenarioError`."""
        return self._state()

    def undo(self) -> tuple[UndoStep, ...]:
        """Restore the replicas and the owners of the fields. Raises `ScenarioError` on an existing cluster, and without a server."""
        if self._address.existing:
            raise ScenarioError("the DNS of an existing cluster also serves others", next_step="create a cluster")
        if not self._replicas:
            raise ScenarioError(f"{COREDNS} has no replicas to lose")
        return (patch_step(COREDNS, self._restore()), disown_step(self.before[-1], expect(_REPLICAS, self._replicas)))

    def run(self, note: Note, deadline: Deadline) -> None:
        """Lose the DNS servers, and wait until as many are ready as before. Raises `KindgateError` if they do not return."""
        with connect(self._address) as api, watched(api, [COREDNS], deadline) as informer:
            expected = len(ready_pods_of(informer.snapshot(), COREDNS))
            began = deadline.clock()
            self._patch(api, [expect(_REPLICAS, self._replicas), replace_value(_REPLICAS, 0)], deadline)
            note(f"{self.name}: {COREDNS} is scaled to zero")
            wait_for("CoreDNS to end", lambda: _ended(informer.snapshot()), deadline, interval=_CHECK_SECONDS, pause=informer.wait)
            lost = deadline.clock()
            note(f"{self.name}: no server is left, {lost - began:.1f} s later")
            held = Deadline.after(self._seconds, deadline.clock)
            wait_for("the fault to last", lambda: Ready(None) if held.expired else Pending("it lasts"), deadline, interval=self._seconds)
            self._patch(api, self._restore(), deadline)
            wait_for(
                "CoreDNS to be ready again",
                lambda: _returned(informer.snapshot(), expected),
                deadline,
                interval=_CHECK_SECONDS,
                pause=informer.wait,
            )
            note(f"{self.name}: as many servers are ready as before, {deadline.clock() - lost:.1f} s after the last one had ended")

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """Wait until all are ready, and return how they differ from before."""
        wait_rolled_out(self._address, self.before, deadline)
        return differences(self.before, self._state())

    @property
    def _replicas(self) -> int:
        return int(self.before[-1]["spec"].get("replicas", 1))

    def _restore(self) -> Patch:
        metadata = self.before[-1]["metadata"]
        changed = (expect("/metadata/uid", metadata["uid"]), expect("/metadata/generation", metadata["generation"] + 1))
        return [*changed, expect(_REPLICAS, 0), replace_value(_REPLICAS, self._replicas)]

    def _state(self) -> tuple[Manifest, ...]:
        return read_workloads(self._address, [*self.workloads, COREDNS])

    def _patch(self, api: Api, patch: Patch, deadline: Deadline) -> None:
        kind = "application/json-patch+json"
        retried(lambda: api.request("PATCH", _PATH, deadline, body=patch, content_type=kind), f"{COREDNS} cannot be scaled", deadline)


def _ended(snapshot: Snapshot) -> Ready[None] | Pending:
    """Whether no server is left; a terminating one still answers."""
    live = snapshot.get(COREDNS)
    left = [] if live is None else [*snapshot.pods_of_all_revisions(live), *snapshot.terminating_pods(live)]
    return Pending(f"left: {', '.join(str(ObjectRef.of(pod)) for pod in left)}") if left else Ready(None)


def _returned(snapshot: Snapshot, expected: int) -> Ready[None] | Pending:
    ready = len(ready_pods_of(snapshot, COREDNS))
    return Ready(None) if ready >= expected else Pending(f"{ready} of {expected} servers are ready")
