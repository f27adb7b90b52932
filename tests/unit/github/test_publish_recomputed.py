"""Publishing recomputes the verdict: forged verdicts and edited objectives or plans get the result of their figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kindgate.github.publication import Published, Request
from kindgate.github.suite_settings import Suite
from kindgate.model import Verdict
from kindgate.report.decision import Requirements
from kindgate.report.run_report import Outcome, RunReport, TestResult
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from tests.unit.github.standin import BASE, HEAD, Fault, StandIn
from tests.unit.github.test_commit_status import pushed, queue
from tests.unit.github.test_publish import publish, upload
from tests.unit.report.judged_runs import bursts_of, judged_run

pytestmark = pytest.mark.usefixtures("in_process")

START = "7" * 40
"""The commit where the pull request branched off main."""

PLAN = "bursts: {count: 10, rate: 200, duration: 2s}\n"
STRICT, LOOSE = (f"thresholds: {{http_req_duration: [p(95)<{limit}]}}\n{PLAN}" for limit in (40, 1000))
"""Objectives files for a service with a p(95) of about 80 ms."""

REQUEST = Request(9001, requirements=Requirements(objectives=True), suite=Suite("e2e", required=True))


def _run(limit: int, bursts: int = 10, **burst: Any) -> RunReport:
    report = judged_run(Objectives(parse_marker((f"p(95)<{limit}",))), bursts_of(**{"median": 50.0} | burst), bursts)
    return report.model_copy(update={"tests": (TestResult(node_id="test_slo", outcome="passed", seconds=1.0),)})


def _forged(report: RunReport) -> RunReport:
    rows = tuple(row.model_copy(update={"verdict": Verdict.PASS, "explanation": "PASS: all is well."}) for row in report.objectives)
    return report.model_copy(update={"outcome": Outcome.PASSED, "exit_code": 0, "objectives": rows})


def _base(github: StandIn, files: Mapping[str, str], now: Mapping[str, str] | None = None) -> None:
    """Set the files of main at the pull request's branch point and now."""
    github.merge_base = START
    for commit, base_files in ((START, files), (BASE, files if now is None else now)):
        github.contents |= {(f"e2e/{name}", commit): text for name, text in base_files.items()}


NAMED = {"pytest.ini": "[pytest]\nslo_file = own.yaml\n"}


def _published(github: StandIn, report: RunReport, request: Request = REQUEST) -> tuple[Published, str, dict[str, Any]]:
    """Publish a report whose run GitHub reports as successful, and return decision, comment and status."""
    upload(github, report)
    published = publish(github, request)
    ((commit, status),) = github.statuses
    assert commit == HEAD
    return published, github.written()[-1] if github.written() else "", status


def test_a_claimed_pass_with_failing_figures_is_published_as_a_fail(fork: StandIn) -> None:
    """A report that claims PASS over failing histograms is a FAIL in comment, status and exit code, with the objective."""
    published, comment, status = _published(fork, _forged(_run(40)))

    assert published.exit_code == 20
    first = comment.split("\n")[1]
    assert first.startswith("### ❌ FAIL")
    assert "p(95)<40 of http_req_duration" in first
    assert "may merge" not in comment
    assert (status["state"], status["context"]) == ("failure", "kindgate/verdict")
    assert "p(95)<40" in status["description"]


def test_an_honest_report_is_published_unchanged(fork: StandIn) -> None:
    """An honest report is unchanged when recomputed with its own objectives and main's identical ones."""
    _base(fork, NAMED | {"own.yaml": LOOSE})

    published, comment, status = _published(fork, _run(1000))

    assert (published.exit_code, status["state"]) == (0, "success")
    assert comment.split("\n")[1].startswith("### ✅ PASS")
    assert "objectives are those of `main`" in comment
    assert "consistent, not that it is honest" in comment


def test_edited_objectives_pass_but_fail_those_on_main(fork: StandIn) -> None:
    """The comment has both verdicts, and the status follows main's objectives file."""
    _base(fork, NAMED | {"own.yaml": STRICT})

    published, comment, status = _published(fork, _run(1000))

    assert (published.exit_code, status["state"]) == (20, "failure")
    assert "passes its own objectives but fails those of main: p(95)<40 of http_req_duration" in comment.split("\n")[1]
    assert "✅ PASS" in comment
    assert "❌ FAIL" in comment


def test_fewer_bursts_than_main_plans_cannot_pass(fork: StandIn) -> None:
    """A plan with fewer bursts than main's measures less, so it does not pass."""
    _base(fork, NAMED | {"own.yaml": LOOSE})

    published, comment, _ = _published(fork, _run(1000, bursts=3))

    assert published.exit_code == 20
    assert "main plans 10 bursts per look" in comment


def test_workflow_arguments_are_part_of_the_plan(fork: StandIn) -> None:
    """The workflow's extra arguments apply to main and to the pull request."""
    _base(fork, NAMED | {"own.yaml": LOOSE.replace(PLAN, "")})
    suite = Suite("e2e", "--slo-bursts 3 --load-rate=200", required=True)

    published, _, _ = _published(fork, _run(1000, bursts=3), Request(9001, suite=suite))

    assert published.exit_code == 0


def test_a_main_objective_without_data_fails_by_name(fork: StandIn) -> None:
    """A route that is no longer loaded does not meet its objective."""
    _base(fork, NAMED | {"own.yaml": LOOSE.replace("http_req_duration:", '"http_req_duration{host:gone.localhost}":')})

    published, comment, _ = _published(fork, _run(1000))

    assert published.exit_code == 20
    assert "http_req_duration{host:gone.localhost}" in comment.split("\n")[1]


@pytest.mark.parametrize(("earlier", "now", "code"), [(STRICT, LOOSE, 0), (LOOSE, STRICT, 0), (STRICT, STRICT, 20)])
def test_a_run_with_main_objectives_of_either_commit_counts_as_unedited(fork: StandIn, earlier: str, now: str, code: int) -> None:
    """GitHub merges with main as of the run, so matching either version of main is not an edit."""
    _base(fork, NAMED | {"own.yaml": earlier}, NAMED | {"own.yaml": now})

    published, _, _ = _published(fork, _run(1000))

    assert published.exit_code == code


UNREADABLE = {"objectives": {"own.yaml": "thresholds: ["}, "settings": {"pytest.ini": "[pytest]\nslo_bursts = many\n"}}


@pytest.mark.parametrize("base_files", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_base_blocks_the_merge(fork: StandIn, base_files: dict[str, str]) -> None:
    """Without the base, the required objectives are unknown."""
    _base(fork, NAMED | base_files)

    published, comment, _ = _published(fork, _run(1000))

    assert published.exit_code == 20
    assert "unreadable at 7777777777" in comment


def test_a_token_without_contents_permission_blocks_and_is_reported(fork: StandIn) -> None:
    """A private repository needs `contents: read`; main's objectives are not skipped."""
    _base(fork, NAMED | {"own.yaml": LOOSE})
    for _ in range(10):
        fork.fail("GET .*/contents/", Fault("read_only_token"))

    published, comment, _ = _published(fork, _run(1000))

    assert published.exit_code == 20
    assert "unreadable at 7777777777" in comment


def test_the_first_objectives_file_is_judged_alone(fork: StandIn) -> None:
    """Main has no objectives file yet, so the pull request's counts."""
    published, comment, _ = _published(fork, _run(1000))

    assert published.exit_code == 0
    assert "1 verdict recomputed from the report's figures, all as reported" in comment


def test_a_leg_without_required_objectives_may_omit_them(fork: StandIn) -> None:
    """A leg without objectives, such as a smoke leg, is accepted; a leg with some is checked against main's."""
    _base(fork, NAMED | {"own.yaml": STRICT})
    smoke = _run(1000).model_copy(update={"objectives": (), "judged": (), "figures": (), "bursts": ()})
    lax = Request(9001, suite=Suite("e2e"))

    assert _published(fork, smoke, lax)[0].exit_code == 0
    fork.statuses.clear()
    fork.artifacts.clear()
    assert _published(fork, _run(1000), lax)[0].exit_code == 20


@pytest.mark.parametrize(("demanded", "code"), [(LOOSE, 0), (STRICT, 20)])
def test_base_objectives_apply_to_a_merge_queue_entry(github: StandIn, demanded: str, code: int) -> None:
    """The base is the commit in the merge queue branch's name."""
    queue(github)
    _base(github, {}, NAMED | {"own.yaml": demanded})

    published, _, status = _published(github, _run(1000))

    assert (published.exit_code, status["state"]) == (code, "failure" if code else "success")


def test_a_push_is_judged_by_its_own_objectives(github: StandIn) -> None:
    """A push is already merged, so its own objectives count; its verdict is still recomputed."""
    pushed(github)
    _base(github, NAMED | {"own.yaml": STRICT})

    published, _, _ = _published(github, _run(1000))
    assert published.exit_code == 0
    github.statuses.clear()
    github.artifacts.clear()
    assert _published(github, _forged(_run(40)))[0].exit_code == 20


def test_a_maintainers_label_accepts_edited_objectives_for_that_commit(fork: StandIn) -> None:
    """The label was set after the push by a user with write access; the comment shows main's verdict and the approver."""
    _base(fork, NAMED | {"own.yaml": STRICT})
    fork.label("2026-09-20T10:20:00Z")

    published, comment, status = _published(fork, _run(1000))

    assert (published.exit_code, status["state"]) == (0, "success")
    assert "`maintainer` accepted them" in comment
    assert "❌ FAIL" in comment


def test_a_label_from_before_the_push_accepts_nothing(fork: StandIn) -> None:
    """The maintainer has not seen a commit pushed after the label."""
    _base(fork, NAMED | {"own.yaml": STRICT})
    fork.label("2026-09-20T09:59:00Z")

    assert _published(fork, _run(1000))[0].exit_code == 20


def test_no_label_accepts_a_forged_verdict(fork: StandIn) -> None:
    """An approval covers objectives, not a contradiction between verdict and figures."""
    fork.label("2026-09-20T10:20:00Z")

    assert _published(fork, _forged(_run(40)))[0].exit_code == 20
