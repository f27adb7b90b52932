"""A project with one overlay, and a stand-in for Trivy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kindgate.model import Manifest, ObjectRef, Rendered

SOURCE = """\
# the account comes first
apiVersion: v1
kind: ServiceAccount
metadata:
  name: probe
---
apiVersion: v1
kind: Pod
metadata:
  name: probe
spec:
  containers:
    - name: probe
      image: docker.io/library/probe:1.0
      securityContext: {privileged: true}
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A program named trivy that runs `stand_in_trivy.py`."""
    program = tmp_path / "bin" / "trivy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("stand_in_trivy.py")} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the source of two objects, one of them a privileged pod."""
    root = tmp_path / "project"
    (root / "base").mkdir(parents=True)
    (root / "base" / "probe.yaml").write_text(SOURCE)
    return root


@pytest.fixture
def rendered() -> Rendered:
    """The project as rendered by Kustomize, with its order and namespace."""
    account: Manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "probe", "namespace": "echo"}}
    pod: Manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "namespace": "echo"},
        "spec": {
            "containers": [{"name": "probe", "image": "docker.io/library/probe:1.0", "securityContext": {"privileged": True}}],
        },
    }
    objects = (account, pod)
    return Rendered(Path("overlay"), objects, {ObjectRef.of(one): "base/probe.yaml" for one in objects})
