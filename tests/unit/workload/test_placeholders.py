"""Placeholders in texts: what is one, and what is literal."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kindgate.workload.placeholders import Reference, escaped, references, split_text

BRACES = st.text('{}ab.1- "', max_size=30)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("/products/{product.id}?q={q}", ["product.id", "q"]),
        ('{"a": {"b": {}}}', []),
        ('{"a":{x}}', ["x"]),
        ("{{x}}", []),
        ("{x}{y}", ["x", "y"]),
        ("{1} {} { x } {a.b.c} {x", []),
        ("{_private} {user-id}", ["_private", "user-id"]),
    ],
)
def test_a_name_in_braces_is_a_placeholder(text: str, names: list[str]) -> None:
    """JSON keeps its braces, because nothing else is a placeholder."""
    assert [reference.name for reference in references(text)] == names


def test_doubled_braces_around_a_name_are_single_literal_ones() -> None:
    """A text can hold a name in braces."""
    assert "".join(map(str, split_text("query {{id}} { {{a.b}} }"))) == "query {id} { {a.b} }"


def test_a_placeholder_has_its_position_value_and_column() -> None:
    """Errors point at it."""
    assert references("é {user.email}") == (Reference("user.email", 2, 14),)
    assert (references("{user.email}")[0].value, references("{user.email}")[0].column) == ("user", "email")
    assert references("{user}")[0].column == ""


@given(BRACES)
@example("{{a}}")
@example("{{{a}}}")
def test_an_escaped_text_means_itself(text: str) -> None:
    """Imported texts may contain anything."""
    assert "".join(map(str, split_text(escaped(text)))) == text


@given(BRACES)
def test_the_parts_of_a_text_are_positioned(text: str) -> None:
    """No part is empty, and each placeholder is where it says."""
    parts = list(split_text(text))

    assert "" not in parts
    assert all(text[part.start : part.end] == f"{{{part.name}}}" for part in parts if isinstance(part, Reference))
