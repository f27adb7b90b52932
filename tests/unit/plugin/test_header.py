"""The header line that identifies the run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kindgate.plugin.terminal import commit_of, header_line
from kindgate.settings import ClusterSettings, Settings


def git(root: Path, *arguments: str) -> str:
    """Run git in `root` and return its output."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def test_cluster_node_image_overlay_commit_and_run_are_named() -> None:
    """These values distinguish one log from another."""
    settings = Settings(Path("/suite"), cluster=ClusterSettings(name="mine", node_image="kindest/node:v1.37.0"))

    assert header_line(settings, "run-1", "0123456789ab") == (
        "kindgate: cluster mine, node image kindest/node:v1.37.0, overlay k8s/overlays/ci, commit 0123456789ab, run run-1"
    )


def test_without_a_choice_the_node_image_is_the_sources() -> None:
    """The node image is known only once its source is resolved; an unknown commit is left out."""
    settings = Settings(Path("/suite"), cluster=ClusterSettings(name="mine"))

    assert header_line(settings, "r", "") == "kindgate: cluster mine, node image from image source auto, overlay k8s/overlays/ci, run r"


def test_an_existing_cluster_is_named_by_its_kubeconfig() -> None:
    """Kindgate does not choose its node image."""
    settings = Settings(
        Path("/suite"), cluster=ClusterSettings(existing=Path("/home/me/kubeconfig"), context="c", ingress_url="http://127.0.0.1")
    )

    assert header_line(settings, "r", "").startswith("kindgate: the cluster of /home/me/kubeconfig, overlay ")


def test_a_changed_file_is_marked(tmp_path: Path) -> None:
    """The judged files then differ from the commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    commit = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    assert commit_of(tmp_path) == commit

    (tmp_path / "file").write_text("two")

    assert commit_of(tmp_path) == f"{commit}+"


def test_no_commit_is_known_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing git is not an error either."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of(tmp_path) == ""

    monkeypatch.setenv("PATH", "")
    assert commit_of(tmp_path) == ""
