"""Counts match what a parser of the text would find."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.report.reading import Bounds, BoundsExceeded

VALUES = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


def containers(node: Any) -> int:
    """Return the number of objects and lists in a document."""
    inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else ()
    return isinstance(node, dict | list) + sum(map(containers, inner))


def depth(node: Any) -> int:
    """Return the nesting depth of a document."""
    inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else ()
    return isinstance(node, dict | list) + max(map(depth, inner), default=0)


@given(VALUES, st.booleans())
def test_objects_and_lists_are_counted_outside_of_strings(document: Any, ascii_alone: bool) -> None:  # noqa: FBT001 - a drawn value
    """Brackets and quotes inside strings, escaped or not, are ignored."""
    text = json.dumps(document, ensure_ascii=ascii_alone).encode("utf-8", "surrogatepass")
    count, deep = containers(document), depth(document)
    Bounds(count, 10**6, deep).check(text)
    if count:
        with pytest.raises(BoundsExceeded, match="objects and lists"):
            Bounds(count - 1, 10**6).check(text)
        with pytest.raises(BoundsExceeded, match="deep"):
            Bounds(count, 10**6, deep - 1).check(text)


@given(st.lists(st.integers(), min_size=2, max_size=100))
def test_values_are_counted(numbers: list[int]) -> None:
    """Values are counted by the commas between them and by the list that holds them."""
    text = json.dumps(numbers).encode()
    Bounds(1, len(numbers)).check(text)
    with pytest.raises(BoundsExceeded, match="values"):
        Bounds(1, len(numbers) - 1).check(text)


@given(st.binary(max_size=100))
def test_any_bytes_can_be_counted(text: bytes) -> None:
    """Arbitrary bytes are counted without an error."""
    Bounds(10**6, 10**6, 10**6).check(text)
