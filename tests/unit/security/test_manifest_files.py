"""Mapping a line of a written file back to its source."""

from __future__ import annotations

from pathlib import Path

import yaml

from kindgate.model import ObjectRef, Rendered
from kindgate.security.manifest_files import write_manifests
from kindgate.security.scan_findings import Location


def test_objects_of_one_source_share_a_file_with_its_name(rendered: Rendered, tmp_path: Path) -> None:
    """Written files are named after their source, so paths in `.trivyignore.yaml` are source paths."""
    write_manifests(rendered, tmp_path)

    assert list(yaml.safe_load_all((tmp_path / "base" / "probe.yaml").read_text())) == list(rendered.objects)


def test_every_line_maps_to_its_object(rendered: Rendered, project: Path, tmp_path: Path) -> None:
    """Lines are those of the file as written."""
    layout = write_manifests(rendered, tmp_path)
    lines = (tmp_path / "base" / "probe.yaml").read_text().splitlines()

    located = {line: layout.locate("base/probe.yaml", number, project) for number, line in enumerate(lines, 1)}
    assert located["kind: ServiceAccount"] == Location("base/probe.yaml", 2, "ServiceAccount echo/probe")
    assert located["kind: Pod"] == Location("base/probe.yaml", 7, "Pod echo/probe")
    assert located[lines[-1]] == Location("base/probe.yaml", 7, "Pod echo/probe")


def test_a_line_without_an_object_maps_to_the_file(rendered: Rendered, project: Path, tmp_path: Path) -> None:
    """A rule about a whole object may have no line, and this file has two objects."""
    assert write_manifests(rendered, tmp_path).locate("base/probe.yaml", 0, project) == Location("base/probe.yaml")


def test_an_object_without_a_source_belongs_to_the_overlay(rendered: Rendered, project: Path, tmp_path: Path) -> None:
    """An object without a known source is attributed to the overlay's kustomization."""
    (project / "kustomization.yaml").write_text("resources: []\n")
    layout = write_manifests(Rendered(project, rendered.objects[:1]), tmp_path)
    (target,) = layout.sources

    assert layout.locate(target, 0, project) == Location(str(project / "kustomization.yaml"), 1, "ServiceAccount echo/probe")


def test_a_source_outside_the_project_is_written_below_the_folder(rendered: Rendered, tmp_path: Path) -> None:
    """An absolute path or one above the working folder is still written below the folder."""
    origins = dict(zip(map(ObjectRef.of, rendered.objects), ("/opt/base/a.yaml", "../b.yaml"), strict=True))
    layout = write_manifests(Rendered(Path("overlay"), rendered.objects, origins), tmp_path / "scan")

    assert layout.sources == {"opt/base/a.yaml": "/opt/base/a.yaml", "b.yaml": "../b.yaml"}
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.yaml")} >= {"scan/opt/base/a.yaml", "scan/b.yaml"}
