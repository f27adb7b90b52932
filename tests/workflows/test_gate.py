"""The gate set up by `kindgate init`, played as a whole: the required check is green only for a passing verdict."""

from __future__ import annotations

import functools

import pytest

from kindgate.model import Verdict
from kindgate.report.run_report import Outcome, RunReport
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from tests.player.hub import Played
from tests.unit.report.judged_runs import bursts_of, judged_run
from tests.workflows import shop as suites
from tests.workflows.shop import Prepare, Shop, judged, log_of

OBJECTIVES = Objectives(parse_marker(("http_req_duration: p(95)<500", "http_req_failed: rate<0.01")))
"""The objectives in the slo.yaml that `kindgate init` writes."""


@functools.cache
def honest(median: float) -> RunReport:
    """The report of a real run against an application with this median response time (ms)."""
    return judged_run(OBJECTIVES, bursts_of(median=median, size=600), 20)


def forged() -> RunReport:
    """A report that claims PASS over the histograms of a failed run."""
    report = honest(900.0)
    assert report.outcome is Outcome.FAILED
    objectives = tuple(one.model_copy(update={"verdict": Verdict.PASS, "measured": 12.0}) for one in report.objectives)
    tests = tuple(test.model_copy(update={"outcome": "passed"}) for test in report.tests)
    return report.model_copy(update={"outcome": Outcome.PASSED, "exit_code": 0, "objectives": objectives, "tests": tests})


@pytest.fixture(name="shop")
def _shop(prepared: Prepare) -> Shop:
    """A fresh repository after `kindgate init`, with the load changed to match `honest`."""
    shop = prepared()
    objectives = (shop.hub.work / "e2e/slo.yaml").read_text()
    assert "rate: 300\n  duration: 2s\n" in objectives
    shop.hub.commit({"e2e/slo.yaml": objectives.replace("rate: 300\n  duration: 2s\n", "rate: 200\n  duration: 3s\n")})
    return shop


def assert_blocked(shop: Shop, files: dict[str, str | None], *, fork: bool, author: str = "mona") -> Played:
    """Check that the pull request with `files` ends red in the status, the check and the comment."""
    head = shop.hub.commit(files, "faster")
    played = shop.hub.pull("faster", fork=fork, author=author)

    assert shop.status(head) in {"failure", "error"}, log_of(played)
    assert judged(played).result.checks["kindgate"] == "failure", log_of(played)
    assert played[-1].result.checks["publish / verdict"] == "failure", log_of(played)
    assert "may merge" not in shop.comment()
    assert head[:7] in shop.comment()
    return judged(played)


ATTACKS = {
    "skipped whole": suites.SKIPPED,
    "collects nothing": suites.EMPTY,
    "filtered out": suites.DESELECTED,
    "collected only": suites.COLLECTED_ONLY,
    "exits early": suites.EXITS_EARLY,
    "judges nothing": suites.PASSES_WITHOUT_JUDGING,
    "uploads junk": suites.JUNK,
}


@pytest.mark.parametrize("fork", [False, True], ids=["same repository", "fork"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_suite_without_a_verdict_blocks_the_merge(shop: Shop, attack: str, *, fork: bool) -> None:
    """A suite without a verdict is red, whether by accident or on purpose."""
    assert_blocked(shop, dict(ATTACKS[attack]), fork=fork)


@pytest.mark.parametrize("fork", [False, True], ids=["same repository", "fork"])
def test_a_suite_that_overwrites_the_judge_blocks_the_merge(shop: Shop, *, fork: bool) -> None:
    """A suite that alters its own job's programs and leaves a process to forge the report fails: other jobs have their own programs."""
    checks = assert_blocked(shop, dict(suites.overwriting(forged())), fork=fork).result.checks

    assert (checks["e2e / e2e"], checks["e2e / e2e verdict"]) == ("success", "failure")


@pytest.mark.parametrize("fork", [False, True], ids=["same repository", "fork"])
def test_a_forged_report_is_a_fail(shop: Shop, *, fork: bool) -> None:
    """The verdict is recomputed from the histograms: comment, status and exit code are FAIL, whatever the report claims."""
    assert_blocked(shop, dict(suites.with_report(forged())), fork=fork)

    assert "FAIL" in shop.comment().splitlines()[1]


@pytest.mark.parametrize("fork", [False, True], ids=["same repository", "fork"])
def test_easier_objectives_of_a_pull_request_do_not_count(shop: Shop, *, fork: bool) -> None:
    """The run meets its own objectives, but is held to the base branch's, using the same figures."""
    easier = Objectives(parse_marker(("http_req_duration: p(95)<5000", "http_req_failed: rate<0.01")))
    report = judged_run(easier, bursts_of(median=900.0, size=600), 20)
    assert report.outcome is Outcome.PASSED
    objectives = (shop.hub.work / "e2e/slo.yaml").read_text().replace("p(95)<500", "p(95)<5000")

    head = shop.hub.commit({**suites.with_report(report), "e2e/slo.yaml": objectives}, "faster")
    played = shop.hub.pull("faster", fork=fork)

    assert judged(played).result.checks["kindgate"] == "success", log_of(played)
    assert shop.status(head) == "failure", log_of(played)
    assert "FAIL" in shop.comment().splitlines()[1]


@pytest.mark.parametrize("author", ["mona", "dependabot[bot]"])
@pytest.mark.parametrize("fork", [False, True], ids=["same repository", "fork"])
def test_a_passing_run_may_merge(shop: Shop, author: str, *, fork: bool) -> None:
    """A passing run is green in the status, the check and the comment."""
    head = shop.hub.commit(dict(suites.with_report(honest(20.0))), "faster")
    played = shop.hub.pull("faster", fork=fork, author=author)

    assert shop.status(head) == "success", log_of(played)
    assert judged(played).result.conclusion == "success", log_of(played)
    assert "PASS" in shop.comment()


@pytest.mark.parametrize("event", ["push", "merge_group"])
def test_pushes_and_merge_groups_get_a_status(shop: Shop, event: str) -> None:
    """The required status is set even without a pull request to comment on."""
    passing, failing = (dict(suites.with_report(honest(median))) for median in (20.0, 900.0))
    states = []
    for files in (passing, failing):
        if event == "push":
            shop.hub.commit(files)
            played = shop.hub.push()
        else:
            shop.hub.commit(files, "faster")
            played = shop.hub.queue("faster")
        states.append(shop.status(judged(played).head))

    assert states == ["success", "failure"], log_of(played)


@pytest.mark.parametrize("fork", [False, True], ids=["same repository", "fork"])
@pytest.mark.parametrize("second", ["nothing", "junk", "cancelled"])
def test_a_second_push_without_a_report_replaces_the_first_pass(shop: Shop, second: str, *, fork: bool) -> None:
    """The comment shows the new head and no longer the first pass."""
    first = shop.hub.commit(dict(suites.with_report(honest(20.0))), "faster")
    shop.hub.pull("faster", fork=fork)
    assert shop.status(first) == "success"

    files = suites.JUNK if second == "junk" else suites.EXITS_EARLY
    head = shop.hub.commit(dict(files), "faster")
    cancel_at = "e2e / e2e / Judge the application" if second == "cancelled" else ""
    played = shop.hub.pull("faster", fork=fork, cancel_at=cancel_at)

    assert judged(played).result.conclusion == ("cancelled" if cancel_at else "failure"), log_of(played)
    assert shop.status(head) in {"failure", "error"}, log_of(played)
    assert head[:7] in shop.comment()
    assert first[:7] not in shop.comment()
    assert "PASS" not in shop.comment()


def test_a_replaced_workflow_proves_nothing(shop: Shop) -> None:
    """The pull request's own job with the required name is green, but the status is not."""
    replaced_workflow = (
        "name: kindgate\non: pull_request\npermissions: {}\njobs:\n  kindgate:\n    name: kindgate\n    runs-on: ubuntu-24.04\n"
        "    permissions: {}\n    steps: [{name: lie, run: 'true'}]\n"
    )
    head = shop.hub.commit({".github/workflows/kindgate.yml": replaced_workflow}, "faster")
    played = shop.hub.pull("faster")

    assert judged(played).result.checks == {"kindgate": "success"}
    assert shop.status(head) in {"failure", "error"}, log_of(played)
    assert "UNTRUSTED" in shop.comment() or "no verdict" in shop.comment().lower()


def test_a_pending_status_precedes_the_run(shop: Shop) -> None:
    """The default branch's workflow sets the pending status, so a run that never ends leaves no stale green."""
    head = shop.hub.commit(dict(suites.with_report(honest(20.0))), "faster")
    shop.hub.pull("faster")

    assert shop.states(head) == ["pending", "success"]


@pytest.mark.parametrize("fork", [False, True], ids=["same repository", "fork"])
def test_no_job_that_runs_a_pull_requests_code_can_write(shop: Shop, *, fork: bool) -> None:
    """No job of that run has write permission; jobs that can write run no code of the pull request."""
    shop.hub.commit(dict(suites.EXITS_EARLY), "faster")
    played = shop.hub.pull("faster", fork=fork)

    granted = {job.name: job.permissions for one in played if one.event != "workflow_run" for job in one.result.jobs}
    assert granted
    assert {name: levels for name, levels in granted.items() if "write" in levels.values()} == {}
