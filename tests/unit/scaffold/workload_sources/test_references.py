"""References are followed inside a document and into files beside it, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.scaffold.workload_sources.references import Node, UnreadableReference, document_root
from kindgate.scaffold.workload_sources.source_text import read_source
from tests.unit.scaffold.workload_sources.servers import served


def root_of(folder: Path, document: Any, name: str = "api/openapi.yaml") -> Node:
    """The root of a document in a folder."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    source = read_source(str(path), "--from-openapi")
    return document_root(source, source.value())


def test_references_inside_the_document_are_followed(tmp_path: Path) -> None:
    """Through other references, with escaped keys, and keys beside the reference count."""
    document = {
        "a": {"$ref": "#/b", "extra": 1},
        "b": {"$ref": "#/c~1d/0"},
        "c/d": [{"x": {"$ref": "#/e"}, "extra": 0}],
        "e": "found",
    }

    root = root_of(tmp_path, document)

    assert root.get("a", "x").value == "found"
    assert root.get("a", "extra").value == 1
    assert root.get("a", "x", "missing").value is None


def test_references_lead_into_other_files(tmp_path: Path) -> None:
    """References of the other file are relative to that file."""
    folder = tmp_path / "api/parts"
    folder.mkdir(parents=True)
    (folder / "pet.yaml").write_text("schema: {$ref: 'name.json#/definitions/name'}\n")
    (folder / "name.json").write_text('{"definitions": {"name": {"type": "string"}}}')

    assert root_of(tmp_path, {"a": {"$ref": "parts/pet.yaml"}}).get("a", "schema", "type").value == "string"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("#/missing", "cannot be followed"),
        ("../secret.yaml", "leads out of"),
        ("file:///etc/hostname", "leads out of"),
        ("http://127.0.0.1:9/x.yaml", "another host"),
        ("missing.yaml", "No such file"),
        ("broken.yaml", "invalid YAML"),
        ("#/loop", "in a row"),
    ],
)
def test_a_reference_that_leads_nowhere_is_an_error(reference: str, reason: str, tmp_path: Path) -> None:
    """A description may be from somebody else: it cannot make kindgate read other files or hosts."""
    (tmp_path / "secret.yaml").write_text("a: 1\n")
    (tmp_path / "api").mkdir()
    (tmp_path / "api/broken.yaml").write_text("a: [\n")
    root = root_of(tmp_path, {"a": {"$ref": reference}, "loop": {"$ref": "#/loop"}})

    with pytest.raises(UnreadableReference, match=reason):
        root.get("a")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link is a way out, too."""
    (tmp_path / "secret.yaml").write_text("a: 1\n")
    (tmp_path / "api").mkdir()
    (tmp_path / "api/link.yaml").symlink_to(tmp_path / "secret.yaml")

    with pytest.raises(UnreadableReference, match="leads out of"):
        root_of(tmp_path, {"a": {"$ref": "link.yaml"}}).get("a")


def test_references_of_a_fetched_document_stay_on_its_host(tmp_path: Path) -> None:
    """Files beside it are fetched; this machine's files are not read."""
    (tmp_path / "openapi.yaml").write_text("a: {$ref: 'part.yaml#/b'}\nc: {$ref: 'file:///etc/hostname'}\n")
    (tmp_path / "part.yaml").write_text("b: found\n")
    with served(tmp_path) as base:
        source = read_source(f"{base}/openapi.yaml", "--from-openapi")
        root = document_root(source, source.value())

        assert root.get("a").value == "found"
        with pytest.raises(UnreadableReference, match="another host"):
            root.get("c")
