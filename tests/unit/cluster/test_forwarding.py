"""The firewall rule for a cluster's bridge: set only if needed, and removed with the cluster, however that ends."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kindgate.cluster.delete import delete_named
from kindgate.cluster.forwarding import add_forwarding_rule, find_drop, remove_forwarding_rule
from kindgate.cluster.lifecycle import ClusterSpec, open_cluster
from kindgate.cluster.owner_container import write_state
from kindgate.cluster.reaper import CleanupTask, clean_up_dead_run, reap
from kindgate.errors import ClusterError
from kindgate.settings import ClusterSettings, Settings
from kindgate.waiting import Deadline
from tests.unit.cluster.machine import NODE_IMAGE, Machine, an_owner
from tests.unit.firewall_stand_in import DROPS, Firewall

OWN_RULE = "-A FORWARD -i lo -o lo -m comment --comment kindgate:shop -j ACCEPT"
OTHER_RULES = "-A FORWARD -i podman9 -o podman9 -m comment --comment kindgate:shop2 -j ACCEPT"


def soon() -> Deadline:
    """A deadline that is enough for a few short commands."""
    return Deadline.after(30)


def cluster_spec(machine: Machine, root: Path, workers: int = 2) -> ClusterSpec:
    """The specification of cluster `shop`."""
    settings = Settings(root=root, cluster=ClusterSettings(name="shop", workers=workers))
    return ClusterSpec(settings, machine.engine, machine.kind, NODE_IMAGE)


def test_a_bridge_is_accepted_while_its_cluster_exists(podman: Machine, firewall: Firewall, tmp_path: Path) -> None:
    """The bridge is accepted for IPv4 and IPv6 and reported in one line; closing the cluster keeps other rules."""
    firewall.write(DROPS, OTHER_RULES)
    messages: list[str] = []
    cluster = open_cluster(cluster_spec(podman, tmp_path), deadline=soon(), progress=messages.append)
    for program in ("iptables", "ip6tables"):
        assert firewall.rules(program) == [OWN_RULE, OTHER_RULES]
    assert any("iptables drops packets between pods (`-P FORWARD DROP`): allowing bridge lo" in line for line in messages)
    cluster.close(failed=False)
    for program in ("iptables", "ip6tables"):
        assert firewall.rules(program) == [OTHER_RULES]


def test_no_rule_is_added_if_nothing_is_dropped(podman: Machine, firewall: Firewall) -> None:
    """With Podman alone, nothing is dropped, so no rule is set."""
    firewall.write("-P FORWARD ACCEPT")
    assert add_forwarding_rule(podman.engine, "shop", soon()) == ""
    assert firewall.rules() == []


def test_one_node_needs_no_rule(podman: Machine, firewall: Firewall, tmp_path: Path) -> None:
    """The pods of a single node never leave it."""
    cluster = open_cluster(cluster_spec(podman, tmp_path, workers=0), deadline=soon(), progress=str)
    assert firewall.rules() == []
    cluster.close(failed=False)


@pytest.mark.parametrize("case", ["docker", "rootless", "user", "elsewhere"])
def test_an_irrelevant_firewall_is_left_unchanged(podman: Machine, firewall: Firewall, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """No rule is set with Docker (it sets its own), a rootless engine, a user without rights or a remote engine."""
    engine = podman.engine
    match case:
        case "docker":
            engine = dataclasses.replace(engine, program="docker")
        case "rootless":
            engine = dataclasses.replace(engine, rootless=True)
        case "user":
            monkeypatch.setattr("kindgate.cluster.forwarding.os.geteuid", lambda: 1000)
        case _:
            podman.configure("bridge", "no-such-bridge")
    assert add_forwarding_rule(engine, "shop", soon()) == ""
    remove_forwarding_rule(engine, "shop", soon())
    assert firewall.rules() == []


def test_reusing_a_kept_cluster_restores_its_rule(podman: Machine, firewall: Firewall, tmp_path: Path) -> None:
    """Docker may have been started since, or the rules flushed."""
    plan = cluster_spec(podman, tmp_path)
    plan = dataclasses.replace(
        plan, settings=dataclasses.replace(plan.settings, cluster=dataclasses.replace(plan.settings.cluster, keep="always"))
    )
    open_cluster(plan, deadline=soon(), progress=str).close(failed=False)
    firewall.write(DROPS)
    cluster = open_cluster(plan, deadline=soon(), progress=str)
    assert cluster.address.reused
    assert firewall.rules() == [OWN_RULE]
    cluster.close(failed=False)
    assert firewall.rules() == [OWN_RULE]
    assert delete_named(podman.engine, "shop", soon())
    assert firewall.rules() == []


def test_an_unusable_cluster_leaves_no_rule(podman: Machine, firewall: Firewall, tmp_path: Path) -> None:
    """The rule is set before the readiness check, and removed if that fails."""
    podman.configure("stopped", "shop-worker2")
    with pytest.raises(ClusterError, match="shop-worker2"):
        open_cluster(cluster_spec(podman, tmp_path), deadline=soon(), progress=str)
    assert firewall.rules() == []
    assert podman.volumes == []


def test_the_watchdog_removes_the_rule_of_a_dead_run(podman: Machine, firewall: Firewall, tmp_path: Path) -> None:
    """The watchdog of a killed run removes the same objects as a regular close."""
    cluster = open_cluster(cluster_spec(podman, tmp_path), deadline=soon(), progress=str)
    run_id = podman.labels("shop-owner")["kindgate.run-id"]
    assert clean_up_dead_run(CleanupTask("shop", run_id, podman.engine), soon())
    assert firewall.rules() == []
    cluster.hand_over()


def test_the_reaper_removes_a_rule_without_containers(podman: Machine, firewall: Firewall) -> None:
    """The rule is removed even if a dead run's containers were removed by hand."""
    write_state(dataclasses.replace(an_owner(), deadline=1.0))
    firewall.write(DROPS, OWN_RULE, OTHER_RULES)
    assert reap(podman.engine, deadline=soon()) == ()
    assert firewall.rules() == [OTHER_RULES]


def test_deleting_by_name_removes_a_rule_without_containers(podman: Machine, firewall: Firewall) -> None:
    """`kindgate down` removes everything left under that name."""
    firewall.write(DROPS, OWN_RULE)
    assert delete_named(podman.engine, "shop", soon()) is False
    assert firewall.rules() == []


def test_a_rule_that_cannot_be_removed_is_an_error_with_the_command_that_shows_it(podman: Machine, firewall: Firewall) -> None:
    """A rule that cannot be removed is an error; the reaper continues with other clusters and reports it."""
    firewall.write(DROPS, "refused", OWN_RULE)
    with pytest.raises(ClusterError, match="cannot remove the firewall rule of cluster shop") as caught:
        remove_forwarding_rule(podman.engine, "shop", soon())
    assert "iptables -S FORWARD" in caught.value.next_step
    write_state(dataclasses.replace(an_owner(), deadline=1.0))
    assert [reaped.cluster for reaped in reap(podman.engine, deadline=soon()) if reaped.error] == ["shop"]


def test_a_rule_that_cannot_be_added_is_reported_and_explains_the_drop(podman: Machine, firewall: Firewall) -> None:
    """The next step names the cluster's own bridge."""
    firewall.write(DROPS, "refused")
    assert "did not accept a new rule: iptables: Permission denied" in add_forwarding_rule(podman.engine, "shop", soon())
    drop = find_drop(podman.engine, "shop", soon())
    assert drop is not None
    assert "`-P FORWARD DROP`" in str(drop)
    assert drop.remedy == "sudo iptables -I FORWARD -i lo -o lo -j ACCEPT"


def test_a_rule_is_not_blamed_if_bridges_are_not_filtered(
    podman: Machine, firewall: Firewall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without br_netfilter, bridged packets bypass iptables, and a wrong cause is worse than none."""
    firewall.write(DROPS)
    monkeypatch.setattr("kindgate.cluster.forwarding._BRIDGES_ARE_FILTERED", tmp_path / "none")
    assert find_drop(podman.engine, "shop", soon()) is None


def test_podmans_volumes_are_deleted_with_the_cluster(podman: Machine, firewall: Firewall, tmp_path: Path) -> None:
    """Volumes with names outlive their container; those of a cluster with a longer name are kept."""
    firewall.write("-P FORWARD ACCEPT")
    (podman.root / "volumes" / "other").write_text("shop-control-plane-control-plane", encoding="utf-8")
    cluster = open_cluster(cluster_spec(podman, tmp_path), deadline=soon(), progress=str)
    assert len(podman.volumes) == 4
    cluster.close(failed=False)
    assert podman.volumes == ["shop-control-plane-control-plane"]
