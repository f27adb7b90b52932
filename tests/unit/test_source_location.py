"""Texts with their position, and errors that point at a part of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kindgate.source_location import Source


def test_an_error_marks_the_part_of_the_line() -> None:
    """The caret is below the first character of the part."""
    source = Source("/a/{b}", "slo.yaml", 3, 9, "  path: /a/{b}")

    error = source.error("unknown value", 3, 6)

    assert error.message == "slo.yaml:3:12: unknown value"
    assert error.last_state.splitlines()[1:] == ["  path: /a/{b}", " " * 11 + "^^^"]


def test_a_part_of_a_text_over_several_lines_is_found_in_its_line() -> None:
    """The second of two equal parts is told apart from the first."""
    source = Source("{a}\n{a} {b}\n", "f", 7, 9, "  text: |", lines=("  text: |", "    {a}", "    {a} {b}"))

    assert source.part(4, 7).position == "f:9:5"
    assert source.error("unknown value", 8, 11).last_state.splitlines()[1:] == ["    {a} {b}", " " * 8 + "^^^"]


def test_a_part_that_is_written_differently_is_reported_at_the_start() -> None:
    """An escaped character is in no line as it is."""
    source = Source("\n{a}", "f", 2, 3, '  "\\n{a}"', lines=('  "\\n{a}"',))

    assert source.error("odd", 0, 1).message == "f:2:3: odd"
    assert source.part(1, 4).position == "f:2:6"


@given(st.text("ab{}\n", max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_any_part_has_a_position(text: str, start: int, end: int) -> None:
    """Whatever the lines are, an error is shown."""
    source = Source(text, "f", 1, 1, "x", lines=tuple(text.splitlines()))

    assert source.error("problem", min(start, end), max(start, end)).message.startswith("f:")
