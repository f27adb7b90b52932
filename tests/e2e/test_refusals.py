"""Bad input yields a one-line cause and the documented exit code, and creates nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kindgate import assets
from kindgate.host.binaries import host_platform
from kindgate.host.paths import state_dir
from kindgate.host.tools_lock import read_lock
from kindgate.images.build.catalogue import read_catalogue

ROOT = Path(__file__).parents[2]
ECHO = ROOT / "k8s" / "base"
NAME = "refusals"
"""The cluster that a command would create if it did not refuse."""

pytestmark = pytest.mark.e2e


@pytest.fixture(name="overlay")
def _overlay(tmp_path: Path) -> Path:
    """A copy of the application's manifests, to be broken."""
    return Path(shutil.copytree(ECHO, tmp_path / "overlay"))


def kindgate(*arguments: object, **environment: object) -> subprocess.CompletedProcess[str]:
    """Run `kindgate` as a user does."""
    command = [str(Path(sys.executable).parent / "kindgate"), *map(str, arguments)]
    variables = {**os.environ, **{name: str(value) for name, value in environment.items()}}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=variables)


def up(*arguments: object, **environment: object) -> subprocess.CompletedProcess[str]:
    """Run `kindgate up` for a cluster name used only here."""
    return kindgate("up", *(() if "--cluster-name" in arguments else ("--cluster-name", NAME)), *arguments, **environment)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_created() -> Iterator[None]:
    """The refusals leave no cluster, and nothing in the clusters folder."""
    yield
    listed = kindgate("list")
    assert listed.returncode == 0, listed.stderr
    assert NAME not in listed.stdout.split()
    assert not (state_dir() / "clusters" / NAME).exists()


def refused(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """Check that the first line of the error on stderr contains these words, and that the exit code matches."""
    causes = [line for line in result.stderr.splitlines() if line.startswith("kindgate: ")]

    assert result.returncode == code, result.stderr
    assert len(causes) == 1
    assert [word for word in words if word not in causes[0]] == []


def replace_in(file: Path, old: str, new: str) -> None:
    """Replace the first occurrence of `old` in `file`."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def misspell_image(overlay: Path) -> None:
    """An image that no source has."""
    replace_in(overlay / "foo.yaml", "hashicorp/http-echo", "hashicorp/http-ecko")


def add_unknown_field(overlay: Path) -> None:
    """A field unknown to Kubernetes."""
    replace_in(overlay / "foo.yaml", "replicas:", "replicass: 2\n  replicas:")


def break_yaml(overlay: Path) -> None:
    """A file with invalid YAML."""
    (overlay / "foo.yaml").write_text("kind: [Deployment\n")


def double_object(overlay: Path) -> None:
    """The same object in two files."""
    shutil.copy(overlay / "namespace.yaml", overlay / "again.yaml")
    replace_in(overlay / "kustomization.yaml", "resources:", "resources:\n  - again.yaml")


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (misspell_image, 15, ("http-ecko", "foo.yaml")),
        (add_unknown_field, 13, ("replicass",)),
        (break_yaml, 13, ("foo.yaml",)),
        (double_object, 13, ("Namespace",)),
    ],
)
def test_broken_manifests_are_refused_by_name(overlay: Path, damage: Callable[[Path], None], code: int, words: tuple[str, ...]) -> None:
    """The error names the file or object and the problem."""
    damage(overlay)

    refused(kindgate("validate", "--app-overlay", overlay), code, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("thresholds:\n  http_req_duration: ['p(95)<<200']\n", ("slo.yaml:2",)),
        ("thresholds:\n  http_req_latency: ['p(95)<200']\n", ("http_req_latency", "slo.yaml:2")),
    ],
)
def test_bad_objectives_are_refused_with_file_and_line(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    """A bad expression and an unknown metric are reported with file and line."""
    (tmp_path / "slo.yaml").write_text(text)

    refused(kindgate("validate", "--slo-file", tmp_path / "slo.yaml"), 14, *words)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--app-overlay", "k8s/overlays/nowhere"), 13, ("nowhere",)),
        (("--cluster-name", "Bad_Name"), 10, ("--cluster-name",)),
        (("--kind-workers", "-1"), 10, ("--kind-workers",)),
        (("--kind-workers", "100"), 10, ("--kind-workers",)),
        (("--kind-context", "c"), 10, ("--kind-existing",)),
        (("--app-image", "nothing"), 10, ("--app-image",)),
        (("--kind-config", "/nowhere.yaml"), 10, ("--kind-config",)),
        (("--image-source", "nowhere"), 10, ("--image-source",)),
    ],
)
def test_bad_options_are_refused_by_name(arguments: tuple[str, ...], code: int, words: tuple[str, ...]) -> None:
    """The error names the option."""
    refused(up(*arguments), code, *words)


def test_contradictory_options_are_refused() -> None:
    """Conflicting options are rejected instead of choosing one."""
    (first, second) = ("--keep-cluster", "--kind-keep=never")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "e2e", first, second], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--keep-cluster means --kind-keep=always" in done.stderr


def test_a_taken_host_port_is_refused(tmp_path: Path) -> None:
    """A port in use is reported before kind starts."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        refused(up("--kind-host-port", port, "--artifacts", tmp_path), 10, str(port))


def test_an_unwritable_artifacts_folder_is_refused(tmp_path: Path) -> None:
    """Nothing is created for a run whose results could not be stored."""
    (tmp_path / "file").write_text("")

    refused(up("--artifacts", tmp_path / "file" / "artifacts"), 10, "--artifacts")


@pytest.mark.parametrize("content", [None, "not: [a kubeconfig", "kind: Pod"])
def test_an_unreadable_kubeconfig_is_refused(tmp_path: Path, content: str | None) -> None:
    """A missing or invalid kubeconfig of an existing cluster is reported with its path."""
    if content is not None:
        (tmp_path / "kubeconfig").write_text(content)
    existing = ("--kind-existing", tmp_path / "kubeconfig", "--kind-context", "c", "--ingress-url", "http://127.0.0.1:1")

    refused(up(*existing), 16, str(tmp_path / "kubeconfig"))


def test_a_downloaded_tool_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    """The tool is not run, and the error has its path and both checksums."""
    tool = tmp_path / "tools" / f"kubectl-{read_lock()['kubectl'].version}-{host_platform()}" / "kubectl"
    tool.parent.mkdir(parents=True)
    tool.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    tool.chmod(0o755)

    result = up("--image-seed", tmp_path / "no-seed", KINDGATE_CACHE_DIR=tmp_path)

    refused(result, 12, str(tool), "SHA-256")
    assert "expected " in result.stderr
    assert not (tmp_path / "was-run").exists()


def test_a_changed_cached_binary_is_refused(tmp_path: Path) -> None:
    """A compiled or unpacked program is verified against its recorded checksum before each use."""
    catalogue = assets.manifests() / "images"
    recipe = read_catalogue(catalogue / "catalogue.yaml").recipe("kube", catalogue)
    binary = tmp_path / "binaries" / f"{recipe.title}-{recipe.key}" / recipe.name
    binary.parent.mkdir(parents=True)
    binary.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    binary.chmod(0o755)
    binary.with_name(f"{recipe.name}.sha256").write_text("0" * 64)

    refused(up("--image-seed", tmp_path / "no-seed", KINDGATE_CACHE_DIR=tmp_path), 12, str(binary), "SHA-256")
    assert not (tmp_path / "was-run").exists()


def test_a_missing_engine_is_reported_with_the_next_step() -> None:
    """Without an engine, the run stops with the next step and does not install one."""
    result = up(KINDGATE_ENGINE="podman", PATH="/nonexistent")

    refused(result, 11, "podman")
    assert "next:" in result.stderr
