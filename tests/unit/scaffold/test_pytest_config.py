"""Settings are found in the file pytest reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.scaffold.pytest_config import find_config


@pytest.mark.parametrize(
    ("files", "found", "value"),
    [
        (
            {"pytest.ini": "[pytest]\nkind_workers = 1\n", "pyproject.toml": "[tool.pytest.ini_options]\nkind_workers = 2\n"},
            "pytest.ini",
            "1",
        ),
        ({"pytest.toml": "[pytest]\nkind_workers = 3\n", "pytest.ini": "[pytest]\nkind_workers = 1\n"}, "pytest.toml", "3"),
        ({"pyproject.toml": "[tool.pytest]\nkind_workers = 4\n"}, "pyproject.toml", "4"),
        ({"pyproject.toml": "[tool.black]\n", "tox.ini": "[pytest]\nkind_workers = 5\n"}, "tox.ini", "5"),
        ({"tox.ini": "[tox]\n", "setup.cfg": "[tool:pytest]\nkind_workers = 6\n"}, "setup.cfg", "6"),
        ({"pytest.ini": "", "pyproject.toml": "[tool.pytest.ini_options]\nkind_workers = 2\n"}, "pytest.ini", None),
    ],
)
def test_pytests_configuration_file_is_found(tmp_path: Path, files: dict[str, str], found: str, value: str | None) -> None:
    """Files are tried in pytest's order; its own files count even if empty."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    config = find_config(tmp_path)

    assert config is not None
    assert (config.path.name, config.values.get("kind_workers")) == (found, value)


def test_a_folder_without_settings_has_none(tmp_path: Path) -> None:
    """A pyproject.toml without a pytest section is not a pytest configuration."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")

    assert find_config(tmp_path) is None
