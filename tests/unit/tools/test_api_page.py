"""docs/api.md matches the code."""

from __future__ import annotations

from pathlib import Path

from tests.tools.api_page import api_page


def test_the_page_is_up_to_date() -> None:
    """`make docs` generates it."""
    assert (Path(__file__).parents[3] / "docs/api.md").read_text() == api_page()
