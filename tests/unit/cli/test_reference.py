"""The reference page is what the table of options says today."""

from pathlib import Path

from kindgate.cli.reference import options_page


def test_the_options_page_is_current() -> None:
    """After a change of options, `make docs` has to be run."""
    page = Path(__file__).parents[3] / "docs" / "options.md"

    assert page.read_text() == options_page()
