"""`kindgate.github.publish`: reports of strangers' runs, with hostile artifacts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kindgate.errors import GitHubError, PublishRefused
from kindgate.github.artifact import ARCHIVE_LIMIT
from kindgate.github.publish import publish_run
from kindgate.report.run import Link, PullRequest, RunReport, TestResult
from kindgate.settings import GitHubSettings
from tests.unit.github.standin import BASE, HEAD, Fault, StandIn, document
from tests.unit.github.test_artifact import packed

SETTINGS = GitHubSettings(id="e2e")


@pytest.fixture
def fork(github: StandIn) -> StandIn:
    """A stand-in whose pull request #17 comes from mona's fork."""
    github.pull["head"] |= document("events", "pull_request_fork")["pull_request"]["head"]
    return github


def environment(github: StandIn) -> dict[str, str]:
    """What a `workflow_run` workflow has."""
    return github.environment | {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": "", "GITHUB_WORKFLOW": "publish report"}


def upload(github: StandIn, report: RunReport, name: str = "kindgate-report-e2e-1") -> None:
    """The artifact of a leg."""
    github.upload(name, packed(("report.json", report.model_dump_json().encode())))


def test_a_forks_report_is_posted(fork: StandIn, passing: RunReport) -> None:
    """The pull request is found by its head's commit and repository."""
    upload(fork, passing)

    (result,) = publish_run(9001, SETTINGS, environment(fork))

    assert (result.line, result.warnings) == ("comment created on #17", ())
    marker, first = fork.written()[0].split("\n")[:2]
    assert marker.startswith(f"<!-- kindgate:e2e v1 head={HEAD} run=9001 attempt=1 digest=")
    assert "PASS" in first


def test_publishing_again_changes_nothing(fork: StandIn, passing: RunReport) -> None:
    """The workflow may be run again."""
    upload(fork, passing)
    publish_run(9001, SETTINGS, environment(fork))

    publish_run(9001, SETTINGS, environment(fork))

    assert len(fork.comments) == 1
    assert fork.count("PATCH") == 0


@pytest.mark.parametrize(("conclusion", "outcome"), [("failure", "passing"), ("success", "failing"), ("timed_out", "passing")])
def test_a_report_that_contradicts_its_run_is_a_failure(
    fork: StandIn, conclusion: str, outcome: str, request: pytest.FixtureRequest
) -> None:
    """The stranger's code writes the report, and GitHub the conclusion."""
    fork.run["conclusion"] = conclusion
    upload(fork, request.getfixturevalue(outcome))

    publish_run(9001, SETTINGS, environment(fork))

    assert "FAIL (untrusted report)" in fork.written()[0].split("\n")[1]


def test_a_leg_that_passed_is_believed_when_another_explains_the_failure(fork: StandIn, passing: RunReport, failing: RunReport) -> None:
    """A run fails when one of its legs does."""
    fork.run["conclusion"] = "failure"
    upload(fork, passing, "kindgate-report-a-1")
    upload(fork, failing, "kindgate-report-b-1")

    publish_run(9001, SETTINGS, environment(fork))

    assert "untrusted" not in fork.written()[0]
    assert "FAIL" in fork.written()[0].split("\n")[1]


def test_a_missing_leg_is_named(fork: StandIn, passing: RunReport) -> None:
    """What the workflow expects has to be there."""
    fork.run["conclusion"] = "failure"
    upload(fork, passing, "kindgate-report-a-1")

    publish_run(9001, SETTINGS, environment(fork), expected=["a b"])

    assert "no report from `b`" in fork.written()[0]
    assert "untrusted" not in fork.written()[0]  # the leg that passed does not contradict a failure that another explains


@pytest.mark.parametrize(
    "change",
    [{"event": "push"}, {"event": "pull_request_target"}, {"status": "in_progress"}, {"conclusion": "cancelled"}, {"conclusion": None}],
)
def test_other_runs_get_no_comment(fork: StandIn, passing: RunReport, change: dict[str, Any]) -> None:
    """Only finished runs of pull requests; interrupted ones have nothing to say."""
    fork.run |= change
    upload(fork, passing)

    (result,) = publish_run(9001, SETTINGS, environment(fork))

    assert result.line.endswith("comment skipped")
    assert fork.comments == []
    assert fork.blob_headers == []


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
def test_a_pull_request_that_is_not_the_runs_gets_no_comment(fork: StandIn, passing: RunReport, change: dict[str, Any]) -> None:
    """Branch, commit, repository and state have to agree."""
    head = change.pop("head", {})
    if head.get("repo"):
        head["repo"] = fork.pull["head"]["repo"] | head["repo"]
    fork.pull["head"] |= head
    fork.pull |= change
    upload(fork, passing)

    (result,) = publish_run(9001, SETTINGS, environment(fork))

    assert "no open pull request" in result.line
    assert fork.comments == []


def test_a_fork_that_was_renamed_meanwhile_gets_its_comment(fork: StandIn, passing: RunReport) -> None:
    """GitHub's replies may have the old name and the new one; the id is the same."""
    fork.run["head_repository"] |= {"full_name": "mona/old-shop"}
    upload(fork, passing)

    (result,) = publish_run(9001, SETTINGS, environment(fork))

    assert result.url
    assert len(fork.comments) == 1


def test_a_deleted_fork_gets_no_comment(fork: StandIn, passing: RunReport) -> None:
    """Its run has no head repository any more."""
    fork.run["head_repository"] = None
    upload(fork, passing)

    (result,) = publish_run(9001, SETTINGS, environment(fork))

    assert "no open pull request" in result.line


def test_every_pull_request_of_the_head_gets_the_comment(fork: StandIn, passing: RunReport) -> None:
    """One branch may have pull requests into several bases."""
    fork.others.append(json.loads(json.dumps(fork.pull)) | {"number": 18})
    upload(fork, passing)

    results = publish_run(9001, SETTINGS, environment(fork))

    assert [result.line for result in results] == ["comment created on #17", "comment created on #18"]
    assert [url.rsplit("#", 1)[0] for url in (result.url for result in results)] == [
        f"https://github.com/acme/shop/pull/{n}" for n in (17, 18)
    ]


def test_a_run_without_a_report_is_no_error(fork: StandIn) -> None:
    """Its lint may have failed before."""
    fork.upload("coverage-1", b"x")

    (result,) = publish_run(9001, SETTINGS, environment(fork))

    assert "no report among its artifacts" in result.line


def test_never_means_never(fork: StandIn, passing: RunReport) -> None:
    """A repository may want no comments of forks."""
    upload(fork, passing)

    publish_run(9001, replace(SETTINGS, comment="never"), environment(fork))

    assert fork.requests == []


def test_what_the_report_says_about_the_pull_request_is_not_believed(fork: StandIn, passing: RunReport) -> None:
    """Another number, another repository, links and commits come from GitHub or not at all."""
    lie = passing.model_copy(
        update={
            "pull_request": PullRequest(repository="evil/shop", number=1, head_sha="e" * 40, run_url="https://evil.example/run"),
            "links": (Link(name="Click here", url="https://evil.example/login"),),
        }
    )
    upload(fork, lie)

    publish_run(9001, SETTINGS, environment(fork))

    (body,) = fork.written()
    assert "evil" not in body
    assert "https://github.com/acme/shop/actions/runs/9001" in body
    assert not any("/issues/1/" in request for request in fork.requests)


def test_what_it_changes_about_the_gate_is_read_from_github(fork: StandIn, passing: RunReport) -> None:
    """The stranger's report cannot hide it."""
    fork.files = [document("replies", "file") | {"filename": name} for name in ("slo.yaml", "app.py")]
    fork.contents = {
        ("slo.yaml", BASE): 'thresholds: {http_req_duration: ["p(95)<200"]}',
        ("slo.yaml", HEAD): 'thresholds: {http_req_duration: ["p(95)<9000"]}',
    }
    upload(fork, passing)

    publish_run(9001, SETTINGS, environment(fork))

    (body,) = fork.written()
    assert "p(95)<200" in body
    assert "p(95)<9000" in body
    assert "app.py" not in body


def test_what_the_base_has_changed_since_is_not_the_pull_requests_doing(fork: StandIn, passing: RunReport) -> None:
    """The base was made stricter after the fork had left it; the pull request touches another objective."""
    start = "5" * 40
    fork.merge_base = start
    fork.files = [document("replies", "file") | {"filename": "slo.yaml"}]
    fork.contents = {
        ("slo.yaml", start): 'thresholds: {http_req_duration: ["p(95)<200", "p(99)<500"]}',
        ("slo.yaml", BASE): 'thresholds: {http_req_duration: ["p(95)<100", "p(99)<500"]}',
        ("slo.yaml", HEAD): 'thresholds: {http_req_duration: ["p(95)<200", "p(99)<900"]}',
    }
    upload(fork, passing)

    publish_run(9001, SETTINGS, environment(fork))

    (body,) = fork.written()
    assert "| `p(99)<500` | `p(99)<900` |" in body
    assert "p(95)<100" not in body


def test_a_legs_page_is_linked(fork: StandIn, passing: RunReport) -> None:
    """That of the same attempt, by the address that GitHub gives artifacts; one that has expired leads nowhere."""
    upload(fork, passing, "kindgate-report-a-1")
    upload(fork, passing, "kindgate-report-b-1")
    for name, expired in [("kindgate-page-a-2.html", False), ("kindgate-page-a-1.html", False), ("kindgate-page-b-1.html", True)]:
        fork.upload(name, b"<html>", expired=expired)

    publish_run(9001, SETTINGS, environment(fork))

    (body,) = fork.written()
    run = "https://github.com/acme/shop/actions/runs/9001"
    assert body.count("[HTML report]") == 1
    assert f"[HTML report]({run}/artifacts/4)" in body
    assert f"[re-run]({run}) · [artifacts]({run}#artifacts)" in body


def test_without_access_to_contents_the_files_are_still_named(fork: StandIn, passing: RunReport) -> None:
    """The publishing job may have no more than it needs; what is not known is said."""
    fork.files = [document("replies", "file") | {"filename": "slo.yaml"}]
    fork.fail("GET .*/contents/", Fault("read_only_token"))
    upload(fork, passing)

    (result,) = publish_run(9001, SETTINGS, environment(fork))

    assert "slo.yaml" in fork.written()[0]
    assert "thresholds are not known" in result.warnings[0]


@pytest.mark.parametrize(
    ("name", "size", "expired", "words"),
    [
        ("kindgate-report-e2e-1", ARCHIVE_LIMIT + 1, False, "bytes, more than"),
        ("kindgate-report-e2e-1", 10, True, "expired"),
        ("kindgate-report-e2e-2", 10, False, "has not had"),
    ],
)
def test_a_listed_artifact_is_refused_before_it_is_downloaded(fork: StandIn, name: str, size: int, *, expired: bool, words: str) -> None:
    """Name, size and age are in the listing."""
    fork.upload(name, b"x", size=size, expired=expired)

    with pytest.raises(PublishRefused, match=words):
        publish_run(9001, SETTINGS, environment(fork))

    assert fork.blob_headers == []
    assert fork.comments == []


@pytest.mark.parametrize(("count", "words"), [(21, "more than 20"), (301, "more than 300")])
def test_too_many_artifacts_are_refused_before_they_are_downloaded(fork: StandIn, count: int, words: str) -> None:
    """A matrix has a few legs."""
    for number in range(count):
        fork.upload(f"kindgate-report-leg{number}-1", b"x")

    with pytest.raises(GitHubError, match=words):
        publish_run(9001, SETTINGS, environment(fork))

    assert fork.blob_headers == []


def test_a_hostile_archive_posts_nothing(fork: StandIn) -> None:
    """The job ends with an exit code of its own."""
    fork.upload("kindgate-report-e2e-1", packed(("../../report.json", b"{}")))

    with pytest.raises(PublishRefused) as caught:
        publish_run(9001, SETTINGS, environment(fork))

    assert caught.value.exit_code == 24
    assert fork.comments == []


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
    """It stands in code, whatever field it is in: no line, link, mention or hidden character of it takes effect."""
    fork.run["conclusion"] = "failure"
    test = TestResult(node_id=name, outcome="failed", seconds=0.1, error=name, cause=name, details=name, bundle="")
    objective = failing.objectives[0].model_copy(update={"metric": name[:300], "expression": name, "explanation": name, "trend": name})
    upload(fork, failing.model_copy(update={"tests": (test,), "objectives": (objective,), "notes": (name,)}))

    publish_run(9001, SETTINGS, environment(fork))

    (body,) = fork.written()
    outside = without_code(body.split("\n", 1)[1])
    assert not set(body) & {"\u202e", "\u200b", "\u2066", "\x1b", "\x00", "\r"}
    for effect in ("evil.example", "@acme", "#1", "<img", "<h1", "<!--", "APPROVED", "::add-mask"):
        assert effect not in outside


def without_code(markdown: str) -> str:
    """Markdown without its code spans and fenced blocks, by CommonMark's rules on the length of backtick runs."""
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
    """A comment says how many it leaves out."""
    fork.run["conclusion"] = "failure"
    tests = tuple(TestResult(node_id=f"tests/x.py::test[{number}]", outcome="failed", seconds=0.1, error="no") for number in range(10_000))
    upload(fork, failing.model_copy(update={"tests": tests}))

    publish_run(9001, SETTINGS, environment(fork))

    (body,) = fork.written()
    assert len(body.encode()) <= 65_536
    assert "left out" in body


def test_a_flaky_github_is_asked_again(fork: StandIn, passing: RunReport) -> None:
    """Reads are tried again, the download too."""
    for request in ("GET .*/runs/9001$", "GET .*/zip", "GET .*/pulls[?]"):
        fork.fail(request, Fault("bad_gateway"))
    upload(fork, passing)

    (result,) = publish_run(9001, SETTINGS, environment(fork))

    assert result.line == "comment created on #17"


@pytest.mark.parametrize("variable", ["GITHUB_TOKEN", "GITHUB_REPOSITORY"])
def test_a_missing_variable_is_named(github: StandIn, variable: str) -> None:
    """Publishing is all this command does: without it, it fails."""
    with pytest.raises(GitHubError, match=variable):
        publish_run(9001, SETTINGS, environment(github) | {variable: ""})


def test_a_run_that_does_not_exist_is_an_error(github: StandIn) -> None:
    """The id is a mistake."""
    with pytest.raises(GitHubError, match="404"):
        publish_run(1, SETTINGS, environment(github))
