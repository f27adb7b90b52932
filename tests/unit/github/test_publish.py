"""`kindgate.github.publish`: reports of untrusted runs, with hostile artifacts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import GitHubError, NoVerdict, PublishRefused
from kindgate.github.artifact import ARCHIVE_LIMIT
from kindgate.github.identity import Expected
from kindgate.github.publication import Published, Request
from kindgate.github.publish import publish_run, render_pages
from kindgate.report.run_report import Link, PullRequest, RunReport, TestResult
from kindgate.settings import GitHubSettings
from tests.unit.github.standin import BASE, HEAD, REPOSITORY, Fault, StandIn, document
from tests.unit.github.test_artifact import packed

pytestmark = pytest.mark.usefixtures("in_process")

SETTINGS = GitHubSettings(id="e2e")
JUDGE = "acme/kindgate/.github/workflows/e2e.yml"
SECOND = "5" * 40
"""The commit of a second push."""


def environment(github: StandIn) -> dict[str, str]:
    """The environment of a `workflow_run` workflow."""
    return github.environment | {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": "", "GITHUB_WORKFLOW": "publish report"}


def own(github: StandIn, report: RunReport, attempt: int = 1) -> RunReport:
    """Return the report as the run writes it, with its commit, run and pull request."""
    record = PullRequest(
        repository=REPOSITORY,
        number=17,
        head_sha=github.run["head_sha"],
        run_id=github.run["id"],
        attempt=attempt,
        run_url=f"{github.run['html_url']}/attempts/{attempt}",
    )
    return report.model_copy(update={"pull_request": record})


def upload(github: StandIn, report: RunReport, name: str = "kindgate-report-e2e-1") -> None:
    """Upload a leg's artifact as its run does."""
    send(github, own(github, report, int(name.rpartition("-")[2])), name)


def send(github: StandIn, report: RunReport, name: str = "kindgate-report-e2e-1") -> None:
    """Upload a leg's artifact unchanged."""
    github.upload(name, packed(("report.json", report.model_dump_json().encode())))


RUN = Request(9001)


def publish(github: StandIn, request: Request = RUN, *, settings: GitHubSettings = SETTINGS) -> Published:
    """Publish as `kindgate publish` does."""
    return publish_run(request, settings, environment(github))


def test_a_forks_report_is_posted(fork: StandIn, passing: RunReport) -> None:
    """The pull request is found by its head commit and repository."""
    upload(fork, passing)

    *_, result = publish(fork).results

    assert (result.line, result.warnings) == ("comment created on #17", ())
    marker, first = fork.written()[0].split("\n")[:2]
    assert marker.startswith(f"<!-- kindgate:e2e v1 head={HEAD} run=9001 attempt=1 digest=")
    assert "PASS" in first


def test_publishing_twice_changes_nothing(fork: StandIn, passing: RunReport) -> None:
    """A second publication of the same run changes nothing."""
    upload(fork, passing)
    publish(fork)

    publish(fork)

    assert len(fork.comments) == 1
    assert fork.count("PATCH") == 0


@pytest.mark.parametrize(("conclusion", "outcome"), [("failure", "passing"), ("success", "failing"), ("timed_out", "passing")])
def test_a_report_that_contradicts_its_run_is_a_failure(
    fork: StandIn, conclusion: str, outcome: str, request: pytest.FixtureRequest
) -> None:
    """The report is untrusted; GitHub's conclusion is not, so a contradiction is a failure."""
    fork.run["conclusion"] = conclusion
    upload(fork, request.getfixturevalue(outcome))

    publish(fork)

    assert "UNTRUSTED" in fork.written()[0].split("\n")[1]


def test_a_passed_leg_is_trusted_if_another_leg_explains_the_failure(fork: StandIn, passing: RunReport, failing: RunReport) -> None:
    """A passing leg is trusted if another leg explains the run's failure."""
    fork.run["conclusion"] = "failure"
    upload(fork, passing, "kindgate-report-a-1")
    upload(fork, failing, "kindgate-report-b-1")

    publish(fork)

    assert "UNTRUSTED" not in fork.written()[0]
    assert "FAIL" in fork.written()[0].split("\n")[1]


@pytest.mark.parametrize(("job", "red"), [("security", False), ("e2e / e2e", True), ("e2e / e2e verdict", True)])
def test_a_leg_is_compared_only_with_its_own_jobs(fork: StandIn, passing: RunReport, job: str, red: bool) -> None:  # noqa: FBT001  # a parameter
    """A failing job that belongs to no leg contradicts no report."""
    fork.run["conclusion"] = "failure"
    names = ("security", "e2e / e2e", "e2e / e2e verdict")
    fork.jobs = [{"run_id": 9001, "name": name, "conclusion": "failure" if name == job else "success"} for name in names]
    upload(fork, passing)

    published = publish(fork)

    assert ("UNTRUSTED" in fork.written()[0].split("\n")[1]) == red
    assert (published.exit_code != 0) == red


def test_a_missing_leg_is_named(fork: StandIn, passing: RunReport) -> None:
    """A leg that the workflow expects but that has no report is named."""
    fork.run["conclusion"] = "failure"
    upload(fork, passing, "kindgate-report-a-1")

    publish(fork, Request(9001, ["a b"]))

    assert "no report from `b`" in fork.written()[0]
    assert "UNTRUSTED" not in fork.written()[0]  # another leg explains the failure, so the leg that passed does not contradict it


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_dispatch", "schedule", "issue_comment"])
def test_other_events_publish_nothing(fork: StandIn, passing: RunReport, event: str) -> None:
    """A user with write access can start such a run on any commit with any workflow."""
    fork.run["event"] = event
    upload(fork, passing)

    published = publish(fork)

    assert published.results[0].line.endswith("it gets no verdict")
    assert (fork.comments, fork.statuses, fork.blob_headers) == ([], [], [])


@pytest.mark.parametrize(
    "change",
    [
        {"head": {"sha": "f" * 40}},
        {"head": {"label": "mona:other"}},
        {"head": {"repo": None}},
        {"head": {"repo": {"id": 666, "full_name": "evil/shop"}}},
        {"head": {"repo": {"id": 666}}},
        {"state": "closed"},
    ],
)
def test_another_pull_request_gets_no_comment(fork: StandIn, passing: RunReport, change: dict[str, Any]) -> None:
    """Branch, commit, repository and state must all match."""
    head = change.pop("head", {})
    if head.get("repo"):
        head["repo"] = fork.pull["head"]["repo"] | head["repo"]
    fork.pull["head"] |= head
    fork.pull |= change
    upload(fork, passing)

    *_, result = publish(fork).results

    assert "no open pull request" in result.line
    assert fork.comments == []


def test_a_renamed_fork_gets_its_comment(fork: StandIn, passing: RunReport) -> None:
    """GitHub's replies can have the old or the new name of a fork; the id is the same."""
    fork.run["head_repository"] |= {"full_name": "mona/old-shop"}
    upload(fork, passing)

    *_, result = publish(fork).results

    assert result.url
    assert len(fork.comments) == 1


def test_a_deleted_fork_gets_no_comment(fork: StandIn, passing: RunReport) -> None:
    """The run of a deleted fork has no head repository."""
    fork.run["head_repository"] = None
    upload(fork, passing)

    *_, result = publish(fork).results

    assert "no open pull request" in result.line


def test_every_pull_request_of_the_head_gets_the_comment(fork: StandIn, passing: RunReport) -> None:
    """One branch can have pull requests into several bases, and each gets the comment."""
    fork.others.append(json.loads(json.dumps(fork.pull)) | {"number": 18})
    upload(fork, passing)

    _, *results = publish(fork).results

    assert [result.line for result in results] == ["comment created on #17", "comment created on #18"]
    assert [url.rsplit("#", 1)[0] for url in (result.url for result in results)] == [
        f"https://github.com/acme/shop/pull/{n}" for n in (17, 18)
    ]


CONCLUSIONS = ["success", "failure", "cancelled", "timed_out", "startup_failure", "action_required", "neutral", "skipped", "stale", None]


@pytest.mark.parametrize("conclusion", CONCLUSIONS)
def test_a_second_push_without_a_report_replaces_the_first_pass(fork: StandIn, passing: RunReport, conclusion: str | None) -> None:
    """If the second run has no report, the comment states that the new head has no verdict."""
    upload(fork, passing)
    publish(fork)
    push(fork, conclusion=conclusion)
    fork.upload("coverage-1", b"x")

    published = publish(fork, Request(9002))

    (body,) = fork.written()
    assert body.split("\n")[1].startswith(f"### ❌ NO VERDICT for `{SECOND[:7]}`: ")
    assert f"head={SECOND} run=9002" in body.split("\n")[0]
    assert "PASS" not in body
    assert "/actions/runs/9002" in body
    assert published.exit_code == NoVerdict.exit_code


def test_a_second_push_with_an_invalid_report_replaces_the_first_pass(fork: StandIn, passing: RunReport) -> None:
    """An unreadable archive is reported as such."""
    upload(fork, passing)
    publish(fork)
    push(fork)
    fork.upload("kindgate-report-e2e-1", b"junk")

    published = publish(fork, Request(9002))

    (body,) = fork.written()
    assert f"NO VERDICT for `{SECOND[:7]}`" in body
    assert "not a readable zip archive" in body
    assert "PASS" not in body
    assert published.exit_code == NoVerdict.exit_code


def test_an_older_run_publishes_nothing_over_a_newer_one(fork: StandIn) -> None:
    """A canceled run that ends last does not overwrite a newer one."""
    fork.other_runs.append(fork.run | {"id": 9002, "run_number": 42})
    fork.run["conclusion"] = "cancelled"

    published = publish(fork)

    assert "run 9002" in published.results[0].line
    assert fork.comments == []


@pytest.mark.parametrize("change", [{"event": "workflow_dispatch"}, {"head_branch": "other"}, {"path": ".github/workflows/other.yml"}])
def test_a_newer_run_of_another_workflow_keeps_the_verdict(fork: StandIn, passing: RunReport, change: dict[str, Any]) -> None:
    """A newer run of another workflow does not change the verdict."""
    fork.other_runs.append(fork.run | {"id": 9002} | change)
    upload(fork, passing)

    publish(fork)

    assert "PASS" in fork.written()[0]


def push(github: StandIn, **run: Any) -> None:
    """Push another commit to the pull request, with a finished run."""
    github.pull["head"]["sha"] = SECOND
    address = "https://github.com/acme/shop/actions/runs/9002"
    github.run |= {"id": 9002, "head_sha": SECOND, "html_url": address} | run
    github.artifacts.clear()


def test_never_means_never(fork: StandIn, passing: RunReport) -> None:
    """With `never`, a fork gets no comment."""
    upload(fork, passing)

    publish(fork, settings=replace(SETTINGS, comment="never"))

    assert fork.comments == []


def test_claims_about_the_pull_request_are_replaced_with_githubs_data(fork: StandIn, passing: RunReport) -> None:
    """Numbers, repositories, links and commits come from GitHub, not from the report."""
    claims = passing.model_copy(
        update={
            "pull_request": PullRequest(repository="evil/shop", number=1, head_sha="e" * 40, run_url="https://evil.example/run"),
            "links": (Link(name="Click here", url="https://evil.example/login"),),
        }
    )
    send(fork, claims)

    published = publish(fork)

    (body,) = fork.written()
    assert body.split("\n")[1].startswith(f"### ❌ UNTRUSTED for `{HEAD[:7]}`: ")
    assert "evil" not in without_code(body)
    assert "https://github.com/acme/shop/actions/runs/9001" in body
    assert not any("/issues/1/" in request for request in fork.requests)
    assert published.exit_code == PublishRefused.exit_code


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"head_sha": "e" * 40}, "for commit eeeeeeeeee"),
        ({"head_sha": ""}, "for commit unknown"),
        ({"run_id": 8999}, "for run 8999"),
        ({"run_id": None}, "for run unknown"),
        ({"attempt": 2}, "for attempt 2"),
        ({"repository": "evil/shop"}, "for repository evil/shop"),
        ({"number": 18}, "for pull request #18"),
        ({"run_url": "https://evil.example/run"}, "links to https://evil.example/run"),
        ({"run_url": "https://github.com/acme/shop/actions/runs/90011"}, "links to https://github.com/acme/shop/actions/runs/90011"),
    ],
)
@pytest.mark.parametrize("repository", ["fork", "github"])
def test_a_report_contradicting_github_is_untrusted(
    passing: RunReport, claims: dict[str, Any], words: str, repository: str, request: pytest.FixtureRequest
) -> None:
    """A branch of the same repository can write any report too."""
    standin: StandIn = request.getfixturevalue(repository)
    from_same_repository(standin) if repository == "github" else None
    report = own(standin, passing)
    assert report.pull_request is not None
    send(standin, report.model_copy(update={"pull_request": report.pull_request.model_copy(update=claims)}))

    published = publish(standin)

    (body,) = standin.written()
    assert body.split("\n")[1].startswith(f"### ❌ UNTRUSTED for `{HEAD[:7]}`: ")
    assert words in body
    assert "evil" not in without_code(body)
    assert published.exit_code == PublishRefused.exit_code


def test_a_report_with_a_link_to_elsewhere_is_untrusted(fork: StandIn, passing: RunReport) -> None:
    """A report with a link to another host is untrusted, and the link is dropped."""
    send(fork, own(fork, passing).model_copy(update={"links": (Link(name="HTML report", url="https://evil.example/page"),)}))

    publish(fork)

    (body,) = fork.written()
    assert "UNTRUSTED" in body.split("\n")[1]
    assert "evil" not in without_code(body)


def test_a_report_without_a_run_is_untrusted(fork: StandIn, passing: RunReport) -> None:
    """A report without a run could be from elsewhere or earlier, so it proves nothing about this commit."""
    send(fork, passing)

    publish(fork)

    assert "UNTRUSTED" in fork.written()[0].split("\n")[1]


def from_same_repository(github: StandIn) -> None:
    """Make the run that of the stand-in's default pull request, a branch of this repository."""
    github.run["head_repository"] = github.run["repository"]


def test_a_pull_request_of_the_same_repository_gets_its_comment(github: StandIn, passing: RunReport) -> None:
    """A branch of the same repository is published like a fork."""
    from_same_repository(github)
    upload(github, passing)

    publish(github)

    assert "PASS" in github.written()[0].split("\n")[1]


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (Expected(".github/workflows/kindgate.yml"), "is from .github/workflows/ci.yml, not from .github/workflows/kindgate.yml"),
        (
            Expected(judge=f"acme/kindgate/.github/workflows/e2e.yml@{'b' * 40}"),
            f"called {JUDGE} at aaaaaaaaaa",
        ),
        (Expected(judge=f"acme/kindgate/.github/workflows/judge.yml@{'a' * 40}"), "did not call acme/kindgate/.github/workflows/judge.yml"),
        (Expected(judge="./.github/workflows/e2e.yml"), "did not call acme/shop/.github/workflows/e2e.yml"),
    ],
)
def test_a_run_of_another_workflow_is_untrusted(fork: StandIn, passing: RunReport, expected: Expected, words: str) -> None:
    """Under `pull_request` the workflow file comes from the pull request and can define any job."""
    fork.run["referenced_workflows"] = [{"path": "acme/kindgate/.github/workflows/e2e.yml@v1", "sha": "a" * 40, "ref": "refs/tags/v1"}]
    upload(fork, passing)

    published = publish(fork, Request(9001, expected=expected))

    assert "UNTRUSTED" in fork.written()[0].split("\n")[1]
    assert words in fork.written()[0]
    assert published.exit_code == PublishRefused.exit_code


@pytest.mark.parametrize(
    "path", [".github/workflows/ci.yml", "acme/shop/.github/workflows/ci.yml@refs/pull/17/merge", ".github/workflows/ci.yml@main"]
)
def test_a_run_of_the_expected_workflow_and_judge_is_trusted(fork: StandIn, passing: RunReport, path: str) -> None:
    """GitHub reports the file with or without repository and ref; both match."""
    fork.run["path"] = path
    fork.run["referenced_workflows"] = [{"path": f"acme/kindgate/.github/workflows/e2e.yml@{'a' * 40}", "sha": "a" * 40}]
    upload(fork, passing)

    publish(fork, Request(9001, expected=Expected(".github/workflows/ci.yml", f"acme/kindgate/.github/workflows/e2e.yml@{'a' * 40}")))

    assert "PASS" in fork.written()[0].split("\n")[1]


@pytest.mark.parametrize(
    "changed",
    [
        {"filename": ".github/workflows/ci.yml"},
        {"filename": "x.yml", "previous_filename": ".github/workflows/ci.yml", "status": "renamed"},
        {"filename": ".github/actions/a/action.yml"},
    ],
)
def test_a_run_with_a_changed_workflow_is_untrusted(fork: StandIn, passing: RunReport, changed: dict[str, str]) -> None:
    """A run whose own workflow file changed could report anything."""
    fork.files = [document("replies", "file") | changed]
    upload(fork, passing)

    published = publish(fork)

    assert "UNTRUSTED" in fork.written()[0].split("\n")[1]
    assert "changes code that GitHub runs" in fork.written()[0]
    assert published.exit_code == PublishRefused.exit_code


def test_gate_changes_are_read_from_github(fork: StandIn, passing: RunReport) -> None:
    """The list of gate changes comes from GitHub, so the report cannot hide it."""
    fork.files = [document("replies", "file") | {"filename": name} for name in ("slo.yaml", "app.py")]
    fork.contents = {
        ("slo.yaml", BASE): 'thresholds: {http_req_duration: ["p(95)<200"]}',
        ("slo.yaml", HEAD): 'thresholds: {http_req_duration: ["p(95)<9000"]}',
    }
    upload(fork, passing)

    publish(fork)

    (body,) = fork.written()
    assert "p(95)<200" in body
    assert "p(95)<9000" in body
    assert "app.py" not in body


def test_later_changes_of_the_base_do_not_count(fork: StandIn, passing: RunReport) -> None:
    """The base became stricter after the fork branched off, but the pull request changes another objective."""
    start = "5" * 40
    fork.merge_base = start
    fork.files = [document("replies", "file") | {"filename": "slo.yaml"}]
    fork.contents = {
        ("slo.yaml", start): 'thresholds: {http_req_duration: ["p(95)<200", "p(99)<500"]}',
        ("slo.yaml", BASE): 'thresholds: {http_req_duration: ["p(95)<100", "p(99)<500"]}',
        ("slo.yaml", HEAD): 'thresholds: {http_req_duration: ["p(95)<200", "p(99)<900"]}',
    }
    upload(fork, passing)

    publish(fork)

    (body,) = fork.written()
    assert "| `p(99)<500` | `p(99)<900` |" in body
    assert "p(95)<100" not in body


def test_a_page_uploaded_by_the_run_is_not_linked(fork: StandIn, passing: RunReport) -> None:
    """An uploaded HTML page is untrusted and never linked."""
    upload(fork, passing)
    fork.upload("kindgate-page-e2e-1.html", b"<html>")

    publish(fork)

    (body,) = fork.written()
    run = "https://github.com/acme/shop/actions/runs/9001"
    assert "/artifacts/" not in body
    assert f"[run]({run}/attempts/1) · [re-run]({run}) · [artifacts]({run}#artifacts)" in body


def test_changed_files_are_named_even_without_contents_permission(fork: StandIn, passing: RunReport) -> None:
    """Without `contents` permission the files are still listed, and the missing part is reported."""
    fork.files = [document("replies", "file") | {"filename": "slo.yaml"}]
    fork.fail("GET .*/git/trees/", Fault("read_only_token"))
    upload(fork, passing)

    publish(fork)

    (body,) = fork.written()
    assert "slo.yaml" in body
    assert "changed thresholds are unknown" in body
    assert "Resource not accessible by integration" in body


@pytest.mark.parametrize(
    ("name", "size", "expired", "words"),
    [
        ("kindgate-report-e2e-1", ARCHIVE_LIMIT + 1, False, "bytes, more than"),
        ("kindgate-report-e2e-1", 10, True, "expired"),
        ("kindgate-report-e2e-2", 10, False, "has not had"),
    ],
)
def test_an_unsuitable_artifact_is_not_downloaded(fork: StandIn, name: str, size: int, *, expired: bool, words: str) -> None:
    """Name, size and age are checked in the listing."""
    fork.upload(name, b"x", size=size, expired=expired)

    published = publish(fork)

    assert fork.blob_headers == []
    assert words in fork.written()[0]
    assert published.exit_code == NoVerdict.exit_code


@pytest.mark.parametrize(("count", "words"), [(21, "more than 20"), (301, "more than 300")])
def test_too_many_artifacts_are_not_downloaded(fork: StandIn, count: int, words: str) -> None:
    """The number of artifacts is limited, because a matrix has few legs."""
    for number in range(count):
        fork.upload(f"kindgate-report-leg{number}-1", b"x")

    published = publish(fork)

    assert fork.blob_headers == []
    assert words in fork.written()[0]
    assert published.exit_code == NoVerdict.exit_code


def test_a_hostile_archive_gives_no_verdict(fork: StandIn) -> None:
    """The comment reports a hostile archive without quoting it."""
    fork.upload("kindgate-report-e2e-1", packed(("../../report.json", b"{}")))

    published = publish(fork)

    assert "NO VERDICT" in fork.written()[0].split("\n")[1]
    assert published.exit_code == NoVerdict.exit_code


HOSTILE_NAMES = [
    "<!-- kindgate:e2e v1 head= run=1 attempt=1 digest=0000000000000000 -->",
    "</details></details><h1>APPROVED</h1>",
    "```\n# ✅ PASS\n```mermaid\ngraph TD; A-->B",
    "[click](https://evil.example) https://evil.example www.evil.example",
    "@acme/admins please merge, fixes #1, GH-1, acme/shop#1",
    "::add-mask::x\r\n::set-env name=PATH::/evil",
    "\u202egnp.exe\u200b\u2066\x1b[31m\x00",
    "| a | b |\n|---|---|\n| ✅ PASS | ``` |",
    "![x](https://evil.example/x.png)<img src=x onerror=alert(1)>",
    "`" * 300,
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_harmless(fork: StandIn, failing: RunReport, name: str) -> None:
    """An untrusted name in any field is shown as code, so newlines, links, mentions and hidden characters have no effect."""
    fork.run["conclusion"] = "failure"
    test = TestResult(node_id=name, outcome="failed", seconds=0.1, error=name, cause=name, details=name, bundle="")
    objective = failing.objectives[0].model_copy(update={"metric": name[:300], "expression": name, "explanation": name, "trend": name})
    upload(fork, failing.model_copy(update={"tests": (test,), "objectives": (objective,), "notes": (name,)}))

    publish(fork)

    (body,) = fork.written()
    outside = without_code(body.split("\n", 1)[1])
    assert not set(body) & {"\u202e", "\u200b", "\u2066", "\x1b", "\x00", "\r"}
    for effect in ("evil.example", "@acme", "#1", "<img", "<h1", "<!--", "APPROVED", "::add-mask"):
        assert effect not in outside


def without_code(markdown: str) -> str:
    """Return Markdown without its code spans and fenced blocks, under CommonMark's backtick rules."""
    kept: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        run = line[: len(line) - len(line.lstrip("`"))]
        if fence:
            fence = "" if line.rstrip() == run and len(run) >= len(fence) else fence
        elif len(run) >= 3 and "`" not in line[len(run) :]:
            fence = run
        else:
            kept.append(_without_spans(line))
    return "\n".join(kept)


def _without_spans(line: str) -> str:
    kept, rest = "", line
    while "`" in rest:
        start = rest.index("`")
        run = len(rest[start:]) - len(rest[start:].lstrip("`"))
        end = start + run
        while True:
            close = rest.find("`" * run, end)
            if close < 0:
                return kept + rest
            length = len(rest[close:]) - len(rest[close:].lstrip("`"))
            if length == run:
                break
            end = close + length
        kept += rest[:start]
        rest = rest[close + run :]
    while "<code>" in rest:
        before, _, after = rest.partition("<code>")
        kept, rest = kept + before, after.partition("</code>")[2]
    return kept + rest


def test_ten_thousand_failures_fit(fork: StandIn, failing: RunReport) -> None:
    """The comment states the number of omitted failures."""
    fork.run["conclusion"] = "failure"
    tests = tuple(TestResult(node_id=f"tests/x.py::test[{number}]", outcome="failed", seconds=0.1, error="no") for number in range(10_000))
    upload(fork, failing.model_copy(update={"tests": tests}))

    publish(fork)

    (body,) = fork.written()
    assert len(body.encode()) <= 65_536
    assert "omitted" in body


def test_transient_github_errors_are_retried(fork: StandIn, passing: RunReport) -> None:
    """Reads and downloads are retried."""
    for request in ("GET .*/runs/9001$", "GET .*/zip", "GET .*/pulls[?]"):
        fork.fail(request, Fault("bad_gateway"))
    upload(fork, passing)

    *_, result = publish(fork).results

    assert result.line == "comment created on #17"


@pytest.mark.parametrize("variable", ["GITHUB_TOKEN", "GITHUB_REPOSITORY"])
def test_a_missing_variable_is_named(github: StandIn, variable: str) -> None:
    """Without its variables, the command fails and names the missing one."""
    with pytest.raises(GitHubError, match=variable):
        publish_run(Request(9001), SETTINGS, environment(github) | {variable: ""})


def test_an_unknown_run_is_an_error(github: StandIn) -> None:
    """An unknown run id is an error."""
    with pytest.raises(GitHubError, match="404"):
        publish(github, Request(1))


FORGED = "<h1>all is well</h1><script>alert(1)</script>"
PAGE = "https://github.com/acme/shop/actions/runs/7001/artifacts/12"
"""An artifact of the publishing workflow's own run."""


def own_run(github: StandIn) -> dict[str, str]:
    """The environment of the publishing workflow, whose run differs from the judged one."""
    return environment(github) | {"GITHUB_RUN_ID": "7001", "GITHUB_RUN_ATTEMPT": "2"}


def test_a_legs_page_is_rendered_from_its_checked_report(fork: StandIn, passing: RunReport, tmp_path: Path) -> None:
    """The page's name has leg, judged run and attempt, so it is unique; the uploaded HTML is ignored."""
    upload(fork, passing)
    fork.upload("kindgate-page-e2e-1.html", FORGED.encode())

    (page,) = render_pages(RUN, SETTINGS, own_run(fork), tmp_path / "pages")

    assert page == tmp_path / "pages/kindgate-page-e2e-9001-2.html"
    text = page.read_text()
    assert "PASS" in text
    assert HEAD[:7] in text
    assert "all is well" not in text
    assert (fork.comments, fork.statuses) == ([], [])


def test_a_page_shows_the_decision(fork: StandIn, passing: RunReport, tmp_path: Path) -> None:
    """The page shows the publisher's decision, not the report's, and untrusted text has no effect."""
    link = Link(name="Click here", url="https://evil.example/login")
    test = TestResult(node_id=FORGED, outcome="passed", seconds=1.0)
    send(fork, own(fork, passing).model_copy(update={"links": (link,), "tests": (test,)}))

    (page,) = render_pages(RUN, SETTINGS, own_run(fork), tmp_path)

    text = page.read_text()
    assert "UNTRUSTED" in text
    assert 'href="https://evil.example' not in text
    assert "<script>alert" not in text


def test_each_leg_has_a_page(fork: StandIn, passing: RunReport, tmp_path: Path) -> None:
    """Each leg with a report has a page."""
    upload(fork, passing, "kindgate-report-a-1")
    upload(fork, passing, "kindgate-report-b-1")

    pages = render_pages(Request(9001, ["a b c"]), SETTINGS, own_run(fork), tmp_path)

    assert [page.name for page in pages] == ["kindgate-page-a-9001-2.html", "kindgate-page-b-9001-2.html"]


@pytest.mark.parametrize("change", [{"event": "push"}, {"status": "in_progress"}, {"event": "workflow_dispatch"}])
def test_no_page_is_rendered_without_a_comment(fork: StandIn, passing: RunReport, tmp_path: Path, change: dict[str, str]) -> None:
    """Without a pull request to comment on, no page is rendered."""
    fork.run |= change
    upload(fork, passing)

    assert render_pages(RUN, SETTINGS, own_run(fork), tmp_path) == ()


def test_a_pull_request_without_a_run_has_no_page(github: StandIn, tmp_path: Path) -> None:
    """A label can be set before the first run, when there is no page."""
    github.pull["head"]["sha"] = SECOND

    assert render_pages(Request(pull=17, expected=Expected(".github/workflows/ci.yml")), SETTINGS, own_run(github), tmp_path) == ()


def test_the_comment_links_the_page_of_its_own_workflow(fork: StandIn, passing: RunReport) -> None:
    """The link to the publishing run's page is shown next to the judged run's links."""
    upload(fork, passing)

    publish_run(Request(9001, page=PAGE), SETTINGS, own_run(fork))

    assert f"[HTML report]({PAGE})" in fork.written()[0]
    assert "[run](https://github.com/acme/shop/actions/runs/9001/attempts/1)" in fork.written()[0]


@pytest.mark.parametrize(
    "page", ["", "https://github.com/acme/shop/actions/runs/9001/artifacts/1", f"{PAGE}/../../x", "https://evil.example"]
)
def test_no_other_page_is_linked(fork: StandIn, passing: RunReport, page: str) -> None:
    """No other page is linked, not even one of the judged run."""
    upload(fork, passing)

    publish_run(Request(9001, page=page), SETTINGS, own_run(fork))

    assert "HTML report" not in fork.written()[0]
