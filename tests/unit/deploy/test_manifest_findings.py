"""Findings include the line of the file to edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.deploy.manifest_findings import Finding, with_lines
from kindgate.model import ObjectRef

TEXT = """\
apiVersion: v1
kind: Service
metadata:
  name: web
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: web
          image: web:1
        - name: log
          image: log
"""


def line(tmp_path: Path, kind: str, name: str, path: str, text: str = TEXT) -> int:
    """Return the line of a finding about the object `kind` `name` in a file that contains `text`."""
    (tmp_path / "app.yaml").write_text(text)
    (finding,) = with_lines([Finding("app.yaml", ObjectRef(kind, "shop", name), path, "wrong")], tmp_path)
    return finding.line


@pytest.mark.parametrize(
    ("kind", "name", "path", "expected"),
    [
        ("Deployment", "web", "spec.template.spec.containers[1].image", 17),
        ("Deployment", "web", "spec.template.spec.containers[0].resources.limits.cpu", 14),
        ("Service", "web", "", 1),
        ("Deployment", "dev-web-v2", "spec", 11),
        ("Deployment", "other", "spec", 0),
        ("ConfigMap", "web", "data", 0),
    ],
    ids=["field", "nearest", "object", "prefixed", "other-name", "other-kind"],
)
def test_the_line_is_that_of_the_nearest_field(tmp_path: Path, kind: str, name: str, path: str, expected: int) -> None:
    """A field from a patch gets the nearest line, a name can have a prefix, and 0 means unknown."""
    assert line(tmp_path, kind, name, path) == expected


@pytest.mark.parametrize("text", ["", "a: {b", "- 1\n"], ids=["empty", "malformed", "list"])
def test_a_file_without_the_object_has_no_line(tmp_path: Path, text: str) -> None:
    """The finding is still reported, without a line."""
    assert line(tmp_path, "Deployment", "web", "spec", text) == 0


def test_a_missing_file_has_no_line(tmp_path: Path) -> None:
    """Objects from remote bases or kindgate itself have no local file."""
    (finding,) = with_lines([Finding("--app-secret", ObjectRef("Secret", "shop", "s"), "", "wrong")], tmp_path)
    assert str(finding) == "--app-secret: Secret shop/s: wrong"


def test_the_line_follows_the_file_name() -> None:
    """The format file:line is that of compilers, which editors can open."""
    finding = Finding("app.yaml", ObjectRef("Deployment", "shop", "web"), "spec.replicas", "wrong", line=7)
    assert str(finding) == "app.yaml:7: Deployment shop/web: spec.replicas: wrong"
