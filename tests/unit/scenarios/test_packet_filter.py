"""The rules and the scripts of a network fault; the scripts are run by a shell with programs that record their arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kindgate.scenarios.packet_filter import PacketFilter, begin_script, end_script, left_script, ruleset

PROGRAMS = {
    "ctr": "echo 'TASK PID STATUS'; echo 'web 42 RUNNING'; echo 'ended 43 STOPPED'",
    "nsenter": 'read -r line; echo "nsenter $* < $line" >>"$LOG"',
    "systemd-run": 'echo "systemd-run $*" >>"$LOG"',
    "systemctl": 'echo "systemctl $*" >>"$LOG"; exit 3',
    "nft": "exit 1",
}


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A folder with the programs of a node, and nothing else that a script could run."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in PROGRAMS.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    awk = shutil.which("awk")
    assert awk is not None
    (folder / "awk").symlink_to(awk)
    return folder


def run(script: str, node: Path) -> subprocess.CompletedProcess[str]:
    """Run a script with the first line of a table as input."""
    environment = {**os.environ, "PATH": str(node), "LOG": str(node / "log")}
    return subprocess.run(["/bin/sh", "-c", script], env=environment, input="table\n", capture_output=True, text=True, check=False)


def calls(node: Path) -> list[str]:
    """The recorded calls."""
    log = node / "log"
    return log.read_text().splitlines() if log.exists() else []


def test_a_partition_drops_every_packet_but_those_within_the_pod() -> None:
    """In both directions."""
    assert ruleset(PacketFilter(), "42") == (
        "table inet kindgate_42 {\n"
        " chain in {\n  type filter hook input priority filter; policy accept;\n  iif lo accept\n  drop\n }\n"
        " chain out {\n  type filter hook output priority filter; policy accept;\n  oif lo accept\n  drop\n }\n"
        "}\n"
    )


def test_a_loss_drops_a_share_at_random() -> None:
    """In one direction only if so requested."""
    text = ruleset(PacketFilter(percent=20, direction="out"), "42")
    assert "  numgen random mod 100 < 20 drop\n" in text
    assert "chain in" not in text


def test_only_packets_of_the_peers_are_dropped() -> None:
    """Addresses of each family in a rule of theirs."""
    text = ruleset(PacketFilter(direction="in", peers=("10.0.0.2", "fd00::1", "10.0.0.1")), "42")
    assert "  ip saddr { 10.0.0.1, 10.0.0.2 } drop\n  ip6 saddr { fd00::1 } drop\n" in text
    assert "\n  drop\n" not in text


def test_the_timer_runs_before_the_filter_is_there(node: Path) -> None:
    """In the network namespace of the container's process, which exists when the process of the test may not any more."""
    done = run(begin_script("web", "42", 45.4), node)
    assert (done.returncode, done.stderr) == (0, "")
    timer, table = calls(node)
    assert timer.startswith("systemd-run --quiet --collect --on-active=45 --unit=kindgate_42 /bin/sh -c ")
    assert "delete table inet kindgate_42" in timer
    assert table == "nsenter --net=/proc/42/ns/net nft -f - < table"


@pytest.mark.parametrize("container", ["ended", "unknown"])
def test_without_its_container_nothing_is_begun(node: Path, container: str) -> None:
    """Neither a timer nor a filter."""
    done = run(begin_script(container, "42", 45), node)
    assert (done.returncode, done.stderr) == (1, f"container {container} does not run\n")
    assert calls(node) == []


def test_without_its_timer_nothing_is_filtered(node: Path) -> None:
    """Nothing else would be sure to end it."""
    (node / "systemd-run").write_text("#!/bin/sh\necho 'no bus' >&2; exit 1\n")
    done = run(begin_script("web", "42", 45), node)
    assert (done.returncode, done.stderr) == (1, "no bus\n")
    assert calls(node) == []


@pytest.mark.parametrize("program", ["nft", "nsenter", "systemd-run", "ctr"])
def test_a_program_that_a_node_lacks_is_named(node: Path, program: str) -> None:
    """A node image can be of another origin."""
    (node / program).unlink()
    done = run(begin_script("web", "42", 45), node)
    assert (done.returncode, done.stderr) == (1, f"the node has no {program}\n")
    assert calls(node) == []


def test_the_end_succeeds_if_nothing_is_left(node: Path) -> None:
    """Repeated, or after the timer; the timer is stopped too."""
    assert run(end_script("42"), node).returncode == 0
    assert "systemctl stop kindgate_42.timer" in calls(node)


@pytest.mark.parametrize(("code", "left"), [(0, "the packet filter\nthe timer of the packet filter\n"), (1, "")])
def test_what_is_left_is_named(node: Path, code: int, left: str) -> None:
    """The programs exit with 0 if they find the table or the timer."""
    for name in ("nsenter", "systemctl"):
        (node / name).write_text(f"#!/bin/sh\nexit {code}\n")
    done = run(left_script("42"), node)
    assert (done.returncode, done.stdout) == (0, left)
