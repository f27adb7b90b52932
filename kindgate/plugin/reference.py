"""The reference page of fixtures and markers, made from their own texts: `python -m kindgate.plugin.reference`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from kindgate.plugin import fixtures
from kindgate.plugin.markers import MARKERS

HEADER = """# Fixtures and markers

What a test asks for is made when the first test asks for it; a run in which no test does creates nothing. This page is
made by `make docs`; `pytest --fixtures` and `pytest --markers` show the same.

## Fixtures

| fixture | what it is |
|---|---|
"""


def fixtures_page() -> str:
    """docs/fixtures.md as it has to be."""
    rows = [f"| `{name}` | {text} |\n" for name, text in public_fixtures()]
    markers = [f"| `{name}` | {text} |\n" for name, text in _described_markers()]
    return "".join([HEADER, *rows, "\n## Markers\n\n| marker | what it means |\n|---|---|\n", *markers])


def public_fixtures() -> Iterator[tuple[str, str]]:
    """Every fixture with its docstring in one line, in the order of the module."""
    for name, value in vars(fixtures).items():
        wrapped = getattr(value, "__wrapped__", None)
        if inspect.isfunction(wrapped) and wrapped.__module__ == fixtures.__name__ and not name.startswith("_"):
            yield name, " ".join((inspect.getdoc(wrapped) or "").split()).replace("|", "\\|")


def _described_markers() -> Iterator[tuple[str, str]]:
    for line in MARKERS:
        name, _, text = line.partition(": ")
        yield name, text.removesuffix(" Provided by kindgate.")


if __name__ == "__main__":
    import sys

    sys.stdout.write(fixtures_page())
