"""The environment of `kindgate shell`."""

from __future__ import annotations

import os
from pathlib import Path

from kindgate.cli.shell import shell_environment


def test_the_shells_environment_points_to_the_cluster() -> None:
    """KUBECONFIG is the cluster's, kubectl's folder comes first in PATH, the prompt names the cluster, and the rest is unchanged."""
    given = {"PATH": "/usr/bin", "HOME": "/home/me", "KUBECONFIG": "/home/me/.kube/config"}
    environment = shell_environment(given, "kindgate-1", Path("/state/kubeconfig"), Path("/cache/kubectl/kubectl"))

    assert environment["KUBECONFIG"] == "/state/kubeconfig"
    assert environment["PATH"].split(os.pathsep) == ["/cache/kubectl", "/usr/bin"]
    assert environment["PS1"] == "(kindgate-1) $ "
    assert environment["HOME"] == "/home/me"
