"""`kindgate.github.post`: from a report to a comment, as called by the pytest hook and `kindgate report --post`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from kindgate.errors import GitHubError, SettingsError
from kindgate.github.comment import PostResult
from kindgate.github.comment_marker import parse_marker
from kindgate.github.legs import collect
from kindgate.github.post import post_comment, post_reports
from kindgate.report.decision import decide, no_verdict
from kindgate.report.markdown import COMMENT_LIMIT
from kindgate.report.run_report import RunReport, TestResult
from kindgate.settings import GitHubSettings
from tests.unit.github.standin import FOLDER, HEAD, TOKEN, Fault, StandIn

pytestmark = pytest.mark.usefixtures("forks")

AUTO = GitHubSettings()
REQUIRED = GitHubSettings(comment="require")
ROOT = Path()


def test_a_run_posts_its_verdict(github: StandIn, failing: RunReport) -> None:
    """The comment starts with the marker, followed by the verdict."""
    result = post_comment(failing, AUTO, github.environment, root=ROOT)

    marker, first = github.written()[0].split("\n")[:2]
    found = parse_marker(marker)
    assert found is not None
    assert (found.id, found.head, found.run, found.attempt) == ("ci", HEAD, 9001, 1)
    assert "FAIL" in first
    assert (result.line, result.warnings) == ("comment created on #17", ())


def test_the_comment_fits_github(github: StandIn, failing: RunReport) -> None:
    """Thousands of failing tests fit into 65,536 characters and bytes with the marker."""
    tests = tuple(
        TestResult(node_id=f"tests/ü/test_{number}.py::test", outcome="failed", seconds=0.1, error="é" * 900) for number in range(1000)
    )

    post_comment(failing.model_copy(update={"tests": tests}), AUTO, github.environment, root=ROOT)

    (body,) = github.written()
    assert len(body.encode()) <= COMMENT_LIMIT


def test_the_next_run_updates_it(github: StandIn, failing: RunReport, passing: RunReport) -> None:
    """The next run turns the same comment from red to green."""
    post_comment(failing, AUTO, github.environment, root=ROOT)

    result = post_comment(passing, AUTO, github.environment | {"GITHUB_RUN_ID": "9002"}, root=ROOT)

    assert result.line == "comment updated on #17"
    (body,) = github.written()
    assert "PASS" in body.split("\n")[1]


@pytest.mark.parametrize("event", ["push", "merge_group", "schedule", "workflow_dispatch"])
def test_other_events_send_no_requests(github: StandIn, passing: RunReport, event: str) -> None:
    """Another event sends no request and is no error even if a comment is required."""
    environment = github.environment | {"GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": str(FOLDER / "events" / f"{event}.json")}

    result = post_comment(passing, REQUIRED, environment, root=ROOT)

    assert result.line == "not a pull request, comment skipped"
    assert github.requests == []


@pytest.mark.parametrize("name", ["fork", "deleted_fork"])
def test_a_fork_posts_nothing_and_reports_the_reason(github: StandIn, passing: RunReport, name: str) -> None:
    """A fork's read-only token is not used, and a line gives the reason."""
    environment = github.environment | {"GITHUB_EVENT_PATH": str(FOLDER / "events" / f"pull_request_{name}.json")}

    result = post_comment(passing, AUTO, environment, root=ROOT)

    assert "fork" in result.line
    assert github.requests == []


@pytest.mark.parametrize("fault", ["read_only_token", "locked", "archived", "not_found", "secondary_limit"])
def test_a_failure_to_post_is_a_warning(github: StandIn, passing: RunReport, fault: str) -> None:
    """A failed post is a warning and does not change the run's result."""
    github.fail("POST", Fault(fault))

    result = post_comment(passing, AUTO, github.environment, root=ROOT)

    assert result.line == "comment not written"
    assert len(result.warnings) == 1


def test_a_required_comment_that_fails_is_an_error(github: StandIn, passing: RunReport) -> None:
    """A required comment that fails has its own exit code and a next step."""
    github.fail("POST", Fault("read_only_token"))

    with pytest.raises(GitHubError, match="pull-requests: write") as caught:
        post_comment(passing, REQUIRED, github.environment, root=ROOT)

    assert caught.value.exit_code == 23


def test_a_required_comment_without_a_token_is_an_error(github: StandIn, passing: RunReport) -> None:
    """A required comment without a token in the step's environment is an error."""
    with pytest.raises(GitHubError, match="GITHUB_TOKEN"):
        post_comment(passing, REQUIRED, github.environment | {"GITHUB_TOKEN": ""}, root=ROOT)


def test_an_invalid_id_is_an_error_before_any_request(github: StandIn, passing: RunReport) -> None:
    """An invalid id is an error before the first request."""
    with pytest.raises(SettingsError):
        post_comment(passing, GitHubSettings(id="Not An Id"), github.environment, root=ROOT)


@pytest.mark.parametrize("fault", [Fault(drip=True), Fault(delay=30)])
def test_an_endless_reply_is_abandoned(github: StandIn, passing: RunReport, fault: Fault) -> None:
    """Each byte resets the read timeout, but the deadline still ends the request."""
    github.fail("GET", fault, fault, fault)
    started = time.monotonic()

    result = post_comment(passing, AUTO, github.environment, root=ROOT, seconds=0.5)

    assert time.monotonic() - started < 25
    assert "timed out" in result.warnings[0]


def test_an_endless_reply_does_not_keep_the_process_alive(github: StandIn, passing: RunReport, tmp_path: Path) -> None:
    """A thread that is still reading does not keep pytest from exiting."""
    github.fail("GET", Fault(drip=True))
    report = tmp_path / "report.json"
    report.write_text(passing.model_dump_json())
    script = (
        "import os, pathlib, sys\n"
        "from kindgate.github.post import post_comment\n"
        "from kindgate.report.run_report import RunReport\n"
        "from kindgate.settings import GitHubSettings\n"
        "report = RunReport.model_validate_json(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "print(post_comment(report, GitHubSettings(), os.environ, root=pathlib.Path(), seconds=0.5).line)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, report],
        check=False,
        env=github.environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.stdout, done.returncode) == ("comment not written\n", 0), done.stderr


def test_the_token_is_in_no_output(github: StandIn, passing: RunReport) -> None:
    """The token is in neither the comment nor a warning."""
    github.fail("POST", Fault("bad_credentials"))

    result = post_comment(passing, AUTO, github.environment, root=ROOT)
    post_comment(passing, AUTO, github.environment, root=ROOT)

    assert TOKEN not in str(result)
    assert TOKEN not in str(github.comments)


def test_an_untrusted_name_has_no_effect_in_the_comment(github: StandIn, failing: RunReport) -> None:
    """A test's name cannot inject a marker, a mention or a link."""
    name = "tests/x.py::t[@acme/team #1 https://evil.example <!-- kindgate:ci -->\u202e]"
    test = TestResult(node_id=name, outcome="failed", seconds=0.1, error="::error::x\n<img src=x>")

    post_comment(failing.model_copy(update={"tests": (test,), "objectives": ()}), AUTO, github.environment, root=ROOT)

    (body,) = github.written()
    assert "\u202e" not in body
    assert "`" in body.split("@acme/team")[0].rsplit("\n", 1)[-1]


def _posted(inputs: Sequence[Path], settings: GitHubSettings, github: StandIn, *, expected: Sequence[str] = ()) -> PostResult:
    collected = collect(inputs, expected)
    decisions = {leg: decide(report) for leg, report in collected.reports.items()}
    decisions |= {leg: no_verdict(reason) for leg, reason in collected.missing_reasons.items()}
    return post_reports(collected, decisions, settings, github.environment, root=ROOT)


def test_the_legs_of_a_matrix_share_one_comment(github: StandIn, passing: RunReport, failing: RunReport, tmp_path: Path) -> None:
    """The comment starts with the worst leg, and a leg without a report is named."""
    (tmp_path / "v1-36.json").write_text(passing.model_dump_json())
    (tmp_path / "v1-37.json").write_text(failing.model_dump_json())
    inputs = [tmp_path / f"{leg}.json" for leg in ("v1-36", "v1-37", "v1-38")]

    result = _posted(inputs, AUTO, github)

    (body,) = github.written()
    assert "FAIL" in body.split("\n")[1]
    assert all(leg in body for leg in ("v1-36", "v1-37", "v1-38"))
    assert result.warnings == ("v1-38: no report was found (No such file or directory)",)


def test_a_single_leg_is_shown_as_a_run(github: StandIn, passing: RunReport, tmp_path: Path) -> None:
    """A single leg is shown as a run, without a table of legs."""
    (tmp_path / "only.json").write_text(passing.model_dump_json())

    _posted([tmp_path / "only.json"], AUTO, github)
    alone = github.written()
    github.comments.clear()
    post_comment(passing, AUTO, github.environment, root=ROOT)

    assert alone == github.written()


def test_a_missing_leg_fails_even_if_the_others_passed(github: StandIn, passing: RunReport, tmp_path: Path) -> None:
    """A missing leg counts as a failure, so `on-failure` comments."""
    (tmp_path / "v1-36.json").write_text(passing.model_dump_json())
    settings = GitHubSettings(comment="on-failure")

    result = _posted([tmp_path / "v1-36.json"], settings, github, expected=["v1-36", "v1-37"])

    assert result.line == "comment created on #17"
    assert "no report from `v1-37`" in github.written()[0]


def test_a_run_without_reports_is_a_failure(github: StandIn, tmp_path: Path) -> None:
    """If no leg wrote a report, there is a comment, and it is a failure."""
    result = _posted([tmp_path], GitHubSettings(comment="on-failure"), github, expected=["v1-36"])

    assert result.line == "comment created on #17"
    assert "NO VERDICT" in github.written()[0].split("\n")[1]


@pytest.mark.usefixtures("no_fork")
def test_importing_the_package_imports_no_pygithub() -> None:
    """PyGithub takes 0.2 s to import and adds a log handler, so only a run that posts imports it."""
    script = "import sys, kindgate.github.post, kindgate.github.publish; print('github' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "False\n"
