"""YAML documents with positions: limits, and where each value is."""

from __future__ import annotations

import pytest
import yaml

from kindgate.errors import SloError
from kindgate.yaml_document import DocumentLimits, YamlDocument

TEXT = """\
routes:
  - path: /a
    body:
      text: |
        first
        second {x}
  - {path: "/\\u0062/{x}"}
"""


def document(text: str, *, characters: int = 1000, depth: int = 10, events: int = 100) -> YamlDocument:
    """A document with small limits."""
    return YamlDocument(text, "f.yaml", DocumentLimits(characters, depth, events), reduce="write less", fill="write something")


def test_every_value_has_its_position() -> None:
    """Keys and indexes lead to it."""
    read = document(TEXT)

    sources = read.sources(read.root())

    assert sources["routes", 0, "path"].position == "f.yaml:2:11"
    assert sources["routes", 0, "body"].position == "f.yaml:4:7"
    assert sources["routes", 1].position == "f.yaml:7:5"
    text = sources["routes", 0, "body", "text"]
    assert text.part(text.text.index("{x}"), len(text.text) - 1).position == "f.yaml:6:16"
    escaped = sources["routes", 1, "path"]
    assert escaped.part(escaped.text.index("{x}"), len(escaped.text)).position == "f.yaml:7:21"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a" * 1001, "more than 1000 characters"),
        ("[" * 11 + "]" * 11, "too deeply nested"),
        ("[" + "1, " * 100 + "]", "too large"),
        ("a: &b 1\nc: *b", "aliases are not allowed"),
        ("a: [", "invalid YAML"),
        ("", "the file is empty"),
    ],
)
def test_a_document_beyond_the_limits_is_refused(text: str, problem: str) -> None:
    """Nothing is constructed from it."""
    with pytest.raises(SloError, match=problem):
        document(text).root()


def test_keys_are_known_and_defined_once() -> None:
    """A null is as good as no key."""
    read = document("{a: 1, b: null}")
    assert list(read.mapping(read.root(), ("a", "b"), "it")) == ["a"]

    for text, problem in (("{c: 1}", "it has no key 'c'"), ("{a: 1, a: 2}", "'a' is defined twice"), ("[a]", "it must be a mapping")):
        other = document(text)
        with pytest.raises(SloError, match=problem):
            other.mapping(other.root(), ("a", "b"), "it")


def test_a_scalar_is_read_as_written() -> None:
    """The reader of the value decides what a number is."""
    read = document("{a: 0010}")
    root = read.root()

    assert isinstance(root, yaml.MappingNode)
    assert read.scalar(root.value[0][1], "a number").text == "0010"
    with pytest.raises(SloError, match="expected a number here"):
        read.scalar(root, "a number")
