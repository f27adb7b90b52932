"""README.md and the pages in docs/ with their code blocks, so tests run the commands that they show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"^## (?P<section>[^\n]+)$|^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block: the heading above it, its language, its text."""

    section: str
    language: str
    text: str

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of a shell block or of a console's `$` lines, without their comments."""
        lines = [line.strip() for line in self.text.splitlines()]
        if self.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return tuple(line.partition(" #")[0].rstrip() for line in lines if line)


def blocks(page: Path) -> tuple[Block, ...]:
    """Every block of a page, in order."""
    found: list[Block] = []
    section = ""
    for match in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        section = match["section"] or section
        if match["language"]:
            found.append(Block(section, match["language"], match["text"]))
    return tuple(found)
