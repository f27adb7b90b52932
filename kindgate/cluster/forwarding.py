"""The host firewall rule for a cluster's bridge: added if traffic between nodes' pods is dropped, removed with the cluster.

Only Podman's clusters need it: Docker adds such a rule for each of its networks.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from kindgate.cluster.ownership_rules import network_name
from kindgate.errors import ClusterError, CommandError
from kindgate.host.container_engine import Engine
from kindgate.host.firewall import (
    PROGRAMS,
    Program,
    accepting_command,
    add_accept_rule,
    delete_rules,
    dropping_rule,
    filters_pods,
    forward_rules,
)
from kindgate.waiting import Deadline

_INTERFACES = Path("/sys/class/net")
_BRIDGES_ARE_FILTERED = Path("/proc/sys/net/bridge")


@dataclass(frozen=True)
class Drop:
    """A rule that drops packets between pods, and the command that lets them through."""

    rule: str
    remedy: str

    def __str__(self) -> str:
        """The cause in one line."""
        return f"the host's firewall drops packets between pods of different nodes: `{self.rule}`"


def add_forwarding_rule(engine: Engine, cluster: str, deadline: Deadline) -> str:
    """Add the rule if it is needed and this process is allowed to; return a one-line report, or an empty string.

    A rule that cannot be added is not an error here: pod connectivity is verified afterwards.
    """
    if not filters_pods(engine) or os.geteuid() != 0:
        return ""
    bridge = _bridge(engine, cluster, deadline)
    reports = []
    for program in PROGRAMS if bridge else ():
        rule = dropping_rule(forward_rules(program, deadline) or "", bridge)
        if not rule:
            continue
        try:
            add_accept_rule(program, bridge, _comment(cluster), deadline)
        except CommandError as error:
            reports.append(
                f"{program} drops packets between pods (`{rule}`) and did not accept a new rule: {error.last_state or error.message}"
            )
        else:
            reports.append(f"{program} drops packets between pods (`{rule}`): allowing bridge {bridge} until the cluster is deleted")
    return "; ".join(reports)


def remove_forwarding_rule(engine: Engine, cluster: str, deadline: Deadline) -> None:
    """Remove the cluster's rule, if one was added. Raises `ClusterError` if it cannot be removed."""
    if not filters_pods(engine) or os.geteuid() != 0:
        return
    for program in PROGRAMS:
        try:
            delete_rules(program, _comment(cluster), deadline)
        except CommandError as error:
            raise ClusterError(
                f"cannot remove the firewall rule of cluster {cluster}: {error.message}",
                last_state=error.last_state,
                next_step=f"find it in `sudo {program} -S FORWARD` by its comment {_comment(cluster)}; delete it with -D instead of -A",
            ) from error


def find_drop(engine: Engine, cluster: str, deadline: Deadline, program: Program = "iptables") -> Drop | None:
    """The rule that drops packets between the cluster's pods; None if none is found or the rules cannot be read."""
    if not filters_pods(engine) or not _is_enabled(_BRIDGES_ARE_FILTERED / f"bridge-nf-call-{program}"):
        return None
    bridge = _bridge(engine, cluster, deadline)
    rule = dropping_rule(forward_rules(program, deadline) or "", bridge) if bridge else ""
    return Drop(rule, accepting_command(program, bridge)) if rule else None


def possible_remedy(engine: Engine, cluster: str, deadline: Deadline, program: Program = "iptables") -> str:
    """If the firewall rules cannot be read, the command that would help if they were the cause; otherwise empty."""
    if not filters_pods(engine) or forward_rules(program, deadline) is not None:
        return ""
    bridge = _bridge(engine, cluster, deadline)
    return accepting_command(program, bridge) if bridge else ""


def _comment(cluster: str) -> str:
    return f"kindgate:{cluster}"


def _bridge(engine: Engine, cluster: str, deadline: Deadline) -> str:
    """The host interface of the cluster's network; empty if there is none."""
    inspected = engine.run("network", "inspect", network_name(cluster), deadline=deadline, check=False)
    try:
        name = str(json.loads(inspected.stdout)[0]["network_interface"])
    except (ValueError, LookupError, TypeError):
        return ""
    return name if (_INTERFACES / name).exists() else ""


def _is_enabled(switch: Path) -> bool:
    """Whether a sysctl is 1; one missing because its module is not loaded is off."""
    return switch.is_file() and switch.read_text(encoding="ascii").strip() == "1"
