"""Commands printed for a kept cluster can be pasted into a shell."""

from __future__ import annotations

import shlex
from pathlib import Path

from kindgate.model import ClusterAddress
from kindgate.pipeline.environment import kept_lines

ADDRESS = ClusterAddress("kindgate-1", Path("/home/some body/kubeconfig"), "kind-kindgate-1", "http://127.0.0.1:1")


def test_every_command_is_quoted_for_a_shell() -> None:
    """A path with a space stays one word."""
    lines = kept_lines(ADDRESS, ("echo",), "/opt/my tools/kubectl", "pytest -m e2e")
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("  ")]

    assert commands[0] == ["export", "KUBECONFIG=/home/some body/kubeconfig"]
    assert {command[0] for command in commands[1:]} == {"/opt/my tools/kubectl"}
    assert ["/opt/my tools/kubectl", "--namespace", "echo", "get", "events", "--sort-by=.lastTimestamp"] in commands


def test_next_steps_name_the_cluster() -> None:
    """Inspecting, rerunning and deleting are one line each."""
    text = "\n".join(kept_lines(ADDRESS, (), "kubectl", "pytest -m e2e --kind-keep=on-failure"))

    assert "kindgate shell --cluster-name kindgate-1" in text
    assert "kindgate down --cluster-name kindgate-1" in text
    assert "pytest -m e2e --kind-keep=on-failure" in text
