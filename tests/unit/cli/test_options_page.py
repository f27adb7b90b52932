"""The reference page matches the option table."""

from pathlib import Path

from kindgate.cli.options_page import options_page


def test_the_options_page_is_current() -> None:
    """`make docs` writes the same text."""
    page = Path(__file__).parents[3] / "docs" / "options.md"

    assert page.read_text() == options_page()
