"""The README is true: its commands are run by CI and `make adopt`, and each name in it exists."""

from __future__ import annotations

import re

from tests.tools.pages import DOCS, README, ROOT, blocks

TEXT = README.read_text(encoding="utf-8")
BLOCKS = blocks(README)
ADOPTION = "In your repository"


def commands(section: str) -> tuple[str, ...]:
    """The commands of a section's shell blocks."""
    return tuple(command for block in BLOCKS if (block.section, block.language) == (section, "sh") for command in block.commands)


def test_ci_runs_the_first_two_commands() -> None:
    """CI fails if one of them breaks."""
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")

    assert commands("Try it") == ("make test", "make e2e")
    assert {"test", "e2e"} <= set(re.findall(r"^make (.+)$", ci, re.MULTILINE)[0].split())


def test_its_other_blocks_are_those_that_make_adopt_runs() -> None:
    """Each is also a block of docs/how-to-adopt.md, byte for byte."""
    adopted = {(block.language, block.text) for block in blocks(DOCS / "how-to-adopt.md")}

    assert len(commands(ADOPTION)) == 5
    assert {(block.language, block.text) for block in BLOCKS if block.section != "Try it"} <= adopted


def test_every_mentioned_file_exists() -> None:
    """Pages, images and folders of this repository exist."""
    named = set(re.findall(r"\b((?:docs|tests/tools|k8s)/[\w./-]+\.\w+)", TEXT))

    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
