"""The package mirror of a Debian host, read from its apt sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path


def mirror_of_suite(suite: str, folder: Path = Path("/etc/apt")) -> str | None:
    """The mirror that the host's apt sources use for this suite (`bookworm`); None if there is none.

    Both formats are read: one line per source (`sources.list`, `*.list`) and deb822 stanzas (`*.sources`).
    """
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    for file in files:
        if not file.is_file():
            continue
        text = file.read_text(errors="replace")
        entries = _stanzas(text) if file.suffix == ".sources" else _lines(text)
        for addresses, suites in entries:
            if suite in suites and addresses:
                return addresses[0]
    return None


def _lines(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """The mirrors and suites of `deb [options] ADDRESS SUITE COMPONENT...` lines (man 5 sources.list)."""
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", line)
        if found:
            yield [found[1]], [found[2]]


def _stanzas(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """The mirrors and suites of deb822 stanzas, without disabled ones."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"])[0].lower() not in {"no", "false", "0", "off"}:
            yield fields.get("uris", []), fields.get("suites", [])


def _fields(stanza: str) -> dict[str, list[str]]:
    """The words of each field, by lower-case field name; an indented line continues the previous field."""
    fields: dict[str, list[str]] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            fields.setdefault(name, []).extend(line.split())
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        fields[name] = value.split()
    return fields
