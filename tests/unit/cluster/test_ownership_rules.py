"""Cluster ownership and the decision that follows: create, reuse, refuse, recreate or reap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.cluster.ownership_rules import (
    ClusterState,
    Create,
    NodeContainer,
    Owner,
    Recreate,
    Reuse,
    network_name,
    plan_opening,
    reap_reason,
)
from kindgate.errors import OwnershipError
from kindgate.process import Liveness, ProcessName
from tests.unit.cluster.machine import NOW, an_owner

RUNNING = (NodeContainer("shop-control-plane", "control-plane", running=True),)
STOPPED = (NodeContainer("shop-control-plane", "control-plane", running=False),)

owners = st.builds(
    Owner,
    cluster=st.text(min_size=1),
    run_id=st.text(min_size=1),
    process=st.none() | st.builds(ProcessName, st.integers(1, 4_000_000), st.text(), st.text(), st.text()),
    created=st.floats(0, 1e11),
    deadline=st.floats(0, 1e11),
    fingerprint=st.text(),
    keep=st.sampled_from(["never", "on-failure", "always"]),
    kept=st.booleans(),
    host_port=st.integers(0, 65535),
    tls_port=st.integers(0, 65535),
    root=st.just(Path("/a b/c=d,e")),
    kubeconfig=st.just(Path("/home/x/.kube,1")),
    node_image=st.text(),
)


REQUESTED = replace(an_owner(), run_id="other", host_port=0, tls_port=0)


@given(owners)
def test_labels_round_trip_an_owner(owner: Owner) -> None:
    """An owner survives its conversion to container labels and back."""
    assert Owner.from_labels(owner.labels()) == owner


@given(owners)
def test_the_state_file_round_trips_an_owner(owner: Owner) -> None:
    """An owner survives its conversion to the state file and back."""
    assert Owner.from_json(owner.to_json()) == owner


@given(st.dictionaries(st.text(), st.text()))
def test_foreign_labels_yield_no_owner(labels: dict[str, str]) -> None:
    """Labels from other programs yield no owner and no error."""
    assert Owner.from_labels(labels) is None


@given(st.text())
def test_a_damaged_state_file_yields_no_owner(text: str) -> None:
    """A truncated or edited state file yields no owner and no error."""
    assert Owner.from_json(text) is None


def test_an_unused_name_is_created() -> None:
    """A name that is not in use is created."""
    assert plan_opening(ClusterState("shop"), REQUESTED, Liveness.UNKNOWN, NOW) == Create()


@pytest.mark.parametrize("state", [ClusterState("shop", nodes=RUNNING), ClusterState("shop", owner_container="0123456789abcdef")])
def test_a_cluster_of_another_origin_is_refused(state: ClusterState) -> None:
    """Nodes without an owner, or an unrelated container with the owner container's name, are refused."""
    with pytest.raises(OwnershipError, match="kindgate did not create it"):
        plan_opening(state, REQUESTED, Liveness.UNKNOWN, NOW)


def test_a_released_kept_cluster_is_reused() -> None:
    """A kept cluster that is not in use and has the same fingerprint is reused."""
    owner = an_owner(process=None, kept=True)
    assert plan_opening(ClusterState("shop", owner, "id", RUNNING), REQUESTED, Liveness.UNKNOWN, NOW) == Reuse(owner)


def test_a_kept_cluster_of_a_dead_run_is_reused() -> None:
    """A killed run could not release its kept cluster."""
    owner = an_owner(kept=True)
    assert plan_opening(ClusterState("shop", owner, "id", RUNNING), REQUESTED, Liveness.DEAD, NOW) == Reuse(owner)


@pytest.mark.parametrize(
    ("owner", "nodes", "requested", "reason"),
    [
        (an_owner(), RUNNING, REQUESTED, "its run ended without deleting it"),
        (an_owner(kept=True), STOPPED, REQUESTED, "its containers are no longer running"),
        (an_owner(kept=True), (), REQUESTED, "its containers are no longer running"),
        (an_owner(kept=True), RUNNING, replace(REQUESTED, fingerprint="g"), "its configuration, node image or versions differ"),
        (an_owner(kept=True), RUNNING, replace(REQUESTED, host_port=80), "it listens on port 18080, not on 80"),
        (an_owner(kept=True), RUNNING, replace(REQUESTED, tls_port=443), "it listens for TLS on port 18443"),
        (replace(an_owner(kept=True), tls_port=0), RUNNING, REQUESTED, "it has no TLS port"),
    ],
)
def test_an_unsuitable_cluster_is_recreated(owner: Owner, nodes: tuple[NodeContainer, ...], requested: Owner, reason: str) -> None:
    """A cluster that cannot be reused is deleted and created again, with a reason."""
    plan = plan_opening(ClusterState("shop", owner, "id", nodes), requested, Liveness.DEAD, NOW)
    assert isinstance(plan, Recreate)
    assert plan.reason.startswith(reason)


@pytest.mark.parametrize("kept", [True, False])
def test_a_live_run_refuses_other_runs(*, kept: bool) -> None:
    """The error names the process and the folder where it was started."""
    with pytest.raises(OwnershipError, match="pid 4711, started in /root"):
        plan_opening(ClusterState("shop", an_owner(kept=kept), "id", RUNNING), REQUESTED, Liveness.ALIVE, NOW)


def test_an_invisible_run_refuses_other_runs_until_its_deadline() -> None:
    """For a run of another boot, machine or PID namespace, only its deadline decides."""
    state = ClusterState("shop", an_owner(), "id", RUNNING)
    with pytest.raises(OwnershipError, match="unknown whether that run is still alive"):
        plan_opening(state, REQUESTED, Liveness.UNKNOWN, NOW)
    assert isinstance(plan_opening(state, REQUESTED, Liveness.UNKNOWN, NOW + 3000), Recreate)


@pytest.mark.parametrize(
    ("owner", "liveness", "elapsed", "older_than", "reaped"),
    [
        (an_owner(), Liveness.DEAD, 0, None, "its run (pid 4711) has ended"),
        (an_owner(), Liveness.ALIVE, 0, None, ""),
        (an_owner(), Liveness.UNKNOWN, 0, None, ""),
        (an_owner(), Liveness.UNKNOWN, 3000, None, "its deadline passed"),
        (an_owner(), Liveness.ALIVE, 3000, None, "its deadline passed"),
        (an_owner(kept=True, keep="always"), Liveness.DEAD, 1_000_000, None, ""),
        (an_owner(kept=True, keep="always", process=None), Liveness.UNKNOWN, 1_000_000, None, ""),
        (an_owner(kept=True, keep="on-failure", process=None), Liveness.UNKNOWN, 0, None, ""),
        (an_owner(kept=True, keep="on-failure", process=None), Liveness.UNKNOWN, 3000, None, "its deadline passed"),
        (an_owner(keep="always"), Liveness.DEAD, 0, None, "its run (pid 4711) has ended"),
        (an_owner(kept=True, keep="always", process=None), Liveness.UNKNOWN, 0, 600, "it is older than 600 s"),
        (an_owner(kept=True, keep="always", process=None), Liveness.UNKNOWN, 0, 601, ""),
        (an_owner(), Liveness.ALIVE, 0, 600, ""),
    ],
)
def test_only_dead_and_overdue_runs_are_reaped(
    owner: Owner, liveness: Liveness, elapsed: float, older_than: float | None, reaped: str
) -> None:
    """A running run's cluster is reaped only after its deadline, one kept with `always` only on request."""
    reason = reap_reason(owner, liveness, NOW + elapsed, older_than)
    assert reason.startswith(reaped)
    assert bool(reason) is bool(reaped)


def test_nodes_are_listed_control_plane_first_and_without_the_load_balancer() -> None:
    """The creation order of kind differs from name order."""
    roles = {"shop-worker2": "worker", "shop-external-load-balancer": "external-load-balancer", "shop-control-plane": "control-plane"}
    nodes = [NodeContainer(name, role, running=True) for name, role in roles.items()]
    nodes += [NodeContainer(f"shop-worker{number}", "worker", running=True) for number in ("10", "")]
    state = ClusterState("shop", nodes=tuple(nodes))
    assert state.kubernetes_nodes == ("shop-control-plane", "shop-worker", "shop-worker2", "shop-worker10")


def test_the_network_is_never_kinds_default() -> None:
    """The network's name is always kindgate's."""
    assert network_name("kind") == "kindgate-kind"
    assert network_name("kindgate-0123") == "kindgate-0123"
