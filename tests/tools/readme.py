"""The code blocks of README.md, so tests run the commands that it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"

_BLOCK = re.compile(r"^## (?P<section>[^\n]+)$|^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: the heading above it, its language, its text."""

    section: str
    language: str
    text: str

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of a shell block, without their comments."""
        return tuple(line.partition(" #")[0].rstrip() for line in self.text.splitlines() if line.strip())


def blocks(text: str) -> tuple[Block, ...]:
    """Every block, in order."""
    found: list[Block] = []
    section = ""
    for match in _BLOCK.finditer(text):
        section = match["section"] or section
        if match["language"]:
            found.append(Block(section, match["language"], match["text"]))
    return tuple(found)
