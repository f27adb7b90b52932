"""Sources are read as YAML 1.2 or JSON, and errors point at the place in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SettingsError, SloError
from kindgate.scaffold.workload_sources.source_positions import Pointer, json_position, yaml_position
from kindgate.scaffold.workload_sources.source_text import SourceText, read_source
from tests.unit.scaffold.workload_sources.servers import served

KEYS = st.text("abc-_/~", min_size=1, max_size=4)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("ab {}[]:,\"'#", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def pointers(value: Any, at: Pointer = ()) -> Iterator[tuple[Pointer, Any]]:
    """Every value of a document with its path."""
    yield at, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from pointers(item, (*at, key))


def rest(text: str, line: int, column: int) -> str:
    """The text from a position."""
    lines = text.splitlines(keepends=True)
    return "".join([lines[line - 1][column - 1 :], *lines[line:]])


@given(DOCUMENTS, st.sampled_from([None, 1, "\t"]))
def test_the_position_of_every_value_in_json_is_found(document: Any, indent: int | str | None) -> None:
    """A document of megabytes has no other handle for its reader."""
    text = json.dumps(document, indent=indent)
    for pointer, value in pointers(document):
        found, _ = json.JSONDecoder().raw_decode(rest(text, *json_position(text, pointer)))
        assert found == value


@given(st.dictionaries(KEYS, DOCUMENTS, min_size=1, max_size=3))
def test_the_position_of_every_value_in_yaml_is_found(document: Any) -> None:
    """Block and flow collections, quoted and plain texts."""
    text = yaml.safe_dump(document, sort_keys=False)
    nodes = {}

    def walk(node: yaml.Node, at: Pointer) -> None:
        mark = node.start_mark
        nodes[at] = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                walk(value, (*at, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                walk(value, (*at, index))

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None
    walk(root, ())
    assert {pointer: yaml_position(text, pointer) for pointer in nodes} == nodes


def test_the_position_of_a_missing_value_is_that_of_its_parent() -> None:
    """The reader sees where the value should be."""
    assert json_position('{"a": {\n  "b": {"c": 1}}}', ("a", "b", "x", "y")) == (2, 8)
    assert yaml_position("a:\n  b:\n    c: 1\n", ("a", "b", "x")) == (3, 5)


def test_scalars_are_those_of_yaml_1_2() -> None:
    """A time, a date or a word such as `no` in an example is a text, as the API's other tools read it."""
    text = "a: 2024-01-31\nb: 12:30\nc: no\nd: 010\ne: 1.5\nf: -7\ng: true\nh: null\ni: 1e3\nj: ~\n"

    assert SourceText("x.yaml", text).value() == {
        "a": "2024-01-31",
        "b": "12:30",
        "c": "no",
        "d": "010",
        "e": 1.5,
        "f": -7,
        "g": True,
        "h": None,
        "i": 1000.0,
        "j": None,
    }


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ('{"a": 1,\n "b": }', "x:2:7: invalid JSON"),
        ("a: 1\nb: [1, 2\nc: 3\n", "x:3:"),
        ("a: 'open\n", "x:2:1: invalid YAML"),
        ('{"a": NaN}', "x: cannot be read: NaN is not JSON"),
        ("[" * 200_000, "x: cannot be read"),
    ],
)
def test_a_broken_document_is_an_error_with_a_position(text: str, position: str) -> None:
    """The reader can open the file at the place."""
    with pytest.raises(SloError) as caught:
        SourceText("x", text).value()

    assert caught.value.message.startswith(position)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """The option and the cause are named."""
    (tmp_path / "latin").write_bytes(b"one\ncaf\xe9\n")

    with pytest.raises(SettingsError, match=r"--from-har .*latin: line 2 is not UTF-8"):
        read_source(str(tmp_path / "latin"), "--from-har")
    with pytest.raises(SettingsError, match=r"--from-har .*missing: No such file"):
        read_source(str(tmp_path / "missing"), "--from-har")


def test_a_document_is_fetched_from_an_address(tmp_path: Path) -> None:
    """Many services publish their own description."""
    (tmp_path / "openapi.json").write_text('{"openapi": "3.1.0"}')
    with served(tmp_path) as base:
        assert read_source(f"{base}/openapi.json", "--from-openapi").value() == {"openapi": "3.1.0"}
        with pytest.raises(SettingsError, match="404"):
            read_source(f"{base}/other.json", "--from-openapi")


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')

    assert read_source(str(tmp_path / "a.json"), "--from-har").value() == {"a": 1}
