"""Bad input: a one-line cause, the exit code of the table, and nothing created."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ECHO = ROOT / "k8s" / "base"

pytestmark = pytest.mark.e2e


@pytest.fixture(name="overlay")
def _overlay(tmp_path: Path) -> Path:
    """A copy of the application's manifests, to be broken."""
    return Path(shutil.copytree(ECHO, tmp_path / "overlay"))


def kindgate(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `kindgate` as a user does, in a folder whose cluster nobody else has."""
    command = [str(Path(sys.executable).parent / "kindgate"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environment})


def containers() -> set[str]:
    """The clusters that kindgate knows of on this machine."""
    listed = kindgate("list")
    assert listed.returncode == 0, listed.stderr
    return set(listed.stdout.split())


def refused(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The cause stands in the first line of stderr's error, with these words, and the exit code is the table's."""
    causes = [line for line in result.stderr.splitlines() if line.startswith("kindgate: ")]

    assert result.returncode == code, result.stderr
    assert len(causes) == 1
    assert [word for word in words if word not in causes[0]] == []


def replace_in(file: Path, old: str, new: str) -> None:
    """Change the one place in `file` where `old` stands first."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def misspell_image(overlay: Path) -> None:
    """An image that no source has."""
    replace_in(overlay / "foo.yaml", "hashicorp/http-echo", "hashicorp/http-ecko")


def add_unknown_field(overlay: Path) -> None:
    """A field that Kubernetes does not know."""
    replace_in(overlay / "foo.yaml", "replicas:", "replicass: 2\n  replicas:")


def break_yaml(overlay: Path) -> None:
    """A file that is no YAML."""
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
    """The error names the file or object and what is wrong with it."""
    damage(overlay)

    refused(kindgate("validate", "--kind-overlay", overlay), code, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("thresholds:\n  http_req_duration: ['p(95)<<200']\n", ("slo.yaml:2",)),
        ("thresholds:\n  http_req_latency: ['p(95)<200']\n", ("http_req_latency", "slo.yaml:2")),
    ],
)
def test_bad_objectives_are_refused_with_file_and_line(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    """A bad expression and an unknown metric are told with their place."""
    (tmp_path / "slo.yaml").write_text(text)

    refused(kindgate("validate", "--slo-file", tmp_path / "slo.yaml"), 14, *words)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--kind-overlay", "k8s/overlays/nowhere"), 13, ("nowhere",)),
        (("--cluster-name", "Bad_Name"), 10, ("--cluster-name",)),
        (("--kind-workers", "-1"), 10, ("--kind-workers",)),
        (("--kind-workers", "100"), 10, ("--kind-workers",)),
        (("--kind-context", "c"), 10, ("--kind-existing",)),
        (("--app-image", "nothing"), 10, ("--app-image",)),
        (("--kind-config", "/nowhere.yaml"), 10, ("--kind-config",)),
    ],
)
def test_bad_options_are_refused_by_name(arguments: tuple[str, ...], code: int, words: tuple[str, ...]) -> None:
    """The error names the option."""
    refused(kindgate("up", *arguments), code, *words)


def test_a_taken_host_port_is_refused(tmp_path: Path) -> None:
    """A port that somebody listens on is told before kind is started."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        before = containers()

        refused(kindgate("up", "--cluster-name", "refusals", "--kind-host-port", port, "--artifacts", tmp_path), 10, str(port))

        assert containers() == before


def test_an_unwritable_artifacts_folder_is_refused(tmp_path: Path) -> None:
    """Nothing is created for a run whose findings could not be kept."""
    (tmp_path / "file").write_text("")

    refused(kindgate("up", "--cluster-name", "refusals", "--artifacts", tmp_path / "file" / "artifacts"), 10, "--artifacts")


def test_an_unreadable_kubeconfig_is_refused(tmp_path: Path) -> None:
    """An existing cluster whose kubeconfig is none is told by its path."""
    (tmp_path / "kubeconfig").write_text("not: [a kubeconfig")
    existing = ("--kind-existing", tmp_path / "kubeconfig", "--kind-context", "c", "--ingress-url", "http://127.0.0.1:1")

    refused(kindgate("up", *existing), 16, "kubeconfig")


def test_no_engine_is_told_with_the_command_that_helps() -> None:
    """Without an engine the run stops and says what to do; it installs nothing by itself."""
    result = kindgate("up", KINDGATE_ENGINE="podman", PATH="/nonexistent")

    refused(result, 11, "podman")
    assert "next:" in result.stderr
