"""Pull request comments of a run: the process that posts them, the time, and the effect of a failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kindgate.errors import ClusterError
from kindgate.pipeline.environment import Environment
from kindgate.plugin.controller import LazyPipeline
from tests.unit.github.standin import Answer, Fault, serving
from tests.unit.github.standin import StandIn as GitHub
from tests.unit.plugin.conftest import StandIn, pipeline_of

pytestmark = pytest.mark.usefixtures("forks")

POST = "POST .*/issues/17/comments"
NOT_POSTED = 23

SUITE = """
import pytest

pytestmark = pytest.mark.e2e

@pytest.fixture
def reached(request):
    with pytest.raises(BaseException, match="kind ended with 1"):
        request.getfixturevalue("app")

def test_passes(reached):
    pass

def test_fails(reached):
    assert False

def test_is_interrupted(reached):
    raise KeyboardInterrupt
"""


def fails(lazy: LazyPipeline) -> Environment:
    """A pipeline that always fails with the same error."""
    pipeline = pipeline_of(lazy)
    pipeline.error = pipeline.error or ClusterError("kind ended with 1")
    raise pipeline.error


@pytest.fixture(name="github")
def _github() -> Iterator[GitHub]:
    with serving(GitHub()) as standin:
        yield standin


@pytest.fixture(autouse=True)
def _pull_request(github: GitHub, suite: pytest.Pytester, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the suite in a workflow for the stand-in's pull request."""
    for name, value in github.environment.items():
        monkeypatch.setenv(name, value)
    stand_in(fails)
    suite.makepyfile(test_suite=SUITE)


def run_suite(suite: pytest.Pytester, test: str, *arguments: str) -> pytest.RunResult:
    """Run one test."""
    return suite.runpytest_inprocess("-m", "e2e", "-k", test, *arguments)


def test_a_run_with_workers_posts_once_after_writing_its_reports(suite: pytest.Pytester, github: GitHub) -> None:
    """Only the controller has every test's result, and the files that the comment links to already exist."""
    files = [suite.path / "artifacts" / name for name in ("junit.xml", "report.html", "pytest.html")]
    create = github._create_comment
    written: list[bool] = []

    def recording_comment(_query: dict[str, str], body: dict[str, str], number: str) -> Answer:
        written.extend(file.is_file() and file.stat().st_size > 0 for file in files)
        return create(_query, body, number)

    github._create_comment = recording_comment  # type: ignore[method-assign]  # checks the files when the comment arrives
    run_suite(suite, "passes or fails", "-n", "2", "--html=artifacts/pytest.html")

    assert written == [True, True, True]
    (body,) = github.written()
    assert "test_fails" in body


def test_a_failed_comment_does_not_change_the_run(suite: pytest.Pytester, github: GitHub) -> None:
    """The closing section mentions it in one line."""
    github.fail(POST, Fault("read_only_token"))

    result = run_suite(suite, "passes")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["comment not written", "warning: *Resource not accessible by integration*"])


def test_a_missing_required_comment_has_its_own_exit_code(suite: pytest.Pytester, github: GitHub) -> None:
    """The exit code is set even if every test passed."""
    github.fail(POST, Fault("read_only_token"))

    assert run_suite(suite, "passes", "--github-comment=require").ret == NOT_POSTED


def test_a_failed_run_outranks_a_failed_comment(suite: pytest.Pytester, github: GitHub) -> None:
    """The exit code names the more important failure."""
    github.fail(POST, Fault("read_only_token"))

    assert run_suite(suite, "fails", "--github-comment=require").ret == ClusterError.exit_code


def test_an_interrupted_run_does_not_post(suite: pytest.Pytester, github: GitHub) -> None:
    """An interrupted run has no verdict; the next run comments."""
    result = suite.inline_run("-m", "e2e", "-k", "is_interrupted", "--github-comment=require", no_reraise_ctrlc=True)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert github.requests == []
