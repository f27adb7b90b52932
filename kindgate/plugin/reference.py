"""The reference page of fixtures and markers, made from their own texts: `python -m kindgate.plugin.reference`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from kindgate.plugin import fixtures, short_names
from kindgate.plugin.markers import MARKERS

HEADER = """# Fixtures and markers

What a test requests is made when the first test requests it; a run in which no test does creates nothing. A project that
has, say, an `app` of its own keeps it, and gets kindgate's as `kindgate_app`. This page is made by `make docs`;
`pytest --fixtures` and `pytest --markers` show the same.

## Fixtures

| fixture | what it is |
|---|---|
"""


def fixtures_page() -> str:
    """docs/fixtures.md as it has to be."""
    rows = [f"| {_names(name)} | {text} |\n" for name, text in public_fixtures()]
    markers = [f"| `{name}` | {text} |\n" for name, text in _described_markers()]
    return "".join([HEADER, *rows, "\n## Markers\n\n| marker | what it means |\n|---|---|\n", *markers])


def public_fixtures() -> Iterator[tuple[str, str]]:
    """Every fixture by its long name, with its docstring in one line, in the order of the module."""
    for name, value in vars(fixtures).items():
        wrapped = getattr(value, "__wrapped__", None)
        if inspect.isfunction(wrapped) and wrapped.__module__ == fixtures.__name__ and not name.startswith("_"):
            yield name, " ".join((inspect.getdoc(wrapped) or "").split()).replace("|", "\\|")


def _names(name: str) -> str:
    """A fixture's names as the page shows them, the short one first."""
    short = name.removeprefix("kindgate_")
    return f"`{short}`, `{name}`" if hasattr(short_names, short) else f"`{name}`"


def _described_markers() -> Iterator[tuple[str, str]]:
    for line in MARKERS:
        name, _, text = line.partition(": ")
        yield name, text.removesuffix(" Provided by kindgate.")


if __name__ == "__main__":
    import sys

    sys.stdout.write(fixtures_page())
