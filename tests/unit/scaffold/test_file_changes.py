"""Files with line endings changed by Git or an editor still count as generated, and keep them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import SettingsError
from kindgate.scaffold.file_changes import Kind, compare_files, write
from kindgate.scaffold.pytest_config import find_config


def init(folder: Path, text: str) -> Kind:
    """Return the change planned for a single wanted file."""
    changes = compare_files(folder, {folder / "slo.yaml": text})
    write(changes)
    return changes[0].kind


@pytest.mark.parametrize(("ending", "mark"), [(b"\r\n", b""), (b"\r\n", b"\xef\xbb\xbf"), (b"\n", b"\xef\xbb\xbf"), (b"\r", b"")])
def test_a_file_with_other_line_endings_still_counts_as_generated(tmp_path: Path, ending: bytes, mark: bytes) -> None:
    """An up-to-date file is unchanged, an outdated one is renewed with its own line endings and byte order mark, and so is the record."""
    assert init(tmp_path, "a: 1\nb: 2\n") is Kind.CREATE
    for file in (tmp_path / "slo.yaml", tmp_path / ".kindgate-init"):
        file.write_bytes(mark + file.read_bytes().replace(b"\n", ending))
    before = (tmp_path / ".kindgate-init").read_bytes()

    assert init(tmp_path, "a: 1\nb: 2\n") is Kind.SAME
    assert (tmp_path / ".kindgate-init").read_bytes() == before
    assert init(tmp_path, "a: 1\nb: 3\n") is Kind.UPDATE
    kept = ending if ending != b"\r" else b"\n"  # no current editor writes it
    assert (tmp_path / "slo.yaml").read_bytes() == mark + b"a: 1" + kept + b"b: 3" + kept


def test_an_edited_file_keeps_every_byte(tmp_path: Path) -> None:
    """An edited file is kept exactly, even without a final newline or in another encoding, which the difference shows as escapes."""
    init(tmp_path, "a: 1\n")
    (tmp_path / "slo.yaml").write_bytes(b"# \xe4\r\na: 2")

    (change, _) = compare_files(tmp_path, {tmp_path / "slo.yaml": "a: 1\n"})

    assert init(tmp_path, "a: 1\n") is Kind.KEEP
    assert (tmp_path / "slo.yaml").read_bytes() == b"# \xe4\r\na: 2"
    assert r"-# \xe4" in change.diff("slo.yaml")


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("pytest.ini", b"[pytest]\n; \xe4\n", "byte 11 is not UTF-8"),
        ("pyproject.toml", b'\xef\xbb\xbf[tool.pytest]\naddopts = ["-q"]\n', "byte order mark, which TOML does not allow"),
    ],
)
def test_settings_unreadable_for_pytest_are_refused(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    """The error names the cause, where pytest shows a traceback or `Invalid statement`."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SettingsError, match=what):
        find_config(tmp_path)


@pytest.mark.parametrize("content", [b"[pytest]\r\nxfail_strict = 1\r\n", b"\xef\xbb\xbf[pytest]\nxfail_strict = 1"])
def test_settings_are_read_as_pytest_reads_them(tmp_path: Path, content: bytes) -> None:
    """Any line ending is accepted, and so is a byte order mark."""
    (tmp_path / "pytest.ini").write_bytes(content)

    config = find_config(tmp_path)

    assert config is not None
    assert config.values == {"xfail_strict": "1"}
