"""`kindgate.gate_paths`: patterns match the same paths as in git, which the generated workflow uses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kindgate.gate_paths import GATE_FOLDERS, GATE_NAMES, below, matches

PATHS = [
    ".github/actions/a/action.yml",
    ".github/workflows/ci.yml",
    "CONFTEST.py",
    "Containerfile",
    "Dockerfile",
    "a/.github/workflows/ci.yml",
    "a/b/conftest.py",
    "a/Dockerfile.dev",
    "a/my.Dockerfile",
    "a/k8s/base/deployment.yaml",
    "a/k8s.yaml",
    "a/package-lock.json",
    "a/pnpm-lock.yaml",
    "a/requirements-dev.txt",
    "a/tests/e2e/test_x.py",
    "a/tests/e2e.md",
    "checkout-slo.yml",
    "checkout.slo.yaml",
    "conftest.py",
    "conftest.py.orig",
    "e2e/judge_slo.py",
    "e2e/login.spec.ts",
    "e2e/overlay/kustomization.yaml",
    "go.sum",
    "k8s/a.yaml",
    "myconftest.py",
    "myslo.yaml",
    "poetry.lock",
    "pyproject.toml",
    "setup.cfg",
    "slo.yaml",
    "slo.yml",
    "src/app.py",
    "strange\nconftest.py",
    "tox.ini",
    "a/shop.workload.yaml",
    "a/workload.yml",
    "workloads.yaml",
]


@pytest.mark.parametrize("patterns", [GATE_NAMES, GATE_FOLDERS], ids=["names", "folders"])
def test_patterns_match_like_git(tmp_path: Path, patterns: tuple[str, ...]) -> None:
    """The workflow skips a suite according to git, and the publisher checks the skip with this module."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True, timeout=60)
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    subprocess.run(["git", "add", "--force", "-A"], cwd=tmp_path, check=True, timeout=60)

    pathspecs = [f":(glob,icase){pattern}" for pattern in patterns]
    completed = subprocess.run(
        ["git", "ls-files", "-z", "--", *pathspecs], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )

    assert {path for path in PATHS if matches(path, patterns)} == {path for path in completed.stdout.split("\0") if path}


def test_a_folder_covers_its_descendants() -> None:
    """A path that only starts with the folder's name is not covered."""
    assert [below(path, ["a/b"]) for path in ("a/b", "a/b/c", "a/bc", "b")] == [True, True, False, False]
    assert below("anything", ["."])
