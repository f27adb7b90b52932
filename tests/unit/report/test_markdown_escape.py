"""Escaping: invisible characters are written out, and no text escapes its code span."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.report.markdown_escape import cell_code, code_block, code_span, html_code, link, shortened, visible, visible_start


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x00\x1b", r"\u0000\u001b"),
        ("\u200b\u202e\u2066\ufeff", r"\u200b\u202e\u2066\ufeff"),
        ("\u2028\u00ad\u3164\ufe0f", r"\u2028\u00ad\u3164\ufe0f"),
        ("\U000e0041", r"\U000e0041"),
        ("żółw 測試 é", "żółw 測試 é"),
    ],
)
def test_invisible_characters_are_escaped(text: str, shown: str) -> None:
    """Control, zero-width and direction characters are escaped; letters of any script are kept."""
    assert visible(text) == shown


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_a_code_span_encloses_the_whole_text(text: str) -> None:
    """The fence is longer than any run of backticks inside, and the span stays on one line."""
    span = code_span(text)
    if span == "—":
        assert not visible(text).strip()
        return
    fence = re.match("`+", span)
    assert fence
    inside = span[len(fence[0]) : -len(fence[0])]
    assert span.endswith(fence[0])
    assert all(len(run) < len(fence[0]) for run in re.findall("`+", inside))
    assert "\n" not in span


@given(st.text(st.sampled_from("`a\n~"), max_size=80))
def test_no_line_can_close_a_code_block(text: str) -> None:
    """The fence is longer than any run of backticks inside."""
    first, *lines, last = code_block(text).split("\n")
    assert first == last + "text"
    assert not any(line.lstrip().startswith(last) for line in lines)


@pytest.mark.parametrize(("text", "cell"), [("a|b", r"`a\|b`"), (r"a\|b", r"`a\\x7cb`"), ("||", r"`\|\|`")])
def test_a_pipe_stays_in_its_cell(text: str, cell: str) -> None:
    """Pipes are escaped, even after a backslash."""
    assert cell_code(text) == cell


def test_long_text_is_cut_with_an_ellipsis() -> None:
    """A name of any length stays within its limit."""
    assert code_span("x" * 500, 10) == "`xxxxxxxxx…`"


def test_html_is_escaped_in_an_element() -> None:
    """HTML escaping applies in `<summary>`, where Markdown is not parsed."""
    assert html_code("<b>&`@x") == "<code>&lt;b&gt;&amp;`@x</code>"


def test_a_link_name_keeps_only_letters_and_digits() -> None:
    """A link's text cannot close the link."""
    assert link("run](x) <b>", "https://github.com/a/b") == "[run  x   b](https://github.com/a/b)"
    assert link("*", "https://github.com/a/b") == "[link](https://github.com/a/b)"


class UnreadText(str):
    """A string that can be sliced but not iterated."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all of a huge text is looked at")


@pytest.mark.parametrize("shown", [code_span, cell_code, code_block, html_code])
def test_only_the_start_of_a_huge_text_is_processed(shown: Callable[[str, int], str]) -> None:
    """A hostile report holds thousands of texts of which little is shown, so only the start of each is escaped."""
    page = shown(UnreadText("\u202e" * 100_000), 30)

    assert page.count(r"\u202e") == 4
    assert "…" in page


@given(st.text(st.sampled_from("a\u202e\u200b`|\\\n")), st.integers(1, 40))
def test_cutting_before_escaping_gives_the_same_text(text: str, limit: int) -> None:
    """An escape is never shorter than its character, so cutting before escaping changes nothing."""
    assert visible_start(text, limit) == shortened(visible(text), limit)
