"""The packet filter of a network fault, as text: rules for nft, and shell scripts that a node runs to add and remove them.

Pure. The filter is a table in the network namespace of one pod, with a name that no other episode has. A timer of the node's
systemd removes it even if nothing else does. The scripts need nft and nsenter on the node, as kind's nodes have them.
"""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["in", "out", "both"]

EVERYTHING = 100
"""Percent of the packets that a partition drops."""

_HOOKS = {"in": "input", "out": "output"}
_PEER_FIELDS = {"in": "saddr", "out": "daddr"}


@dataclass(frozen=True)
class PacketFilter:
    """Drop `percent` of a pod's packets, of one direction as the pod sees it or both, of all peers or those with these addresses."""

    percent: int = EVERYTHING
    direction: Direction = "both"
    peers: tuple[str, ...] = ()


def table_name(episode: str) -> str:
    """The name of the table, and of the timer that removes it."""
    return f"kindgate_{episode}"


def ruleset(packets: PacketFilter, episode: str) -> str:
    """The table as input for `nft -f -`. Packets within the pod are never dropped."""
    chains = "".join(_chain(packets, way) for way in ("in", "out") if packets.direction in {way, "both"})
    return f"table inet {table_name(episode)} {{\n{chains}}}\n"


def begin_script(container: str, episode: str, seconds: float) -> str:
    """Add the table that stands on standard input, for at most `seconds`, to the network namespace of a running container.

    The timer is started first: it must not depend on this process. The script fails if the node lacks a program, if the
    container does not run, or if the kernel does not know a rule.
    """
    name = shlex.quote(table_name(episode))
    return "\n".join(
        [
            "set -e",
            "for program in nft nsenter systemd-run ctr; do",
            '  command -v "$program" >/dev/null || { echo "the node has no $program" >&2; exit 1; }',
            "done",
            f'process=$(ctr --namespace k8s.io tasks list | awk \'$1 == "{container}" && $3 == "RUNNING" {{print $2}}\')',
            f'[ -n "$process" ] || {{ echo "container {container} does not run" >&2; exit 1; }}',
            f"systemd-run --quiet --collect --on-active={seconds:.0f} --unit={name} /bin/sh -c {shlex.quote(_remove(episode))}",
            'nsenter --net="/proc/$process/ns/net" nft -f -',
        ]
    )


def end_script(episode: str) -> str:
    """Remove the table wherever it is, and its timer; succeeds if there is none."""
    name = shlex.quote(table_name(episode))
    return f"{_remove(episode)}\nsystemctl stop {name}.timer 2>/dev/null\ntrue"


def left_script(episode: str) -> str:
    """Print a line for the table and for its timer, if they are left."""
    name = shlex.quote(table_name(episode))
    table = f'nsenter --net="$place" nft list table inet {name} >/dev/null 2>&1'
    return "\n".join(
        [
            f'for place in /run/netns/*; do {table} && echo "the packet filter"; done',
            f"systemctl is-active --quiet {name}.timer && echo 'the timer of the packet filter'",
            "true",
        ]
    )


def _remove(episode: str) -> str:
    """The pod's containers may have started anew, so every namespace is tried."""
    name = table_name(episode)
    return f'for place in /run/netns/*; do nsenter --net="$place" nft delete table inet {name} 2>/dev/null; done; true'


def _chain(packets: PacketFilter, way: Literal["in", "out"]) -> str:
    device = {"in": "iif", "out": "oif"}[way]
    share = "" if packets.percent == EVERYTHING else f"numgen random mod 100 < {packets.percent} "
    rules = "".join(f"  {peer}{share}drop\n" for peer in _peers(packets.peers, way)) if packets.peers else f"  {share}drop\n"
    return f" chain {way} {{\n  type filter hook {_HOOKS[way]} priority filter; policy accept;\n  {device} lo accept\n{rules} }}\n"


def _peers(addresses: Iterable[str], way: Literal["in", "out"]) -> list[str]:
    """The matches of the addresses, one for each family."""
    families: dict[str, list[str]] = {}
    for address in addresses:
        families.setdefault("ip" if ipaddress.ip_address(address).version == 4 else "ip6", []).append(address)
    return [f"{family} {_PEER_FIELDS[way]} {{ {', '.join(sorted(found))} }} " for family, found in sorted(families.items())]
