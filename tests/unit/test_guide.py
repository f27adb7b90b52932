"""docs/guide.md has a section per package and names only things that exist."""

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


def test_every_package_has_a_section() -> None:
    """A new package needs a few lines there."""
    packages = {folder.name for folder in (ROOT / "kindgate").iterdir() if (folder / "__init__.py").is_file()}

    assert {name for line in re.findall(r"^## (.+)$", TEXT, re.MULTILINE) for name in line.split(", ")} == packages


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`kindgate ([a-z]+(?: [a-z]+)?)", TEXT))))
def test_every_command_exists(command: str) -> None:
    """Its help can be shown."""
    result = CliRunner().invoke(app, [*command.split(), "--help"])

    assert result.exit_code == 0


def test_every_option_exists() -> None:
    """It is in the option table, belongs to the section's command, or is pytest's or pytest-html's."""
    of_commands = {"--rate", "--duration", "--url", "--json", "--link", "--leg", "--require", "--fail-on", "--dir"}
    of_pytest = {"--html", "--log-level", "--log-cli-level", "--log-file", "--log-file-level"}
    named = set(re.findall(r"(--[a-z][a-z-]+)", TEXT))

    assert named <= {row.option.flag for row in option_fields(Settings)} | of_commands | of_pytest


def test_every_page_and_file_exists() -> None:
    """Paths are relative to the root or to docs/."""
    named = set(re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:md|schema\.json|lock))`", TEXT)) - {"summary.md"}

    assert [name for name in named if not ((ROOT / name).is_file() or (ROOT / "docs" / name).is_file())] == []
