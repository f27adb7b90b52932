"""The whole smoke run, started as `make github-smoke` does, on a stand-in for GitHub."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.errors import GitHubRefused, SettingsError
from kindgate.waiting import Deadline
from tests.tools.github_smoke.__main__ import main
from tests.tools.github_smoke.claims import CLAIMS, FORGED, findings
from tests.tools.github_smoke.evidence import State
from tests.tools.github_smoke.observe import PUBLISHING_SECONDS
from tests.tools.github_smoke.rest import Rest
from tests.tools.github_smoke.scratch import Place
from tests.tools.github_smoke.session import Names, Session
from tests.unit.github.standin import BOT, HEAD, REPOSITORY, TOKEN, serving
from tests.unit.tools.github_smoke.smoke_standin import FORK, ROOT, SmokeStandIn

WRITES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(name="github")
def _github() -> Iterator[SmokeStandIn]:
    with serving(SmokeStandIn()) as standin:
        yield standin


def smoked(github: SmokeStandIn, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, str]]:
    """Return the exit code and the state of each claim."""
    code = main([REPOSITORY, "--yes", *arguments], {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url})
    states = "|".join(State)
    return code, {text: state for state, text in re.findall(rf"^({states}) +(.+)$", capsys.readouterr().out, re.MULTILINE)}


def left_behind(github: SmokeStandIn) -> list[object]:
    """Return whatever a smoke run created but did not remove."""
    return [*github.branches, *github.rulesets, *github.analyses, *(pull for pull in github.others if pull["state"] == "open")]


def test_every_row_of_the_page_is_a_claim() -> None:
    """The order is the same: docs/unproven.md lists the claims, and the smoke run reports on them."""
    page = (ROOT / "docs" / "unproven.md").read_text()

    assert [claim.text for claim in CLAIMS] == re.findall(r"^\| (?!Claim|---)(.+?) \|", page, re.MULTILINE)


def test_each_claim_gets_a_finding(github: SmokeStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything a program can check is proven; for the rest the user is told where to look or why it was not shown."""
    code, states = smoked(github, capsys, "--fork", FORK)

    assert code == 0
    assert list(states) == [claim.text for claim in CLAIMS]
    by_state = {state: [text[:24] for text, found in states.items() if found == state] for state in State}
    assert by_state[State.REFUTED] == []
    assert by_state[State.NOT_SHOWN] == [
        "`requested` fires for ev",
        "A label publishes again,",
        "A run that waits for app",
        "Dependabot's pull reques",
        "A sealed run can fetch t",
        "A release is attested an",
        "Two edits in the same se",
    ]
    assert by_state[State.LOOK] == [
        "The mermaid chart is ren",
        "The HTML report opens in",
        "The job summary is shown",
        "The merge queue waits fo",
    ]


def test_everything_is_removed_and_nothing_else_was_touched(github: SmokeStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the named repositories are written to, and there only objects named after the smoke run."""
    github.add_comment("a person's comment")

    smoked(github, capsys, "--fork", FORK)

    assert left_behind(github) == []
    assert [pull["number"] for pull in github.others] == [100, 101, 102]
    assert github.written("mona") == ["a person's comment"]
    written = [request.split(" ")[1] for request in github.requests if request.startswith(WRITES)]
    assert {path.removeprefix("/api/v3/repos/").split("/")[0] for path in written} == {"acme", "mona"}
    assert all(path.startswith((f"/api/v3/repos/{REPOSITORY}/", f"/api/v3/repos/{FORK}/")) for path in written)


def test_what_was_made_is_removed_after_a_failure_too(github: SmokeStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """Here the second pull request cannot be opened."""
    github.refuses = ("PUT /api/v3/repos/acme/shop/contents/tests",)

    with pytest.raises(GitHubRefused, match="Resource not accessible"):
        smoked(github, capsys)

    assert github.files_written
    assert left_behind(github) == []


def test_what_cannot_be_removed_is_told(github: SmokeStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """The user must remove it."""
    github.refuses = ("DELETE /api/v3/repos/acme/shop/git",)

    main([REPOSITORY, "--yes"], {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url})

    told = re.findall(r"COULD NOT REMOVE branch (\S+) of acme/shop", capsys.readouterr().err)
    assert sorted(told) == sorted(name for _, name in github.branches)
    assert github.rulesets == {}


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({"forges": True}, "Ten annotations"),
        ({"renders": '<a class="user-mention" href="https://github.com/mona">@mona</a>'}, "Text in code spans"),
        ({"renders": '<a href="https://example.com">x</a>'}, "Text in code spans"),
        ({"renders": "<pre>xychart-beta</pre>"}, "The mermaid chart"),
        ({"author": "shop-app[bot]"}, "The comment is written as"),
    ],
)
def test_what_github_does_otherwise_refutes_its_claim(
    github: SmokeStandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, change: dict[str, object], claim: str
) -> None:
    """The command exits with 1."""
    add_comment = github.add_comment
    for name, value in change.items():
        setattr(github, name, value)
    monkeypatch.setattr(
        github, "add_comment", lambda body, author, pull=17: add_comment(body, github.author if author == BOT else author, pull)
    )

    code, states = smoked(github, capsys)

    assert code == 1
    assert State.REFUTED in [state for text, state in states.items() if text.startswith(claim)]
    assert left_behind(github) == []


@pytest.mark.parametrize("refused", ["POST /api/v3/repos/acme/shop/rulesets", "POST /api/v3/repos/acme/shop/code-scanning"])
def test_what_the_token_may_not_do_is_not_shown(github: SmokeStandIn, capsys: pytest.CaptureFixture[str], refused: str) -> None:
    """A ruleset needs an administrator, and code scanning needs a public repository; lacking either is not an error."""
    github.refuses = (refused,)

    code, states = smoked(github, capsys)

    claim = "The merge queue waits for `kindgate/verdict`" if "rulesets" in refused else "Code scanning accepts the SARIF"
    assert (code, states[claim]) == (0, State.NOT_SHOWN)


def test_a_forks_run_that_waits_for_approval_is_told(github: SmokeStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub requires approval for a first contribution."""
    github.fork_conclusion = "action_required"

    _, states = smoked(github, capsys, "--fork", FORK)

    assert [state for text, state in states.items() if text.startswith("A run that waits for approval")] == [State.LOOK]


def test_a_publishing_workflow_that_never_runs_is_not_waited_for_long(github: SmokeStandIn) -> None:
    """After a quarter of an hour per pull request, the claim is refuted."""
    github.publishes = False
    waits: list[float] = []
    deadline = Deadline.after(7200, lambda: sum(waits))

    with Rest(github.url, TOKEN) as rest:
        place = Place(REPOSITORY, "main", HEAD)
        evidence = Session(rest, place, Names("1"), FORK, "mona", lambda _: None, deadline, waits.append).gather()

    assert sum(waits) == 3 * PUBLISHING_SECONDS
    assert [finding.state for claim, finding in findings(evidence) if claim.text.startswith("`publish report`")] == [State.REFUTED]
    assert left_behind(github) == []


def test_a_pull_request_of_dependabots_is_looked_at(github: SmokeStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """Only Dependabot can open one; an existing one has exactly one comment."""
    pull = json.loads(json.dumps(github.pull)) | {"number": 50, "state": "open", "mergeable_state": "clean"}
    github.others.append(pull | {"user": {"login": "dependabot[bot]"}})
    github.add_comment(f"<!-- kindgate:e2e v1 head={HEAD} run=1 attempt=1 digest={'a' * 16} -->", BOT, 50)
    github.comments[-1]["body_html"] = ""

    _, states = smoked(github, capsys)

    assert states["Dependabot's pull requests get their comment"] == State.PROVEN
    assert github.others[0]["state"] == "open"


def test_the_failing_suite_forges_and_is_a_suite(
    github: SmokeStandIn, capsys: pytest.CaptureFixture[str], pytester: pytest.Pytester
) -> None:
    """Its tests fail under names with active markup, and print an annotation."""
    smoked(github, capsys)
    (text,) = [text for path, text in github.files_written if path.startswith("tests/e2e/")]
    pytester.makepyfile(test_smoke=text.replace("range(3000)", "range(2)"))
    pytester.makeini("[pytest]\naddopts = -p no:locust\nmarkers = e2e: x\n")

    result = pytester.runpytest_subprocess("-m", "e2e", "-p", "no:kindgate.plugin")

    result.assert_outcomes(failed=3)
    assert f"::error::{FORGED}" in result.stdout.str()
    assert "@mona #1 https://example.com" in result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        ([], {"GITHUB_TOKEN": TOKEN}, "REPO=: is no repository"),
        (["https://github.com/acme/shop"], {"GITHUB_TOKEN": TOKEN}, "is no repository"),
        ([REPOSITORY], {}, "GITHUB_TOKEN is not set"),
        ([REPOSITORY, "--fork", "mona"], {"GITHUB_TOKEN": TOKEN}, "FORK=mona"),
    ],
)
def test_it_refuses_without_repository_and_token(arguments: list[str], environment: dict[str, str], words: str) -> None:
    """The error comes before any request to GitHub."""
    with pytest.raises(SettingsError, match=words):
        main(arguments, environment | {"GITHUB_API_URL": "http://127.0.0.1:9"})


@pytest.mark.parametrize(("change", "words"), [({"archived": True}, "archived"), ({"behind": "ci.yml"}, "ci.yml differs on main")])
def test_a_repository_that_is_not_fit_is_refused(
    github: SmokeStandIn, capsys: pytest.CaptureFixture[str], change: dict[str, object], words: str
) -> None:
    """Its default branch must have this checkout's workflows; otherwise nothing is created."""
    for name, value in change.items():
        setattr(github, name, value)

    with pytest.raises(SettingsError, match=words):
        smoked(github, capsys)

    assert not any(request.startswith(WRITES) for request in github.requests)


def test_it_says_what_it_will_do_and_waits_for_a_person(github: SmokeStandIn) -> None:
    """Started as in the Makefile without a terminal, it creates nothing and says how to continue."""
    command = (ROOT / "Makefile").read_text().split("github-smoke:")[1].split("\n")[1]
    assert "-m tests.tools.github_smoke" in command
    done = subprocess.run(
        [sys.executable, "-m", "tests.tools.github_smoke", REPOSITORY],
        cwd=ROOT,
        env={"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url, "PATH": str(Path(sys.executable).parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == SettingsError.exit_code
    assert "ARGS=--yes" in done.stderr
    assert re.findall(r"^\d\. (\w+)", done.stdout, re.MULTILINE) == ["make", "make", "open", "upload", "wait", "close"]
    assert not any(request.startswith(WRITES) for request in github.requests)
