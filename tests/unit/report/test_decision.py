"""Decisions from a report: mergeable or not, and the exit code, for every ending and every kind of false report."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.model import Verdict
from kindgate.report.decision import (
    Decision,
    Effect,
    Inconclusive,
    Requirements,
    RunIdentity,
    decide,
    effect_of,
    exit_code_of,
    no_verdict,
    outcome_of,
    untrusted,
    worst,
)
from kindgate.report.objective_records import ComparisonRow, ThresholdOutcome
from kindgate.report.run_report import Outcome, PullRequest, Run, RunReport, SetupError, TestResult

HEAD, OTHER = "a" * 40, "b" * 40
HARD = Requirements(tests=True, objectives=True)

TestOutcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]


def _test(outcome: TestOutcome = "passed", *, e2e: bool = True) -> TestResult:
    return TestResult(node_id="test_slo.py::test_slo", outcome=outcome, seconds=1.0, e2e=e2e)


def _objective(verdict: Verdict = Verdict.PASS) -> ThresholdOutcome:
    return ThresholdOutcome(metric="http_req_duration", expression="p(95)<50", verdict=verdict)


def _compared(verdict: Verdict = Verdict.PASS) -> ComparisonRow:
    return ComparisonRow(metric="p(95)", verdict=verdict)


def _report(
    outcome: Outcome = Outcome.PASSED,
    *tests: TestResult,
    objectives: tuple[ThresholdOutcome, ...] = (),
    comparison: tuple[ComparisonRow, ...] = (),
    exit_code: int = 0,
    setup_error: SetupError | None = None,
    record: PullRequest | None = None,
) -> RunReport:
    return RunReport(
        run=Run(id="r1", started=0.0, seconds=1.0),
        outcome=outcome,
        exit_code=exit_code,
        tests=tests,
        objectives=objectives,
        comparison=comparison,
        setup_error=setup_error,
        pull_request=record,
    )


def test_a_run_with_all_required_checks_may_merge() -> None:
    """A matrix job with a passed test and a met objective may merge."""
    decided = decide(_report(Outcome.PASSED, _test(), objectives=(_objective(),)), HARD)
    assert (decided.verdict, decided.may_merge, decided.exit_code) == ("PASS", True, 0)


@pytest.mark.parametrize(
    ("report", "requirements", "code"),
    [
        pytest.param(None, Requirements(), 28, id="no report"),
        pytest.param(_report(), Requirements(tests=False), 28, id="nothing at all"),
        pytest.param(_report(Outcome.PASSED, _test("skipped")), Requirements(), 28, id="all skipped"),
        pytest.param(_report(Outcome.PASSED, _test("xfailed")), Requirements(), 28, id="all xfailed"),
        pytest.param(_report(Outcome.PASSED, _test("xpassed")), Requirements(), 28, id="all xpassed"),
        pytest.param(_report(Outcome.PASSED, _test(e2e=False)), Requirements(), 28, id="another test passed"),
        pytest.param(_report(Outcome.PASSED, objectives=(_objective(),)), Requirements(), 28, id="objectives and no test"),
        pytest.param(_report(Outcome.PASSED, _test()), HARD, 28, id="a test and no objective"),
        pytest.param(_report(Outcome.PASSED, _test()), Requirements(comparison=True), 28, id="a test and no comparison"),
        pytest.param(_report(Outcome.NO_VERDICT, _test("skipped"), exit_code=28), Requirements(), 28, id="it says so itself"),
        pytest.param(_report(Outcome.INTERRUPTED, _test(), exit_code=2), Requirements(), 28, id="interrupted"),
        pytest.param(_report(Outcome.FAILED, _test("failed"), exit_code=1), Requirements(), 20, id="a failed test"),
        pytest.param(_report(Outcome.FAILED, _test(), exit_code=23), Requirements(), 20, id="an exit code"),
        pytest.param(_report(Outcome.INVALID, _test(), objectives=(_objective(Verdict.INVALID),)), HARD, 21, id="invalid"),
        pytest.param(
            _report(Outcome.SETUP_FAILED, setup_error=SetupError(phase="deploy", message="not ready"), exit_code=17),
            HARD,
            17,
            id="setup failed",
        ),
    ],
)
def test_a_missing_verdict_blocks_the_merge(report: RunReport | None, requirements: Requirements, code: int) -> None:
    """Every ending without a PASS has its exit code, and none may merge."""
    decided = decide(report, requirements)
    assert (decided.may_merge, decided.exit_code) == (False, code)


@pytest.mark.parametrize(
    "report",
    [
        _report(Outcome.PASSED, _test(), objectives=(_objective(Verdict.FAIL),)),
        _report(Outcome.PASSED, _test(), comparison=(_compared(Verdict.FAIL),)),
        _report(Outcome.PASSED, _test(), _test("failed")),
        _report(Outcome.INCONCLUSIVE, _test(), objectives=(_objective(Verdict.FAIL),)),
        _report(Outcome.PASSED, _test(), objectives=(_objective(),), exit_code=1),
    ],
)
def test_a_stated_outcome_does_not_override_worse_content(report: RunReport) -> None:
    """A report that claims PASS but contains a failure is a failure."""
    decided = decide(report)
    assert (decided.verdict, decided.may_merge) == ("FAIL", False)


def _any_report(
    outcome: Outcome, tests: list[TestOutcome], objectives: list[Verdict], comparison: list[Verdict], exit_code: int
) -> RunReport:
    rows = tuple(map(_objective, objectives)), tuple(map(_compared, comparison))
    return _report(outcome, *map(_test, tests), objectives=rows[0], comparison=rows[1], exit_code=exit_code)


@given(
    report=st.builds(
        _any_report,
        st.sampled_from(Outcome),
        st.lists(st.sampled_from(get_args(TestOutcome)), max_size=4),
        st.lists(st.sampled_from(Verdict), max_size=3),
        st.lists(st.sampled_from(Verdict), max_size=2),
        st.integers(0, 30),
    ),
    requirements=st.builds(Requirements, st.booleans(), st.booleans(), st.booleans(), st.sampled_from(("warn", "fail", "pass"))),
)
def test_only_a_fully_judged_run_without_failures_may_merge(report: RunReport, requirements: Requirements) -> None:
    """For any report, "may merge" is true if and only if the exit code is 0, and never with anything red in the report."""
    decided = decide(report, requirements)
    assert decided.may_merge == (decided.exit_code == 0)
    if decided.may_merge:
        assert report.outcome in {Outcome.PASSED, Outcome.INCONCLUSIVE}
        assert report.exit_code == 0
        verdicts = {*(one.verdict for one in report.objectives), *(row.verdict for row in report.comparison)}
        assert not {Verdict.FAIL, Verdict.INVALID} & verdicts
        assert not {"failed", "error"} & {test.outcome for test in report.tests}
        assert any(test.outcome == "passed" for test in report.tests) or not (requirements.tests or report.tests)
        assert report.objectives or not requirements.objectives
        assert report.comparison or not requirements.comparison
        assert report.tests or report.objectives or report.comparison


@pytest.mark.parametrize(("inconclusive", "merges"), [("warn", True), ("pass", True), ("fail", False)])
def test_an_inconclusive_objective_follows_the_option(inconclusive: Inconclusive, merges: bool) -> None:  # noqa: FBT001  # a parameter
    """INCONCLUSIVE keeps its name; only the option decides whether it is red."""
    decided = decide(
        _report(Outcome.INCONCLUSIVE, _test(), objectives=(_objective(Verdict.INCONCLUSIVE),)), Requirements(inconclusive=inconclusive)
    )
    assert (decided.verdict, decided.may_merge, decided.exit_code) == ("INCONCLUSIVE", merges, 0 if merges else 20)


def test_an_inconclusive_run_with_only_skipped_tests_does_not_merge() -> None:
    """INCONCLUSIVE is not a verdict by itself: without a passed test, nothing was judged."""
    skipped = _test().model_copy(update={"outcome": "skipped"})
    report = _report(Outcome.INCONCLUSIVE, skipped, objectives=(_objective(Verdict.INCONCLUSIVE),))
    decided = decide(report, Requirements(tests=False))
    assert (decided.verdict, decided.may_merge, decided.exit_code) == ("NO VERDICT", False, 28)


@pytest.mark.parametrize(
    ("run", "red"),
    [
        (RunIdentity(HEAD, 7, 2), False),
        (RunIdentity(), False),
        (RunIdentity(OTHER, 7, 2), True),
        (RunIdentity(HEAD, 8, 2), True),
        (RunIdentity(HEAD, 7, 1), True),
    ],
)
def test_a_report_of_another_run_is_untrusted(run: RunIdentity, red: bool) -> None:  # noqa: FBT001  # a parameter
    """Head, run and attempt are compared if they are known."""
    decided = decide(_report(Outcome.PASSED, _test(), record=PullRequest(head_sha=HEAD, run_id=7, attempt=2)), run=run)
    assert (decided.verdict == "UNTRUSTED", decided.exit_code) == (red, 24 if red else 0)


def test_a_report_without_a_commit_is_untrusted() -> None:
    """A report without an origin is not accepted for a known head commit."""
    assert decide(_report(Outcome.PASSED, _test()), run=RunIdentity(HEAD)).verdict == "UNTRUSTED"


@pytest.mark.parametrize(("conclusion", "red"), [("", False), ("success", False), ("failure", True), ("cancelled", True)])
def test_a_report_contradicting_its_run_is_untrusted(conclusion: str, red: bool) -> None:  # noqa: FBT001  # a parameter
    """A PASS from a run that GitHub reports as failed is not trusted."""
    decided = decide(_report(Outcome.PASSED, _test()), conclusion=conclusion)
    assert (decided.verdict == "UNTRUSTED", decided.may_merge) == (red, not red)


@pytest.mark.parametrize(("verdict", "inconclusive"), [*product(Verdict, get_args(Inconclusive))])
def test_test_and_command_agree_on_every_verdict(verdict: Verdict, inconclusive: Inconclusive) -> None:
    """Whatever fails a test fails a command, and FAIL and INVALID always fail both."""
    failing = effect_of(verdict, inconclusive) is Effect.FAIL
    assert (exit_code_of(verdict, inconclusive) != 0) == failing
    assert failing == (verdict in {Verdict.FAIL, Verdict.INVALID} or (verdict is Verdict.INCONCLUSIVE and inconclusive == "fail"))


PASS = Decision("PASS", may_merge=True, exit_code=0, reason="")
FAIL = Decision("FAIL", may_merge=False, exit_code=20, reason="")


@pytest.mark.parametrize(
    ("legs", "expected"),
    [
        ([PASS, PASS], lambda: PASS),
        ([PASS, FAIL], lambda: FAIL),
        ([FAIL, untrusted("why")], lambda: untrusted("why")),
        ([PASS, no_verdict("why")], lambda: no_verdict("why")),
    ],
)
def test_the_worst_leg_decides(legs: list[Decision], expected: Callable[[], Decision]) -> None:
    """One red matrix job makes the result red, with that job's exit code."""
    assert worst(legs) == expected()


def test_a_run_without_legs_may_not_merge() -> None:
    """An empty folder of reports yields no verdict."""
    assert worst([]).exit_code == 28


TEST = "test_slo.py::test_slo"


def _judged(verdict: Verdict) -> ThresholdOutcome:
    return ThresholdOutcome(metric="m", expression="rate<1", verdict=verdict, test=TEST)


def _result(outcome: TestOutcome, node_id: str = TEST) -> TestResult:
    return TestResult(node_id=node_id, outcome=outcome, seconds=1.0)


@pytest.mark.parametrize(
    ("tests", "verdicts", "exit_code", "expected"),
    [
        ([_result("passed")], [Verdict.PASS], 0, Outcome.PASSED),
        ([_result("failed")], [Verdict.FAIL], 1, Outcome.FAILED),
        ([_result("failed", "other")], [Verdict.PASS], 1, Outcome.FAILED),
        ([_result("failed")], [Verdict.INVALID, Verdict.PASS], 1, Outcome.INVALID),
        ([_result("failed")], [Verdict.INCONCLUSIVE], 1, Outcome.INCONCLUSIVE),
        ([_result("passed")], [Verdict.INCONCLUSIVE], 0, Outcome.INCONCLUSIVE),
        ([_result("error", "other")], [Verdict.INVALID], 1, Outcome.FAILED),
        ([_result("passed")], [], 1, Outcome.FAILED),
        ([_result("skipped"), _result("passed", "other")], [], 0, Outcome.PASSED),
        ([_result("skipped")], [], 0, Outcome.NO_VERDICT),
        ([_result("skipped")], [], 28, Outcome.NO_VERDICT),
        ([], [], 5, Outcome.NO_VERDICT),
        ([], [], 0, Outcome.NO_VERDICT),
        ([], [Verdict.PASS], 0, Outcome.PASSED),
    ],
)
def test_the_outcome_follows_from_tests_and_verdicts(
    tests: list[TestResult], verdicts: list[Verdict], exit_code: int, expected: Outcome
) -> None:
    """A test that failed because it got no verdict is not a failed objective."""
    objectives = [_judged(verdict) for verdict in verdicts]
    assert outcome_of(exit_code=exit_code, interrupted=False, setup_error=None, tests=tests, objectives=objectives) is expected


def test_setup_failure_and_interruption_take_precedence() -> None:
    """Errors in every test are a consequence of the setup failure, which is reported first."""
    error = SetupError(phase="deploy", message="no")
    errors = [_result("error")]
    assert outcome_of(exit_code=1, interrupted=False, setup_error=error, tests=errors, objectives=()) is Outcome.SETUP_FAILED
    assert outcome_of(exit_code=2, interrupted=True, setup_error=error, tests=errors, objectives=()) is Outcome.INTERRUPTED
