"""The names by which expressions select and exclude tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.plugin.selected_names import selected_names


@pytest.mark.parametrize(
    ("expression", "selecting", "excluding"),
    [
        ("", "", ""),
        ("e2e", "e2e", ""),
        ("not e2e", "", "e2e"),
        ("e2e and not slow", "e2e", "slow"),
        ("not slow and (rollout or e2e)", "rollout e2e", "slow"),
        ("not (e2e or rollout) and plain", "plain", "e2e rollout"),
        ("not (slow and not (e2e or chaos)) or x", "e2e chaos x", "slow"),
        ("not not e2e", "e2e", ""),
        ("rollout or not rollout", "rollout", "rollout"),
        ('not device(serial="not e2e", port=8) and e2e', "e2e", "device"),
        ("not test_a.py::test_b[1-x]", "", "test_a.py::test_b[1-x]"),
        ("e2e)) and not (", "e2e", ""),
    ],
)
def test_names_inside_and_outside_of_not(expression: str, selecting: str, excluding: str) -> None:
    """Every `not` around a name counts; arguments and brackets do not."""
    names = selected_names(expression)

    assert names.selecting == set(selecting.split())
    assert names.excluding == set(excluding.split())


Parsed = tuple[str, frozenset[str], frozenset[str]]


def _negated(inner: Parsed) -> Parsed:
    text, selecting, excluding = inner
    return f"not ({text})", excluding, selecting


def _joined(parts: tuple[Parsed, str, Parsed]) -> Parsed:
    (left, selecting, excluding), operator, (right, more, less) = parts
    return f"({left}) {operator} ({right})", selecting | more, excluding | less


EXPRESSIONS: st.SearchStrategy[Parsed] = st.recursive(
    st.sampled_from(["e2e", "rollout", "slow"]).map(lambda name: (name, frozenset({name}), frozenset())),
    lambda inner: inner.map(_negated) | st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(_joined),
)


@given(EXPRESSIONS)
def test_nested_expressions(parsed: Parsed) -> None:
    """However expressions are nested, each name is on its side."""
    names = selected_names(parsed[0])

    assert (names.selecting, names.excluding) == parsed[1:]
