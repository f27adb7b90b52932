"""Entries of `.trivyignore.yaml`: reason, date and form are checked."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from kindgate.errors import SettingsError
from kindgate.security.trivyignore import read_accepted_findings

TODAY = dt.date(2026, 11, 24)


def _written(folder: Path, entry: str) -> Path:
    path = folder / ".trivyignore.yaml"
    path.write_text(f"misconfigurations:\n  - {entry}\n")
    return path


def test_a_missing_file_has_no_entries(tmp_path: Path) -> None:
    """A missing file means no entries."""
    assert list(read_accepted_findings(tmp_path / ".trivyignore.yaml", TODAY)) == []


def test_a_complete_entry_is_read(tmp_path: Path) -> None:
    """A complete entry that expires tomorrow is read."""
    path = _written(tmp_path, "{id: KSV017, paths: [a.yaml], statement: because, expired_at: 2026-11-25}")

    (entry,) = read_accepted_findings(path, TODAY)
    assert (entry.id, entry.paths, entry.statement) == ("KSV017", ("a.yaml",), "because")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{id: KSV017, expired_at: 2027-01-01}", "statement"),
        ('{id: KSV017, statement: "", expired_at: 2027-01-01}', "statement"),
        ("{id: KSV017, statement: because}", "expired_at"),
        ("{id: KSV017, statement: because, expired_at: 2026-11-24}", "KSV017 .everywhere. has expired"),
        ("{id: KSV017, statement: because, expired_at: soon}", "expired_at"),
        ("{id: KSV017, statement: because, expired_at: 2027-01-01, path: a.yaml}", "path"),
    ],
    ids=["no reason", "empty reason", "no day", "a day that has come", "not a day", "a misspelt field"],
)
def test_an_incomplete_entry_is_rejected(tmp_path: Path, entry: str, message: str) -> None:
    """The error names the file and the missing part."""
    path = _written(tmp_path, entry)

    with pytest.raises(SettingsError, match=message) as caught:
        read_accepted_findings(path, TODAY)
    assert str(path) in str(caught.value)


def test_indistinguishable_entries_are_rejected(tmp_path: Path) -> None:
    """Trivy identifies the entry of a suppressed finding only by its reason, so reasons must be unique."""
    entry = "{id: KSV017, statement: because, expired_at: 2027-01-01}"

    with pytest.raises(SettingsError, match="same id and statement"):
        read_accepted_findings(_written(tmp_path, f"{entry}\n  - {entry}"), TODAY)
