"""`kindgate.github.gate_changes` and `fewer`: the list of changes to the gate is complete, or states what is unknown."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.github.publication import Request
from kindgate.github.suite_settings import Suite
from kindgate.report.run_report import RunReport, TestResult
from tests.unit.github.standin import BASE, HEAD, Fault, StandIn, document
from tests.unit.github.test_artifact import packed
from tests.unit.github.test_publish import SECOND, publish, upload

pytestmark = pytest.mark.usefixtures("in_process")

INI = """[pytest]
app_overlay = ../deploy/test
slo_file = limits.yml
app_apply = ../crds
kind_load = ../migrate.tar
addopts = --kind-config=kind.yaml
"""
SUITE = {
    "shop/e2e/pytest.ini": INI,
    "shop/e2e/limits.yml": 'thresholds: {http_req_duration: ["p(95)<200"]}\n',
    "shop/deploy/test/kustomization.yaml": "resources: [../../base]\npatches: [{path: replicas.yaml}]\n",
    "shop/base/kustomization.yaml": "resources: [deployment.yaml]\n",
    "shop/base/deployment.yaml": "kind: Deployment\n",
    "shop/app.py": "1\n",
}


def commits(github: StandIn, **changed: str | None) -> None:
    """Put the suite into the base, and into the head with some files changed (None deletes one); `__` stands for a slash."""
    head: dict[str, str | None] = {**SUITE, **changed}
    github.contents = {(path, BASE): text for path, text in SUITE.items()}
    github.contents |= {(path, HEAD): text for path, text in head.items() if text is not None}


def lists(github: StandIn, *files: str | dict[str, str]) -> None:
    """Set the changed files that GitHub lists for the pull request."""
    github.files = [document("replies", "file") | ({"filename": one} if isinstance(one, str) else one) for one in files]


REQUEST = Request(9001, suite=Suite("shop/e2e"))


def published_comment(github: StandIn, report: RunReport, request: Request = REQUEST) -> str:
    """Return the comment on a passing run."""
    upload(github, report)
    publish(github, request)
    (body,) = github.written()
    return body


@pytest.mark.parametrize(
    "file",
    [
        "conftest.py",
        "shop/tests/conftest.py",
        "pytest.ini",
        "shop/pyproject.toml",
        "tox.ini",
        "setup.cfg",
        "shop/Dockerfile",
        "shop/build/Dockerfile.test",
        "shop/uv.lock",
        "shop/requirements.txt",
        "shop/e2e/limits.yml",
        "shop/e2e/kind.yaml",
        "shop/deploy/test/kustomization.yaml",
        "shop/deploy/test/replicas.yaml",
        "shop/base/deployment.yaml",
        "shop/crds/all.yaml",
        "shop/migrate.tar",
    ],
)
def test_every_file_that_affects_the_verdict_is_listed(fork: StandIn, passing: RunReport, file: str) -> None:
    """A file is listed because of its name or because the base's settings lead to it; application code is not."""
    commits(fork)
    lists(fork, "shop/app.py", file)

    body = published_comment(fork, passing)

    assert f"changes the gate that judges it: `{file}`" in body
    assert "app.py" not in body


@pytest.mark.parametrize("status", ["renamed", "copied"])
def test_a_renamed_file_counts_by_both_names(fork: StandIn, passing: RunReport, status: str) -> None:
    """A renamed conftest counts under both names, because renaming removes it."""
    commits(fork)
    lists(fork, {"filename": "shop/helpers.py", "previous_filename": "shop/conftest.py", "status": status})

    assert "`shop/conftest.py`" in published_comment(fork, passing)


def test_the_base_defines_the_gate(fork: StandIn, passing: RunReport) -> None:
    """The base's settings define the gate; settings changed by the pull request are a change themselves and hide none."""
    commits(fork, **{"shop/e2e/pytest.ini": "[pytest]\nslo_file = easy.yml\n", "shop/e2e/easy.yml": "thresholds: {}\n"})
    lists(fork, "shop/e2e/pytest.ini", "shop/e2e/easy.yml", "shop/e2e/limits.yml")

    body = published_comment(fork, passing)

    assert "`shop/e2e/limits.yml`, `shop/e2e/pytest.ini`" in body


def test_objectives_are_compared_for_any_file_name(fork: StandIn, passing: RunReport) -> None:
    """The base names the objectives file, whatever its name."""
    commits(fork, **{"shop/e2e/limits.yml": 'thresholds: {http_req_duration: ["p(95)<9000"]}\n'})
    lists(fork, "shop/e2e/limits.yml")

    assert "| `p(95)<200` | `p(95)<9000` |" in published_comment(fork, passing)


@pytest.mark.parametrize("size", [70_000, 1_100_000])
def test_an_oversized_objectives_file_counts_as_a_change(fork: StandIn, passing: RunReport, size: int) -> None:
    """Objectives too large to read count as changed."""
    commits(fork, **{"shop/e2e/limits.yml": SUITE["shop/e2e/limits.yml"] + "#" * size})
    lists(fork, "shop/e2e/limits.yml")

    assert "| `the whole file` |" in published_comment(fork, passing)


MANY = [f"src/{number}.py" for number in range(3000)]


def test_commits_are_compared_beyond_githubs_file_list(fork: StandIn, passing: RunReport) -> None:
    """If GitHub's list stops at 3,000 files, the commits are compared too, and the comment reports the limit."""
    commits(fork, **{"zzz/conftest.py": "import os\n", "shop/base/deployment.yaml": "kind: Other\n"})
    lists(fork, *MANY)

    body = published_comment(fork, passing)

    assert "`shop/base/deployment.yaml`, `zzz/conftest.py`" in body
    assert "GitHub lists only 3,000 of the changed files" in body


def test_a_changed_workflow_beyond_githubs_file_list_makes_the_run_untrusted(fork: StandIn, passing: RunReport) -> None:
    """The run is untrusted, because its workflow could have written the report."""
    commits(fork, **{".github/workflows/ci.yml": "name: ci\n"})
    lists(fork, *MANY)

    assert "UNTRUSTED" in published_comment(fork, passing)


def test_gate_files_are_compared_if_both_lists_are_truncated(fork: StandIn, passing: RunReport) -> None:
    """If both lists are incomplete, CI, the files the base names and the root are compared, and the comment reports it."""
    commits(fork, **{"shop/base/deployment.yaml": "kind: Other\n", "conftest.py": "x", ".github/workflows/new.yml": "x"})
    fork.tree_is_cut = True
    lists(fork, *MANY)

    body = published_comment(fork, passing)

    assert "`.github/workflows/*`, `conftest.py`, `shop/base/deployment.yaml`" in body
    assert "only the base's gate files were compared" in body
    assert "UNTRUSTED" in body


def test_a_suite_is_not_untouched_if_the_list_is_truncated(fork: StandIn) -> None:
    """With an incomplete list, a watched file might be among the missing ones."""
    commits(fork)
    fork.tree_is_cut = True
    lists(fork, *MANY)

    published = publish(fork, Request(9001, watched=["shop"], suite=Suite("shop/e2e")))

    assert published.decision is not None
    assert published.decision.verdict == "NO VERDICT"


@pytest.mark.parametrize(
    ("changed", "verdict"), [("docs/a.md", "PASS"), ("shop/app.py", "NO VERDICT"), ("other/conftest.py", "NO VERDICT")]
)
def test_an_untouched_suite_may_merge_without_a_report(fork: StandIn, changed: str, verdict: str) -> None:
    """The publisher itself checks the changed files instead of trusting skipped jobs; the status is success without a comment."""
    commits(fork)
    lists(fork, changed)

    published = publish(fork, Request(9001, watched=["shop"], suite=Suite("shop/e2e")))

    assert published.decision is not None
    assert published.decision.verdict == verdict
    assert (fork.status()["state"] == "success") is (verdict == "PASS")
    assert (fork.comments == []) is (verdict == "PASS")


@pytest.mark.parametrize("request_of", ["GET .*/compare/", "GET .*/git/trees/", "GET .*/contents/"])
def test_the_comment_reports_a_private_repositorys_refusal(fork: StandIn, passing: RunReport, request_of: str) -> None:
    """A private repository's permission error is in the comment, next to the files that are listed."""
    commits(fork)
    fork.fail(request_of, *[Fault("read_only_token")] * 20)
    lists(fork, "conftest.py")

    body = published_comment(fork, passing)

    assert "changes the gate that judges it: `conftest.py`" in body
    assert "Resource not accessible by integration" in body


def test_an_unavailable_file_list_makes_the_run_untrusted(fork: StandIn, passing: RunReport) -> None:
    """If no files are listed, the workflow might have changed, and status and comment report it."""
    fork.fail("GET .*/pulls/17/files", Fault("read_only_token"))

    body = published_comment(fork, passing)

    assert "UNTRUSTED" in body.split("\n")[1]
    assert "its changes are unknown" in body
    assert fork.status()["state"] == "error"


def test_unreadable_base_settings_are_reported(fork: StandIn, passing: RunReport) -> None:
    """If the base's settings are unreadable, files are still listed by their standard names."""
    commits(fork)
    fork.contents["shop/e2e/pytest.ini", BASE] = "pytest]\n"
    lists(fork, "conftest.py", "shop/base/deployment.yaml")

    body = published_comment(fork, passing)

    assert "`conftest.py`" in body
    assert "cannot read the base's own settings" in body


def on_the_base(github: StandIn, report: RunReport, **run: Any) -> None:
    """Publish a run of the base branch."""
    github.main = SECOND
    pushed = {"id": 8000, "event": "push", "head_branch": "main", "head_sha": SECOND, "head_repository": github.run["repository"]}
    github.other_runs.append(github.run | pushed | run)
    github.upload("kindgate-report-e2e-1", packed(("report.json", report.model_dump_json().encode())), run=8000)


def with_tests(report: RunReport, *names: str, **skipped: str) -> RunReport:
    """Build a report with these e2e tests."""
    tests = [TestResult(node_id=name, outcome="passed", seconds=1.0) for name in names]
    tests += [TestResult(node_id=name, outcome="skipped", seconds=0.0) for name in skipped]
    return report.model_copy(update={"tests": tuple(tests)})


def test_dropped_tests_and_objectives_are_listed(fork: StandIn, passing: RunReport) -> None:
    """Tests that were deleted or skipped and objectives that were dropped are listed, so a smaller run is visible."""
    other = passing.objectives[0].model_copy(update={"metric": "http_req_failed", "expression": "rate<0.01"})
    on_the_base(fork, with_tests(passing, "a", "b", "c").model_copy(update={"objectives": (*passing.objectives, other)}))

    body = published_comment(fork, with_tests(passing, "a", b=""))

    assert "Judged on the base branch but not here (3)" in body
    for row in ("test b", "test c", "objective of http_req_failed"):
        assert f"- `{row}`" in body
    assert "`test a`" not in body
    assert "review this pull request's changes to the gate" in body


@pytest.mark.parametrize("run", [{"event": "pull_request"}, {"conclusion": "failure"}, {"head_branch": "other"}, {"head_sha": HEAD}])
def test_only_a_successful_push_to_the_base_is_compared(fork: StandIn, passing: RunReport, run: dict[str, str]) -> None:
    """A tag can have the branch's name, so only a successful push to the base branch is compared."""
    on_the_base(fork, with_tests(passing, "a", "b"), **run)

    assert "Judged on the base" not in published_comment(fork, with_tests(passing, "a"))


def test_a_base_without_a_readable_report_is_ignored(fork: StandIn, passing: RunReport) -> None:
    """An unreadable report of the base does not change the verdict, because the list is only shown."""
    on_the_base(fork, passing)
    fork.fail("GET .*/runs/8000/artifacts", Fault("read_only_token"))

    assert "PASS" in published_comment(fork, passing).split("\n")[1]
