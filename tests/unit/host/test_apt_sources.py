"""Reading a Debian host's mirror from its apt sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kindgate.host.apt_sources import mirror_of_suite

STANZAS = """Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
"""


def write(folder: Path, name: str, text: str) -> Path:
    """Add a sources file to an apt folder."""
    (folder / "sources.list.d").mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "mirror"),
    [
        ("sources.list.d/debian.sources", STANZAS, "http://mirror.example/debian"),
        (
            "sources.list.d/debian.sources",
            "Types: deb deb-src\nURIs:\n http://a.example/d\n http://b.example/d\nSuites:\n bookworm\n",
            "http://a.example/d",
        ),
        ("sources.list", "# deb http://old.example bookworm main\ndeb http://a.example/debian bookworm main\n", "http://a.example/debian"),
        ("sources.list", "deb [arch=amd64 signed-by=/k.gpg] https://b.example/debian bookworm main", "https://b.example/debian"),
        ("sources.list.d/x.list", "deb http://c.example/debian bookworm main contrib", "http://c.example/debian"),
    ],
)
def test_both_source_formats_are_read(tmp_path: Path, name: str, text: str, mirror: str) -> None:
    """Older hosts have one line per source, newer ones have stanzas."""
    assert mirror_of_suite("bookworm", write(tmp_path, name, text)) == mirror


@pytest.mark.parametrize(
    "text",
    [
        "Types: deb\nURIs: http://a.example/d\nSuites: bookworm\nEnabled: no\n",
        "Types: deb-src\nURIs: http://a.example/d\nSuites: bookworm\n",
        "Types: deb\nURIs: http://a.example/d\nSuites: bookworm-security\n",
        "Types: deb\nSuites: bookworm\n",
        "",
    ],
)
def test_an_irrelevant_source_yields_no_mirror(tmp_path: Path, text: str) -> None:
    """Disabled sources, source packages and other suites yield no mirror."""
    assert mirror_of_suite("bookworm", write(tmp_path, "sources.list.d/a.sources", text)) is None


def test_a_host_without_apt_has_no_mirror(tmp_path: Path) -> None:
    """A missing folder yields no mirror."""
    assert mirror_of_suite("bookworm", tmp_path / "absent") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text())
def test_any_text_is_accepted(tmp_path: Path, text: str) -> None:
    """A malformed file does not end the installation."""
    for name in ("sources.list.d/a.sources", "sources.list.d/a.list"):
        mirror_of_suite("bookworm", write(tmp_path, name, text.encode("utf-8", "replace").decode()))
