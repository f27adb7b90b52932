"""Coined terms stay out of code and documentation."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("kindgate", "docs", "bench", "k8s", ".github")
SUFFIXES = frozenset({".py", ".md", ".j2", ".yaml", ".yml"})
COINED = re.compile(r"\b(rooms?|faces?|beside|whoever)\b", re.IGNORECASE)


def test_no_coined_term_is_used() -> None:
    """A package is a package, an entry point an entry point, and the baseline runs alongside."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    files += [ROOT / "README.md", ROOT / "Makefile"]

    hits = {str(path.relative_to(ROOT)): found for path in files if (found := COINED.findall(path.read_text()))}

    assert hits == {}
