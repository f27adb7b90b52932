"""Objects left behind by dead runs are removed, and nothing else."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.cluster.owner_container import claim, inspect_cluster, read_state, replace_owner, state_path, write_state
from kindgate.cluster.ownership_rules import Owner
from kindgate.cluster.reaper import CleanupTask, reap
from kindgate.errors import OwnershipError
from kindgate.host.command import Completed, OnLine
from kindgate.host.container_engine import Engine
from kindgate.process import ProcessName
from kindgate.settings import Keep
from kindgate.waiting import Deadline
from tests.unit.cluster.machine import NODE_IMAGE, Machine, StandInEngine

DEAD = replace(ProcessName.current(), started="0")


def owner_of(name: str, process: ProcessName | None, *, keep: Keep = "never", kept: bool = False, lifetime: float = 60) -> Owner:
    """An owner of cluster `name`."""
    now = time.time()
    return Owner(
        cluster=name,
        run_id=f"run-of-{name}",
        process=process,
        created=now - 100,
        deadline=now + lifetime,
        fingerprint="f",
        keep=keep,
        kept=kept,
        host_port=1,
        tls_port=2,
        root=Path("/"),
        kubeconfig=Path("/nowhere/kubeconfig"),
        node_image=NODE_IMAGE,
    )


def add_cluster(machine: Machine, owner: Owner) -> str:
    """Set up an owned one-node cluster with its network, and return the owner container's id."""
    owner_container = claim(machine.engine, owner, Deadline.after(10))
    machine.add(f"{owner.cluster}-control-plane", {"io.x-k8s.kind.cluster": owner.cluster, "io.x-k8s.kind.role": "control-plane"})
    machine.configure(f"networks/kindgate-{owner.cluster}")
    return owner_container


def test_only_a_dead_runs_cluster_is_deleted(machine: Machine) -> None:
    """The cluster of a dead run is deleted completely; running, kept and foreign ones are not."""
    add_cluster(machine, owner_of("dead", DEAD))
    add_cluster(machine, owner_of("alive", ProcessName.current()))
    add_cluster(machine, owner_of("kept", DEAD, keep="always", kept=True))
    machine.add("foreign-control-plane", {"io.x-k8s.kind.cluster": "foreign", "io.x-k8s.kind.role": "control-plane"})
    reaped = reap(machine.engine, deadline=Deadline.after(30))
    assert [(each.cluster, each.error) for each in reaped] == [("dead", "")]
    assert f"pid {DEAD.pid}" in reaped[0].reason
    assert machine.containers == [
        "alive-control-plane",
        "alive-owner",
        "foreign-control-plane",
        "kept-control-plane",
        "kept-owner",
    ]
    assert machine.networks == ["kindgate-alive", "kindgate-kept"]
    assert not state_path("dead").exists()


def test_a_run_on_another_machine_is_reaped_at_its_deadline(machine: Machine) -> None:
    """If the process cannot be checked, only its deadline counts."""
    elsewhere = replace(DEAD, boot_id="another")
    add_cluster(machine, owner_of("early", elsewhere))
    add_cluster(machine, owner_of("late", elsewhere, lifetime=-1))
    assert [each.cluster for each in reap(machine.engine, deadline=Deadline.after(30))] == ["late"]


class Overtaken(StandInEngine):
    """An engine in which a running run takes over cluster `kept` right after its owner was read."""

    def run(
        self,
        *arguments: str,
        deadline: Deadline,
        input: bytes | str | Path | None = None,  # noqa: A002  # the signature of what it stands in for
        on_line: OnLine | None = None,
        check: bool = True,
    ) -> Completed:
        """Run the command, then take over after the first `container inspect`."""
        answer = super().run(*arguments, deadline=deadline, input=input, on_line=on_line, check=check)
        state = read_state("kept")
        if arguments[:2] == ("container", "inspect") and state is not None and state.run_id != "taker":
            engine = StandInEngine(**vars(self))
            replace_owner(engine, inspect_cluster(engine, "kept", deadline).owner_container, replace(state, run_id="taker"), deadline)
        return answer


def test_a_cluster_taken_over_meanwhile_is_kept(machine: Machine) -> None:
    """The owner read before was a dead run, but the name now belongs to another one."""
    add_cluster(machine, owner_of("kept", DEAD))
    before = machine.containers

    reap(Overtaken(**vars(machine.engine)), deadline=Deadline.after(30))

    assert machine.containers == before
    owner = inspect_cluster(machine.engine, "kept", Deadline.after(10)).owner
    assert owner is not None
    assert owner.run_id == "taker"


def test_an_operator_may_reap_by_age(machine: Machine) -> None:
    """`--older-than` removes kept clusters of that age, but none in use."""
    add_cluster(machine, owner_of("alive", ProcessName.current()))
    add_cluster(machine, owner_of("kept", None, keep="always", kept=True))
    assert reap(machine.engine, deadline=Deadline.after(30), older_than=1000) == ()
    assert [each.cluster for each in reap(machine.engine, deadline=Deadline.after(30), older_than=50)] == ["kept"]


def test_a_stale_state_file_is_removed(machine: Machine) -> None:
    """A dead run's state folder without a container is removed; one of a run about to create its cluster is kept."""
    write_state(owner_of("dead", DEAD))
    write_state(owner_of("alive", ProcessName.current()))
    reap(machine.engine, deadline=Deadline.after(30))
    assert not state_path("dead").exists()
    assert state_path("alive").exists()


def test_a_failed_deletion_does_not_prevent_the_others(machine: Machine) -> None:
    """The result names the cluster that could not be deleted, with the reason."""
    add_cluster(machine, owner_of("a", DEAD))
    add_cluster(machine, owner_of("b", DEAD))
    machine.configure("stuck", "a-owner")
    reaped = reap(machine.engine, deadline=Deadline.after(30))
    assert [each.cluster for each in reaped] == ["a", "b"]
    assert "device or resource busy" in reaped[0].error
    assert reaped[1].error == ""
    assert machine.containers == ["a-owner"]


def test_a_claimed_name_cannot_be_claimed_again(machine: Machine) -> None:
    """Of two runs that start at the same time, only one gets the name."""
    claim(machine.engine, owner_of("shop", ProcessName.current()), Deadline.after(10))
    with pytest.raises(OwnershipError, match="another run claimed the cluster name shop at the same time"):
        claim(machine.engine, replace(owner_of("shop", DEAD), run_id="other"), Deadline.after(10))
    state = read_state("shop")
    assert state is not None
    assert state.run_id == "run-of-shop"


def test_a_kept_cluster_is_taken_over_once(machine: Machine) -> None:
    """Of two runs that take over a kept cluster, the second finds the owner container gone."""
    owner = owner_of("shop", None, keep="always", kept=True)
    owner_container = add_cluster(machine, owner)
    replace_owner(machine.engine, owner_container, replace(owner, run_id="first"), Deadline.after(10))
    with pytest.raises(OwnershipError, match="another run took over the kept cluster shop"):
        replace_owner(machine.engine, owner_container, replace(owner, run_id="second"), Deadline.after(10))


def test_the_state_file_names_the_owner_if_the_owner_container_is_missing(machine: Machine) -> None:
    """Nodes without an owner container belong to kindgate if the state file confirms it."""
    owner = owner_of("shop", DEAD, keep="always", kept=True)
    owner_container = add_cluster(machine, owner)
    machine.docker("rm", owner_container)
    assert inspect_cluster(machine.engine, "shop", Deadline.after(10)).owner == owner


def test_a_cleanup_task_round_trips_through_a_command_line() -> None:
    """All that the watchdog needs survives the conversion to a command-line argument."""
    task = CleanupTask("shop", "run", Engine("podman", Path("/usr/bin/podman"), "5.0", environment={"PATH": "/x"}))
    assert CleanupTask.from_json(task.to_json()) == task
