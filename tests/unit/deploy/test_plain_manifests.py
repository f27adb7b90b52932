"""Plain manifests: what `kubectl apply -f` would apply for a file or folder, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kindgate.deploy.plain_manifests import read_plain
from kindgate.errors import ManifestError
from kindgate.model import ObjectRef
from tests.unit.deploy.objects import deployment, manifest, service, stream

VALUES = "replicas: 2\nimage: {tag: '1.0'}\n"
COMPOSE = "services:\n  web: {build: .}\n"
SKAFFOLD = "apiVersion: skaffold/v4beta11\nkind: Config\n"
CLUSTER = "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\nnodes: [{role: control-plane}]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: [", "malformed YAML"),
        ("- a\n- b\n", "not a Kubernetes object"),
        ("kind: Service\nmetadata: {name: web}\n", "a Service without apiVersion"),
        ("apiVersion: v1\nkind: Service\nmetadata: {}\n", "a Service without metadata.name"),
        ("# nothing\n", "contains no Kubernetes object"),
        (SKAFFOLD, "contains no Kubernetes object"),
    ],
    ids=["malformed", "list", "no-version", "no-name", "empty", "tool"],
)
def test_a_file_without_manifests_is_named(tmp_path: Path, text: str, message: str) -> None:
    """A file that is not a manifest is an error before anything is created."""
    file = tmp_path / "before.yaml"
    file.write_text(text)

    with pytest.raises(ManifestError, match=message) as caught:
        read_plain(file)

    assert "before.yaml" in caught.value.message


def test_a_folder_is_read_recursively(tmp_path: Path) -> None:
    """Files are read recursively in name order, with every document in them, including JSON."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.yaml").write_text(stream(service()))
    (tmp_path / "a.yml").write_text(stream(deployment(), manifest("ConfigMap", "c")))
    (tmp_path / "sub/c.json").write_text(json.dumps(manifest("ConfigMap", "d")))
    (tmp_path / "notes.txt").write_text("not YAML: [")

    rendered_files = read_plain(tmp_path)

    assert [item["kind"] for item in rendered_files.objects] == ["Deployment", "ConfigMap", "Service", "ConfigMap"]
    assert rendered_files.origins[ObjectRef("Service", "shop", "web")] == str(tmp_path / "b.yaml")
    assert rendered_files.notes == ()


def test_files_of_other_tools_are_skipped_and_noted(tmp_path: Path) -> None:
    """Values and compose files and the configuration of skaffold and kind are common in manifest folders."""
    (tmp_path / "web.yaml").write_text(f"{CLUSTER}---\n{stream(deployment())}")
    for name, text in {"values.yaml": VALUES, "docker-compose.yml": COMPOSE, "skaffold.yaml": SKAFFOLD}.items():
        (tmp_path / name).write_text(text)

    rendered_files = read_plain(tmp_path)

    assert [item["kind"] for item in rendered_files.objects] == ["Deployment"]
    assert [note.partition(" contains")[0].rpartition("/")[2] for note in rendered_files.notes] == [
        "docker-compose.yml",
        "skaffold.yaml",
        "values.yaml",
    ]


@pytest.mark.parametrize("name", ["overlays/kustomization.yaml", "chart/Chart.yaml", ".github/workflow.yaml", "e2e/pytest.ini"])
def test_nested_charts_and_overlays_are_skipped(tmp_path: Path, name: str) -> None:
    """Overlays, charts, hidden folders and a test suite contain manifests that are not applied as they are."""
    (tmp_path / "web.yaml").write_text(stream(deployment()))
    folder = (tmp_path / name).parent
    folder.mkdir()
    (tmp_path / name).write_text("")
    (folder / "more.yaml").write_text(stream(service()))

    assert [item["kind"] for item in read_plain(tmp_path).objects] == ["Deployment"]


def test_a_parent_folder_of_overlays_lists_them(tmp_path: Path) -> None:
    """The error suggests the overlays below the folder."""
    (tmp_path / "overlays/dev").mkdir(parents=True)
    (tmp_path / "overlays/dev/kustomization.yaml").write_text("")

    with pytest.raises(ManifestError, match="contains no Kubernetes object") as caught:
        read_plain(tmp_path)

    assert str(tmp_path / "overlays/dev") in caught.value.next_step


def test_a_missing_path_lists_its_siblings(tmp_path: Path) -> None:
    """The error for a misspelled path lists the existing ones."""
    (tmp_path / "ci").mkdir()

    with pytest.raises(ManifestError, match="overlay not found") as caught:
        read_plain(tmp_path / "cii")

    assert "ci" in caught.value.next_step
