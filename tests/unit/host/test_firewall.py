"""The FORWARD chain: parsed as printed by iptables, and changed with a rule that can be found again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import CommandError
from kindgate.host.container_engine import Engine
from kindgate.host.firewall import accepting_command, add_accept_rule, delete_rules, dropping_rule, filters_pods, forward_rules
from kindgate.waiting import Deadline
from tests.unit.firewall_stand_in import DROPS, Firewall, install_firewall

DOCKER = """-P FORWARD DROP
-A FORWARD -m comment --comment "netavark firewall plugin rules" -j NETAVARK_FORWARD
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
"""


@pytest.fixture
def firewall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Firewall:
    """A firewall that drops everything without a matching rule."""
    return install_firewall(tmp_path / "firewall", monkeypatch)


def soon() -> Deadline:
    """A deadline that is enough for a short command."""
    return Deadline.after(20)


@pytest.mark.parametrize(
    ("rules", "drops"),
    [
        ("-P FORWARD ACCEPT\n", ""),
        (DOCKER, "-P FORWARD DROP"),
        (DOCKER.replace("docker0", "podman1"), ""),
        (DOCKER + "-A FORWARD -i podman1 -o podman1 -m comment --comment kindgate:shop -j ACCEPT\n", ""),
        (DOCKER + "-A FORWARD -i podman+ -o podman+ -j ACCEPT\n", ""),
        (DOCKER + "-A FORWARD -i podman1 -j ACCEPT\n", ""),
        (DOCKER + "-A FORWARD -i podman10 -o podman10 -j ACCEPT\n", "-P FORWARD DROP"),
        (DOCKER + "-A FORWARD -i podman1 ! -o podman1 -j ACCEPT\n", "-P FORWARD DROP"),
        (DOCKER + "-A FORWARD -i podman1 -p tcp -m tcp --dport 80 -j ACCEPT\n", "-P FORWARD DROP"),
        (DOCKER + "-A FORWARD -s 10.89.0.0/24 -j ACCEPT\n", "-P FORWARD DROP"),
        (DOCKER + "-A FORWARD -j ACCEPT\n", ""),
        (
            "-P FORWARD ACCEPT\n-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n",
            "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
        ),
        ("-P FORWARD ACCEPT\n-A FORWARD -i podman1 -o podman1 -j DROP\n", "-A FORWARD -i podman1 -o podman1 -j DROP"),
        ("-P FORWARD ACCEPT\n-A FORWARD -s 10.0.0.0/8 -j DROP\n", ""),
        ("-P FORWARD DROP\n-A FORWARD -i podman1 -o podman1 -j ACCEPT\n-A FORWARD -j DROP\n", ""),
        ("-P FORWARD DROP\n-A FORWARD -j DROP\n-A FORWARD -i podman1 -o podman1 -j ACCEPT\n", "-A FORWARD -j DROP"),
        ("", ""),
    ],
)
def test_the_rule_that_drops_a_bridges_packets_is_found(rules: str, drops: str) -> None:
    """The first rule for every packet of the bridge decides, otherwise the policy; conditional rules prove nothing."""
    assert dropping_rule(rules, "podman1") == drops


def test_without_a_bridge_only_rules_for_every_packet_count() -> None:
    """The doctor runs before the network exists, so rules for other bridges do not count."""
    assert dropping_rule(DOCKER) == DROPS
    assert dropping_rule("-P FORWARD ACCEPT\n-A FORWARD -i podman1 -o podman1 -j DROP\n") == ""


@given(st.text(), st.text(max_size=8))
def test_any_text_is_accepted_as_a_chain(rules: str, bridge: str) -> None:
    """Output of another iptables version is no error."""
    dropping_rule(rules, bridge)


def test_a_bridge_is_accepted_once(firewall: Firewall) -> None:
    """Setting the rule again for a kept cluster adds nothing."""
    for _ in range(2):
        add_accept_rule("iptables", "podman1", "kindgate:shop", soon())
    assert firewall.rules() == ["-A FORWARD -i podman1 -o podman1 -m comment --comment kindgate:shop -j ACCEPT"]
    assert dropping_rule(forward_rules("iptables", soon()) or "", "podman1") == ""
    assert firewall.rules("ip6tables") == []


def test_only_rules_with_the_comment_are_deleted(firewall: Firewall) -> None:
    """Other rules are kept, including those of a cluster whose name starts with this one's; a second removal is no error."""
    other_rules = [
        '-A FORWARD -m comment --comment "a rule of kindgate:shop" -j DOCKER-USER',
        "-A FORWARD -i podman2 -o podman2 -m comment --comment kindgate:shop2 -j ACCEPT",
    ]
    own_rules = [f"-A FORWARD -i {bridge} -o {bridge} -m comment --comment kindgate:shop -j ACCEPT" for bridge in ("podman1", "podman7")]
    firewall.write(DROPS, *own_rules, *other_rules)
    for _ in range(2):
        delete_rules("iptables", "kindgate:shop", soon())
    assert firewall.rules() == other_rules


def test_a_rule_that_cannot_be_set_or_deleted_is_an_error(firewall: Firewall) -> None:
    """The error includes the message of iptables."""
    firewall.write(DROPS, "refused", "-A FORWARD -i podman1 -o podman1 -m comment --comment kindgate:shop -j ACCEPT")
    with pytest.raises(CommandError, match="iptables") as refused:
        add_accept_rule("iptables", "podman2", "kindgate:shop", soon())
    assert "Permission denied" in refused.value.last_state
    with pytest.raises(CommandError, match="iptables"):
        delete_rules("iptables", "kindgate:shop", soon())


def test_an_unreadable_chain_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root, iptables fails, which does not mean that nothing is dropped."""
    program = tmp_path / "iptables"
    program.write_text("#!/bin/sh\necho 'Permission denied (you must be root)' >&2; exit 4\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert forward_rules("iptables", soon()) is None


@pytest.mark.parametrize(("program", "rootless", "filtered"), [("podman", False, True), ("podman", True, False), ("docker", False, False)])
def test_podman_run_by_root_depends_on_the_chain(program: str, *, rootless: bool, filtered: bool) -> None:
    """Docker accepts its own bridges, and a rootless engine has a separate network namespace."""
    assert filters_pods(Engine("podman" if program == "podman" else "docker", Path(program), "5", rootless=rootless)) is filtered


def test_the_remedy_can_be_pasted() -> None:
    """The suggested command is the one kindgate runs, without the comment."""
    assert accepting_command("iptables", "podman1") == "sudo iptables -I FORWARD -i podman1 -o podman1 -j ACCEPT"
