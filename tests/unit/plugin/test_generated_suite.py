"""The suite that `kindgate init` generates and the surrounding repository's tests do not affect each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.scaffold.file_changes import write
from kindgate.scaffold.manifest_facts import Application
from kindgate.scaffold.provenance import UNKNOWN
from kindgate.scaffold.repository import Repository
from kindgate.scaffold.suite_files import Plan, wanted_changes

pytestmark = pytest.mark.usefixtures("forks")

BARE = ("-p", "no:kindgate.plugin", "-p", "no:pytest-kind", "-p", "no:locust", "-p", "no:cacheprovider")
"""Options for a run without kindgate."""

WITH = ("-p", "no:locust", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:pytest-kind")

BROKEN = "import a_framework_that_only_their_own_environment_has\n"
GENERATED_TESTS = ["judge_slo.py::test_every_entry_answers", "judge_slo.py::test_the_objectives_are_met"]


@pytest.fixture(name="repository")
def _repository(pytester: pytest.Pytester) -> pytest.Pytester:
    """A repository with its own test and a suite written by `kindgate init`."""
    (pytester.mkdir("tests") / "test_other.py").write_text("def test_other():\n    pass\n")
    root = pytester.path
    repository = Repository(root, root, root / "e2e", "main")
    write(wanted_changes(repository, Plan((root / "k8s",), Application(("shop.localhost",), ())), UNKNOWN))
    return pytester


def collected(run: pytest.RunResult) -> list[str]:
    """Return the tests listed by a successful run with --collect-only -q."""
    assert run.ret == 0, run.stdout.str() + run.stderr.str()
    return [line for line in run.stdout.lines if "::" in line]


THEIR_SETTINGS = {
    "nothing": {},
    "pytest.ini": {"pytest.ini": "[pytest]\naddopts = --strict-markers --strict-config\n"},
    "strict": {"pytest.ini": "[pytest]\nstrict = true\nfilterwarnings = error\n"},
    "testpaths": {"pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['tests']\naddopts = '--strict-markers'\n"},
    "every file": {"tox.ini": "[pytest]\npython_files = *.py\naddopts = --strict-markers\n"},
    "doctests": {"setup.cfg": "[tool:pytest]\naddopts = --doctest-modules --strict-markers\n"},
    "django": {
        "pytest.ini": "[pytest]\npython_files = tests.py test_*.py *_tests.py\naddopts = --strict-markers -m 'not slow'\nmarkers = slow\n"
    },
    "importlib": {"pytest.ini": "[pytest]\naddopts = --import-mode=importlib --strict-markers\n"},
}


@pytest.mark.usefixtures("no_fork")
@pytest.mark.parametrize(
    ("name", "installed"),
    [*((name, True) for name in THEIR_SETTINGS), *((name, False) for name in ("nothing", "every file", "doctests", "django"))],
)
def test_a_plain_run_of_other_tests_skips_the_generated_suite(repository: pytest.Pytester, name: str, *, installed: bool) -> None:
    """With any settings, the repository's other tests are collected as before; without kindgate, settings of other files matter."""
    for file, text in THEIR_SETTINGS[name].items():
        (repository.path / file).write_text(text)

    run = repository.runpytest_inprocess if installed else repository.runpytest_subprocess
    node_ids = collected(run(*(WITH if installed else BARE), "--collect-only", "-q"))

    assert node_ids == ["tests/test_other.py::test_other"]


@pytest.mark.parametrize("folder", [".", "tests"])
def test_other_tests_also_run_with_a_marker_expression(repository: pytest.Pytester, folder: str) -> None:
    """No marker of kindgate selects anything there."""
    (repository.path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")

    repository.runpytest_inprocess(*WITH, folder).assert_outcomes(passed=1)


AROUND = {
    "conftest.py": BROKEN,
    "tests/conftest.py": BROKEN,
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--cov=app --no-such-option'\ntestpaths = ['tests']\n",
    "tox.ini": "[pytest]\naddopts = --another-unknown-option\n",
}


@pytest.mark.parametrize("arguments", [("e2e",), ("e2e/judge_slo.py",), ("e2e", "-m", "e2e"), ("./e2e/",)], ids=" ".join)
def test_a_generated_suite_reads_no_settings_of_other_tests(repository: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """Settings that need their plugins, and conftest files that import their framework, are above kindgate's pytest.ini."""
    for name, text in AROUND.items():
        (repository.path / name).write_text(text)

    run = repository.runpytest_inprocess(*WITH, "--collect-only", "-q", *arguments)

    assert collected(run) == GENERATED_TESTS


def test_a_generated_suite_can_be_run_from_its_folder(repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workflow runs `pytest -m e2e` there; without -m, the same tests are selected."""
    (repository.path / "conftest.py").write_text(BROKEN)
    monkeypatch.chdir(repository.path / "e2e")

    assert collected(repository.runpytest_inprocess(*WITH, "--collect-only", "-q", "-m", "e2e")) == GENERATED_TESTS
    assert collected(repository.runpytest_inprocess(*WITH, "--collect-only", "-q")) == GENERATED_TESTS


def test_tests_of_a_generated_suite_need_no_marker(repository: pytest.Pytester) -> None:
    """A file that a user adds under either name is part of the suite, and its helpers and conftest are loaded."""
    (repository.path / "e2e/conftest.py").write_text("import pytest\n\n@pytest.fixture\ndef mine():\n    return 1\n")
    (repository.path / "e2e/judge_mine.py").write_text("def test_mine(mine):\n    assert mine\n")
    (repository.path / "e2e/test_other.py").write_text("def test_other(mine):\n    assert mine\n")

    run = repository.runpytest_inprocess(*WITH, "e2e", "-m", "e2e", "-k", "mine or other")

    run.assert_outcomes(passed=2, deselected=2)
    assert (repository.path / "e2e/artifacts/junit.xml").is_file()


@pytest.mark.parametrize(("arguments", "ini"), [(("tests", "e2e"), ""), (("tests", "e2e"), "[pytest]\n"), ((".", "e2e/judge_slo.py"), "")])
def test_a_generated_suite_mixed_with_other_paths_is_refused(repository: pytest.Pytester, arguments: tuple[str, ...], ini: str) -> None:
    """Pytest would use one settings file for both, and which one depends on the files that exist."""
    if ini:
        (repository.path / "pytest.ini").write_text(ini)

    run = repository.runpytest_inprocess(*WITH, "--collect-only", *arguments)

    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*e2e has its own settings*run*pytest *e2e*separately*"])


def test_the_option_that_hides_the_suite_is_reported(repository: pytest.Pytester) -> None:
    """If its value follows a space, pytest takes it for a path and uses the settings above both paths."""
    Path(repository.path / "k8s").mkdir()

    run = repository.runpytest_inprocess(*WITH, "--collect-only", "e2e", "--app-overlay", "k8s")

    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*use --app-overlay=k8s, with the =*"])
