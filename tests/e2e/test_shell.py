"""`kindgate shell` connects to the running cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Cluster

pytestmark = pytest.mark.e2e


def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command in the shell, as a user does."""
    command = [str(Path(sys.executable).parent / "kindgate"), "shell", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_kubectl_in_the_shell_reaches_the_cluster(cluster: Cluster) -> None:
    """Kubectl needs no options: KUBECONFIG and PATH are set."""
    result = shell("--cluster-name", cluster.name, "--", "kubectl", "get", "nodes", "--output", "name")

    assert result.returncode == 0, result.stderr
    assert set(result.stdout.split()) == {f"node/{name}" for name in cluster.address.nodes}


def test_the_shell_ends_with_the_commands_own_exit_code(cluster: Cluster) -> None:
    """The shell passes on the command's exit code, for scripts."""
    assert shell("--cluster-name", cluster.name, "--", "sh", "-c", "exit 7").returncode == 7


def test_a_missing_cluster_is_reported_with_the_next_step() -> None:
    """A misspelled name yields one line with the way to find the right one."""
    result = shell("--cluster-name", "kindgate-nowhere", "--", "true")

    assert result.returncode == 16
    assert "cluster kindgate-nowhere not found" in result.stderr
    assert "kindgate list" in result.stderr
