"""An option value that pytest takes for the test folder is reported, before a run without pytest.ini starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.plugin.pytest_options import misread_option


@pytest.fixture(name="elsewhere")
def _elsewhere(pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the suite."""
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile("def test_one(): pass")
    return tmp_path_factory.mktemp("elsewhere")


def test_a_path_after_an_option_ends_the_run_with_a_correction(pytester: pytest.Pytester, elsewhere: Path) -> None:
    """Without the check, the suite would run without its settings, markers and paths."""
    result = pytester.runpytest("--app-overlay", str(elsewhere))

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*use --app-overlay={elsewhere}, with the =*"])


def test_the_suggested_spelling_works(pytester: pytest.Pytester, elsewhere: Path) -> None:
    """Pytest skips arguments that start with a dash when it looks for paths."""
    result = pytester.runpytest(f"--app-overlay={elsewhere}")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"rootdir: {pytester.path}"])


@pytest.mark.parametrize(
    "arguments", [("--app-overlay", "no-such-folder"), ("--rootdir", "."), ("tests",), ("--app-overlay=.",), ()], ids=" ".join
)
def test_settings_missed_for_other_reasons_are_not_reported(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Users may run the tests of another folder on purpose."""
    (tmp_path / "pytest.ini").touch()

    assert misread_option(arguments, tmp_path, tmp_path / "tests" / "pytest.ini") == ""


def test_found_settings_are_not_reported(tmp_path: Path) -> None:
    """Starting from a folder inside the suite, pytest searches upward and finds the suite's settings."""
    assert misread_option(("--app-overlay", str(tmp_path)), tmp_path / "suite", tmp_path / "pytest.ini") == ""


def test_a_suite_without_settings_is_not_reported(tmp_path: Path) -> None:
    """Nothing can be missed."""
    assert misread_option(("--app-overlay", str(tmp_path)), tmp_path, None) == ""
