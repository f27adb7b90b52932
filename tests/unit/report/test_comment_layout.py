"""Fitting a page: the least useful rows are dropped first, and a page that cannot fit is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.report.comment_layout import Block, fitted, folded_table, table


def _block(usefulness: int, rows: int, letter: str) -> Block:
    return table(letter, ("column",), [(letter * 20,)] * rows, usefulness=usefulness, noun="row")


def test_a_page_that_fits_is_not_cut() -> None:
    """A page within its limit is not cut."""
    page = fitted([_block(1, 3, "a"), _block(2, 3, "b")], 10_000)
    assert (page.count("a" * 20), page.count("b" * 20)) == (3, 3)
    assert "omitted" not in page


def test_the_least_useful_rows_are_cut_first() -> None:
    """The more useful block stays complete while the other still has rows."""
    page = fitted([_block(1, 30, "a"), _block(2, 10, "b")], 800)
    assert page.count("b" * 20) == 10
    assert 0 < page.count("a" * 20) < 30
    assert f"{30 - page.count('a' * 20)} more rows omitted" in page


def test_a_block_cut_to_no_rows_leaves_one_line() -> None:
    """No empty table is left on the page."""
    page = fitted([_block(1, 30, "a"), _block(2, 10, "b")], 400)
    assert "30 more rows omitted" in page
    assert "**a**" not in page


def test_a_fold_is_closed_after_a_cut() -> None:
    """The closing tag is kept, and the notice follows it."""
    page = fitted([folded_table("t", ("c",), [("x" * 20,)] * 30, usefulness=1, noun="row")], 500)
    assert page.count("<details>") == page.count("</details>") == 1
    assert page.index("</details>") < page.index("omitted")


def test_the_least_useful_blocks_are_dropped_after_all_rows() -> None:
    """Twenty headings remain for twenty matrix jobs; the first block, the headline, always stays."""
    blocks = [Block(("headline",), usefulness=1), *(Block((f"{place}" * 100,), usefulness=place) for place in (2, 4, 3))]
    page = fitted(blocks, 250)

    assert page.startswith("headline\n\n")
    assert [place in page for place in ("222", "333", "444")] == [False, False, True]
    assert len(page) <= 250
    assert page.endswith("_2 more sections omitted because this page is full; see report.html and report.json._\n")


def test_a_blocks_rows_are_cut_before_the_block_is_dropped() -> None:
    """The headings are too long here: the least useful block is dropped, and the next keeps the rows that fit."""
    page = fitted([Block(("headline",)), Block(("h" * 600,), usefulness=1), _block(2, 30, "a")], 500)

    assert "hhh" not in page
    assert 0 < page.count("a" * 20) < 30
    assert "1 more section omitted" in page


def test_no_blocks_are_an_empty_page() -> None:
    """Without blocks the page is blank."""
    assert fitted([], 100) == "\n"


def test_a_page_that_cannot_fit_is_refused() -> None:
    """Headings are short: a limit below their length is the caller's error."""
    with pytest.raises(ValueError, match="does not fit into 10 characters"):
        fitted([Block(("a" * 50,))], 10)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30), st.sampled_from("aé測"))), st.integers(1000, 5000))
def test_a_page_never_exceeds_its_limit(blocks: list[tuple[int, int, str]], limit: int) -> None:
    """The limit holds in characters and in bytes."""
    page = fitted([_block(*block) for block in blocks[:6]], limit)
    assert len(page.encode()) <= limit
