"""YAML is read as kubectl reads it; kubectl itself checks that where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kindgate.deploy.manifest_yaml import read_documents, scalar
from kindgate.errors import ManifestError

SCALARS: dict[str, Any] = {
    "0644": 420,
    "-0644": -420,
    "0o17": 15,
    "0x1F": 31,
    "0b11": 3,
    "09": 9,
    "+5": 5,
    "1_000": 1000,
    "9223372036854775807": 9223372036854775807,
    "1e3": 1000,
    "12e03": 12000,
    "1.0": 1,
    ".5": 0.5,
    "1.": 1,
    "1e1000": "1e1000",
    "22:22": "22:22",
    "190:20:30.15": "190:20:30.15",
    "2001-01-01": "2001-01-01",
    "2001-12-14t21:59:43.10-05:00": "2001-12-14t21:59:43.10-05:00",
    "=": "=",
    "<<": "<<",
    "on": True,
    "Off": False,
    "y": True,
    "N": False,
    "tRUE": "tRUE",
    "~": None,
    "Null": None,
    "nAn": "nAn",
    "0x": "0x",
    "_1": "_1",
    "1.2.3": "1.2.3",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items(), ids=SCALARS)
def test_a_scalar_has_kubectls_value(text: str, value: object) -> None:
    """Each value comes from the output of `kubectl annotate --local -o json`."""
    (document,) = read_documents(f"value: {text}", "app.yaml")
    assert document == {"value": value}
    assert type(document["value"]) is type(value)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH; the table above holds what it prints")
def test_kubectl_reads_every_scalar_the_same_way() -> None:
    """The table above matches kubectl itself."""
    lines = [f"  k{number}: {text}" for number, text in enumerate(SCALARS)]
    text = "\n".join(["apiVersion: v1", "kind: ConfigMap", "metadata: {name: x}", "data:", *lines])
    command = ["kubectl", "annotate", "--local", "--output", "json", "--filename", "-", "a=b"]
    printed = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    (document,) = read_documents(text, "app.yaml")
    assert document["data"] == json.loads(printed)["data"]


@pytest.mark.parametrize("text", ['"on"', "'0644'", "!!str 5", "|\n  07"])
def test_quoted_and_tagged_text_stays_text(text: str) -> None:
    """Quoted scalars, block scalars and scalars tagged `!!str` are strings."""
    (document,) = read_documents(f"value: {text}", "app.yaml")
    assert isinstance(document["value"], str)


def test_keys_are_read_as_text() -> None:
    """Keys are strings, as JSON requires."""
    (document,) = read_documents("{on: a, 1: b, 1.5: c, 0644: d}", "app.yaml")
    assert document == {"true": "a", "1": "b", "1.5": "c", "420": "d"}


def test_tags_merge_keys_and_anchors_are_resolved() -> None:
    """Tags, merge keys and anchors, common in Helm charts, are resolved."""
    (document,) = read_documents("base: &b {a: 1}\nmerged: {<<: *b, b: 2}\nbinary: !!binary aGVsbG8=\ncustom: !Ref x\n", "app.yaml")
    assert document == {"base": {"a": 1}, "merged": {"a": 1, "b": 2}, "binary": "hello", "custom": "x"}


@pytest.mark.parametrize("text", ["a: .inf", "a: {b", "~: x", "a: !!binary x", "a: &x {b: *x}", "a: &x [*x]", "? [a]\n: b"])
def test_values_without_a_json_form_are_rejected_with_the_file(text: str) -> None:
    """A document that JSON cannot represent is an error that names the file; it would fail later with a misleading message."""
    with pytest.raises(ManifestError, match=r"^app\.yaml: malformed YAML: "):
        read_documents(text, "app.yaml")


def test_empty_documents_are_skipped() -> None:
    """Empty documents, such as comments between separators, are skipped."""
    assert read_documents("---\n# nothing\n---\na: 1\n---\n", "app.yaml") == [{"a": 1}]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(JSON_VALUES)
def test_json_is_read_verbatim(value: object) -> None:
    """JSON is valid YAML, and manifests can be written in it."""
    assert read_documents(json.dumps({"value": value}), "app.json") == [{"value": value}]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12))
def test_text_written_by_pyyaml_is_read_as_text(text: str) -> None:
    """Any string that PyYAML writes in quotes is read back unchanged."""
    dumped = yaml.safe_dump({"value": text}, default_style='"')
    assert read_documents(dumped, "app.yaml") == [{"value": text}]


@given(st.text(max_size=20).filter(lambda text: text.lower().lstrip("+-") not in {".inf", ".nan"}))
def test_any_scalar_has_a_json_value(text: str) -> None:
    """Any scalar becomes a JSON value; if it is neither a number nor a keyword, it is a string."""
    assert json.loads(json.dumps(scalar(text))) == scalar(text)
