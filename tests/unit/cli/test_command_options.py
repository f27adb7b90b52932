"""Commands read the ini values that pytest would read in the same folder."""

from pathlib import Path

import pytest

from kindgate.cli.command_options import ini_values, project_settings
from kindgate.errors import SettingsError


def test_pytest_ini_is_read(tmp_path: Path) -> None:
    """The [pytest] section's values are returned as written."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nkind_workers = 1\nkind_load =\n  a\n  b\n")

    assert ini_values(tmp_path) == {"kind_workers": "1", "kind_load": "a\nb"}


def test_pyproject_is_read_without_a_pytest_ini(tmp_path: Path) -> None:
    """TOML lists become the text of an ini file."""
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\nkind_workers = 1\nkind_load = ["a", "b"]\n')

    assert ini_values(tmp_path) == {"kind_workers": "1", "kind_load": "a b"}


def test_a_folder_without_configuration_has_no_values(tmp_path: Path) -> None:
    """Only options and the environment apply."""
    assert ini_values(tmp_path) == {}


@pytest.mark.parametrize(("name", "text"), [("pytest.ini", "[pytest\n"), ("pyproject.toml", "= 1")])
def test_an_unparsable_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    """The error names the file that cannot be parsed."""
    (tmp_path / name).write_text(text)

    with pytest.raises(SettingsError, match=name):
        ini_values(tmp_path)


def test_the_generated_suite_is_found_from_the_applications_folder(tmp_path: Path) -> None:
    """A command uses the same root as `pytest e2e`, and therefore the same cluster and paths."""
    suite = tmp_path / "e2e"
    suite.mkdir()
    (suite / "pytest.ini").write_text("[pytest]\nkindgate_suite = true\napp_overlay = ../k8s\n")

    above, inside = project_settings(tmp_path, {"slo_file": "mine.yaml"}), project_settings(suite, {})

    assert above.root == inside.root == suite
    assert above.cluster_name == inside.cluster_name
    assert above.path(above.deploy.overlay).resolve() == tmp_path / "k8s"
    assert above.path(above.slo.file) == tmp_path / "mine.yaml"


def test_a_folder_of_other_tests_is_not_a_suite(tmp_path: Path) -> None:
    """Many projects have their own `e2e/`."""
    (tmp_path / "e2e").mkdir()
    (tmp_path / "e2e" / "pytest.ini").write_text("[pytest]\naddopts = -q\n")

    assert project_settings(tmp_path, {}).root == tmp_path
