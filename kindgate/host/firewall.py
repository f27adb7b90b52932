"""The host's FORWARD chain, which packets between pods of different nodes pass, because bridges hand them to iptables.

Docker sets the chain's policy to DROP and accepts the traffic of its own bridges. Podman accepts its containers'
addresses, but not those of pods: they are dropped on any host where Docker has run.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from kindgate.errors import CommandError
from kindgate.host.command import run
from kindgate.host.container_engine import Engine
from kindgate.waiting import Deadline

Program = Literal["iptables", "ip6tables"]
PROGRAMS: tuple[Program, ...] = ("iptables", "ip6tables")

_LOCK_SECONDS = "5"
"""Time for which iptables waits for another instance that is changing rules."""


def filters_pods(engine: Engine) -> bool:
    """Whether this chain filters the engine's pods: rootless engines have a separate network namespace."""
    return engine.program == "podman" and not engine.rootless


def forward_rules(program: Program, deadline: Deadline) -> str | None:
    """The FORWARD chain in the format of `iptables -S`; None if unreadable: no iptables, or not root."""
    try:
        result = run([_command(program), "-w", _LOCK_SECONDS, "-S", "FORWARD"], deadline=deadline, check=False)
    except CommandError:
        return None
    return result.stdout if result.returncode == 0 else None


def dropping_rule(rules: str, bridge: str = "") -> str:
    """The line of the FORWARD chain that drops packets within `bridge`; empty if they are accepted.

    Only rules without other conditions count, because the rest are uncertain; without a bridge, only rules for all
    packets.
    """
    policy = ""
    for line in rules.splitlines():
        words = _split_rule(line)
        if words[:2] == ["-P", "FORWARD"]:
            policy = line if words[2:3] != ["ACCEPT"] else ""
        if words[:2] != ["-A", "FORWARD"] or not _matches_all_packets(words, bridge):
            continue
        match _target(words):
            case "ACCEPT":
                return ""
            case "DROP" | "REJECT":
                return line
    return policy


def add_accept_rule(program: Program, bridge: str, comment: str, deadline: Deadline) -> None:
    """Accept packets within `bridge` with a rule that has this comment, unless it already exists. Raises `CommandError`."""
    rule = _rule(bridge, comment)
    command = [_command(program), "-w", _LOCK_SECONDS]
    if run([*command, "-C", "FORWARD", *rule], deadline=deadline, check=False).returncode != 0:
        run([*command, "-I", "FORWARD", *rule], deadline=deadline)


def delete_rules(program: Program, comment: str, deadline: Deadline) -> None:
    """Delete every rule with this comment, for any bridge. Raises `CommandError` if one cannot be deleted."""
    for rule in _rules_with_comment(forward_rules(program, deadline) or "", comment):
        run([_command(program), "-w", _LOCK_SECONDS, "-D", "FORWARD", *rule], deadline=deadline)


def accepting_command(program: Program, bridge: str) -> str:
    """The command with which an administrator accepts packets within `bridge`."""
    return f"sudo {program} -I FORWARD -i {bridge} -o {bridge} -j ACCEPT"


def _rule(bridge: str, comment: str) -> list[str]:
    return ["-i", bridge, "-o", bridge, "-m", "comment", "--comment", comment, "-j", "ACCEPT"]


def _command(program: Program) -> str:
    """The program, also found in the system folders missing from a user's PATH."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])) or program


def _rules_with_comment(rules: str, comment: str) -> Iterator[list[str]]:
    """The rules with this comment, as the words after the chain's name."""
    for line in rules.splitlines():
        words = _split_rule(line)
        if words[:2] == ["-A", "FORWARD"] and ("--comment", comment) in pairwise(words):
            yield words[2:]


def _split_rule(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _target(words: list[str]) -> str:
    return next((target for option, target in pairwise(words) if option == "-j"), "")


def _matches_all_packets(words: list[str], bridge: str) -> bool:
    """Whether a rule matches every packet within the bridge: its only conditions may be the bridge, on either side, and a comment."""
    conditions = words[2 : words.index("-j")] if "-j" in words else ["none"]
    while conditions:
        match conditions:
            case ["-i" | "-o", name, *rest] if bridge and (name == bridge or (name.endswith("+") and bridge.startswith(name[:-1]))):
                conditions = rest
            case ["-m", "comment", "--comment", _, *rest]:
                conditions = rest
            case _:
                return False
    return True
