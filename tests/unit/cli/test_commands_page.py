"""The reference page of commands matches the commands."""

from pathlib import Path

from kindgate.cli.commands_page import commands_page


def test_the_commands_page_is_current() -> None:
    """`make docs` writes the same text."""
    page = Path(__file__).parents[3] / "docs" / "commands.md"

    assert page.read_text() == commands_page()


def test_every_command_and_option_is_on_the_page() -> None:
    """Commands of groups, a command's arguments and options, and links to the options that it shares with pytest."""
    page = commands_page()

    assert "### kindgate images build\n" in page
    assert "| `REPORT...` | required |" in page
    assert "| `--arrival` | `poisson`, `uniform` |" in page
    assert "[cluster](options.md#cluster)" in page
