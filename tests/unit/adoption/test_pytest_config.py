"""Settings are found where pytest finds them, and added without touching anything else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.adoption.pytest_config import PytestConfig, find_config, merged, table_values
from kindgate.errors import SettingsError

WANTED = {"app_overlay": "deploy/ci", "app_component": "ingress-traefik prometheus"}
TESTS = "tests/e2e"


def after(folder: Path, name: str, text: str, wanted: dict[str, str] | None = None) -> str:
    """The file `name` of `folder` after a merge."""
    (folder / name).write_text(text)
    config = find_config(folder)
    assert config is not None
    return merged(config, text, WANTED if wanted is None else wanted, TESTS)


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
def test_the_file_that_pytest_reads_is_found(tmp_path: Path, files: dict[str, str], found: str, value: str | None) -> None:
    """In pytest's order; its own files count even when they are empty."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    config = find_config(tmp_path)

    assert config is not None
    assert (config.path.name, config.values.get("kind_workers")) == (found, value)


def test_a_folder_without_settings_has_none(tmp_path: Path) -> None:
    """A pyproject.toml that says nothing of pytest is no configuration of it."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")

    assert find_config(tmp_path) is None


INI = "# ours\n[pytest]\naddopts = -q  ; as ever\nmarkers =\n    slow: takes long\n\n[flake8]\nmax-line-length = 100\n"


def test_an_ini_file_is_added_to_at_the_end_of_its_section(tmp_path: Path) -> None:
    """Comments, other sections and blank lines stay where they are."""
    text = after(tmp_path, "tox.ini", INI)

    added = "app_overlay = deploy/ci\napp_component = ingress-traefik prometheus\n"
    assert text == INI.replace("    slow: takes long\n", "    slow: takes long\n" + added)


PYPROJECT = (
    '[project]\nname = "x"\n\n[tool.pytest.ini_options]\naddopts = ["-q"] # as ever\nmarkers = [\n  "slow: takes long",\n]\n\n[tool.ruff]\n'
)


def test_a_toml_file_is_added_to_at_the_end_of_its_table(tmp_path: Path) -> None:
    """The result is TOML, and everything else in it is as before."""
    text = after(tmp_path, "pyproject.toml", PYPROJECT)

    before, now = tomllib.loads(PYPROJECT), tomllib.loads(text)
    assert now["tool"]["pytest"]["ini_options"] == before["tool"]["pytest"]["ini_options"] | WANTED
    assert now["tool"]["ruff"] == {}
    assert '# as ever\nmarkers = [\n  "slow: takes long",\n]\napp_overlay = "deploy/ci"\n' in text


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pytest.ini", "[pytest]\ntestpaths = tests/unit\n", "tests/unit tests/e2e"),
        ("pytest.ini", "[pytest]\ntestpaths =\n    tests/unit\n    docs\nminversion = 9\n", "tests/unit docs tests/e2e"),
        ("pytest.ini", "[pytest]\ntestpaths = tests\n", "tests"),
        ("pyproject.toml", '[tool.pytest]\ntestpaths = ["tests/unit", "docs"]\n', "tests/unit docs tests/e2e"),
        ("pyproject.toml", '[tool.pytest]\ntestpaths = [\n  "tests/unit",\n]\n', "tests/unit tests/e2e"),
        ("pyproject.toml", '[tool.pytest.ini_options]\ntestpaths = "tests/unit"\n', "tests/unit tests/e2e"),
    ],
)
def test_the_new_tests_are_among_the_suites_paths(tmp_path: Path, name: str, text: str, expected: str) -> None:
    """Else `pytest -m e2e` would collect none of them."""
    changed = after(tmp_path, name, text)

    (tmp_path / name).write_text(changed)
    config = find_config(tmp_path)
    assert config is not None
    assert config.values["testpaths"].split() == expected.split()


def test_a_setting_that_is_there_keeps_its_value(tmp_path: Path) -> None:
    """Whoever wrote it knows better."""
    text = after(tmp_path, "pytest.ini", "[pytest]\napp_overlay = mine\n")

    assert text == "[pytest]\napp_overlay = mine\napp_component = ingress-traefik prometheus\n"


@pytest.mark.parametrize(
    ("name", "text"), [("tox.ini", INI), ("pyproject.toml", PYPROJECT), ("pytest.ini", ""), ("pytest.ini", "[pytest]\ntestpaths = a\n")]
)
def test_a_second_merge_changes_nothing(tmp_path: Path, name: str, text: str) -> None:
    """`kindgate init` can be called again at any time."""
    once = after(tmp_path, name, text)

    assert after(tmp_path, name, once) == once


def test_a_file_that_is_written_in_another_way_is_left_to_a_person(tmp_path: Path) -> None:
    """The lines to add are in the error."""
    text = "[tool]\npytest = {ini_options = {addopts = '-q'}}\n"

    with pytest.raises(SettingsError, match="cannot be added to it safely") as caught:
        after(tmp_path, "pyproject.toml", text)

    assert "app_overlay = deploy/ci" in caught.value.next_step


@given(
    values=st.dictionaries(
        st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), st.from_regex(r"[a-z0-9/.-]{1,12}", fullmatch=True), max_size=5
    ),
    multiline=st.booleans(),
    sections=st.lists(st.sampled_from(["[tox]\nenvlist = py\n", "[flake8]\n# nothing\n", "\n"]), max_size=3),
    toml=st.booleans(),
)
def test_whatever_is_there_stays(values: dict[str, str], sections: list[str], *, multiline: bool, toml: bool) -> None:
    """Every value of every section is the same afterwards, and the new ones are there."""
    values.pop("testpaths", None)
    lines = [
        f'{key} = "{value}"' if toml else f"{key} =\n    {value}" if multiline else f"{key} = {value}" for key, value in values.items()
    ]
    others = [section.replace("= py", "= 'py'") if toml else section for section in dict.fromkeys(sections)]
    text = "\n".join(["[pytest]", *lines, *others])
    path = Path("pytest.toml" if toml else "pytest.ini")
    config = PytestConfig(path, "pytest", table_values(text, path, "pytest") or {})

    changed = merged(config, text, WANTED, TESTS)

    assert table_values(changed, path, "pytest") == {**WANTED, **config.values}
    assert [line for line in text.splitlines() if line not in changed.splitlines()] == []
