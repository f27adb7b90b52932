"""docs/guide.md has a section per room, and names nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kindgate.cli.commands import app
from kindgate.options import option_fields
from kindgate.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/guide.md").read_text()


def test_every_room_has_a_section() -> None:
    """A new one needs a few lines."""
    rooms = {folder.name for folder in (ROOT / "kindgate").iterdir() if (folder / "__init__.py").is_file()}

    assert {name for line in re.findall(r"^## (.+)$", TEXT, re.MULTILINE) for name in line.split(", ")} == rooms


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`kindgate ([a-z]+(?: [a-z]+)?)", TEXT))))
def test_every_command_exists(command: str) -> None:
    """Its help can be shown."""
    result = CliRunner().invoke(app, [*command.split(), "--help"])

    assert result.exit_code == 0


def test_every_option_exists() -> None:
    """Of the table, of the command in whose section it stands, or of pytest-html."""
    of_commands = {"--rate", "--duration", "--url", "--json", "--link", "--leg", "--require", "--fail-on", "--dir"}
    named = set(re.findall(r"(--[a-z][a-z-]+)", TEXT))

    assert named <= {row.option.flag for row in option_fields(Settings)} | of_commands | {"--html"}


def test_every_page_and_file_exists() -> None:
    """Counted from the root or from docs/."""
    named = set(re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:md|schema\.json|lock))`", TEXT)) - {"summary.md"}

    assert [name for name in named if not ((ROOT / name).is_file() or (ROOT / "docs" / name).is_file())] == []
