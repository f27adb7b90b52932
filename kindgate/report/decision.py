"""The effect of verdicts, in one place: whether a test fails, a command's exit code, and whether a change may merge.

pytest, the command line, the comment, `kindgate verify` and the publisher all use this module. Reports are not trusted:
a report's stated outcome counts only if its content is not worse.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kindgate.errors import NoVerdict, PublishRefused, VerdictFailed, VerdictInvalid
from kindgate.model import Verdict
from kindgate.report.answer_records import AnswersRow, judged_rows
from kindgate.report.objective_records import ComparisonRow, ThresholdOutcome
from kindgate.report.policy_records import PolicyRow, policy_rows
from kindgate.report.recomputation import BaseVerdict, Recomputation, RecomputedVerdict
from kindgate.report.run_report import Outcome, RunReport, SetupError, TestResult
from kindgate.report.scenario_records import ScenarioObjective, scenario_objectives
from kindgate.report.units import plural

Inconclusive = Literal["warn", "fail", "pass"]
"""The values of --slo-inconclusive."""

JudgedRow = ThresholdOutcome | ComparisonRow | AnswersRow | ScenarioObjective | PolicyRow
"""A row of a report that can have a verdict."""

_PYTEST_OK, _PYTEST_NO_TESTS = 0, 5
"""pytest's exit codes for a run without failed tests, and for one that selected no tests."""


class Effect(enum.Enum):
    """The effect of a verdict on the test or the command that requested it."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Requirements:
    """Checks that a leg must have, and how its INCONCLUSIVE objectives are treated.

    `tests` requires at least one passed e2e test, `objectives` at least one judged threshold, and `comparison` at least one
    figure of the comparison with a verdict. Regardless of these, a report that judged nothing is NO VERDICT.
    """

    tests: bool = True
    objectives: bool = False
    comparison: bool = False
    inconclusive: Inconclusive = "warn"


NO_REQUIREMENTS = Requirements(tests=False)
"""For a reader that does not know a leg's required checks: anything must have been judged."""


@dataclass(frozen=True)
class RunIdentity:
    """The run that a report must belong to, according to GitHub; empty or None fields are not compared."""

    head_sha: str = ""
    run_id: int | None = None
    attempt: int | None = None


ANY_RUN = RunIdentity()


@dataclass(frozen=True)
class Decision:
    """The decision about a report: verdict word, whether the change may merge, exit code, and a one-line reason.

    `reason` may contain untrusted text, which must be escaped for display. `recomputed` is whether the decision comes from
    recomputing the report.
    """

    verdict: str
    may_merge: bool
    exit_code: int
    reason: str
    recomputed: bool = False


VERDICT_WORDS: Mapping[Outcome, str] = {
    Outcome.PASSED: "PASS",
    Outcome.FAILED: "FAIL",
    Outcome.INCONCLUSIVE: "INCONCLUSIVE",
    Outcome.INVALID: "INVALID",
    Outcome.SETUP_FAILED: "SETUP FAILED",
    Outcome.INTERRUPTED: "INTERRUPTED",
    Outcome.NO_VERDICT: "NO VERDICT",
}

UNTRUSTED = "UNTRUSTED"

_BASE_WORST_FIRST = (Verdict.FAIL, None, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.PASS)
_OUTCOME_OF = {
    Verdict.FAIL: Outcome.FAILED,
    None: Outcome.FAILED,
    Verdict.INVALID: Outcome.INVALID,
    Verdict.INCONCLUSIVE: Outcome.INCONCLUSIVE,
}
"""The run's outcome for a row of the base's objectives; None is an objective that was not judged."""

_OUTCOMES = {word: outcome for outcome, word in VERDICT_WORDS.items()}

WORST_FIRST = (
    Outcome.SETUP_FAILED,
    Outcome.FAILED,
    Outcome.INVALID,
    Outcome.INTERRUPTED,
    Outcome.NO_VERDICT,
    Outcome.INCONCLUSIVE,
    Outcome.PASSED,
)
"""The outcomes, most severe first."""


def outcome_named(verdict: str) -> Outcome | None:
    """The outcome for a decision's verdict word; None for UNTRUSTED."""
    return _OUTCOMES.get(verdict)


def effect_of(verdict: Verdict, inconclusive: Inconclusive) -> Effect:
    """The effect of a verdict: FAIL and INVALID fail, INCONCLUSIVE acts according to --slo-inconclusive."""
    if verdict is Verdict.INCONCLUSIVE:
        return Effect(inconclusive)
    return Effect.PASS if verdict is Verdict.PASS else Effect.FAIL


def exit_code_of(verdict: Verdict, inconclusive: Inconclusive) -> int:
    """Exit code of a command that judged: 0, 20 for a missed objective, 21 for an invalid measurement."""
    if effect_of(verdict, inconclusive) is not Effect.FAIL:
        return 0
    return VerdictInvalid.exit_code if verdict is Verdict.INVALID else VerdictFailed.exit_code


def outcome_of(
    *,
    exit_code: int,
    interrupted: bool,
    setup_error: SetupError | None,
    tests: Iterable[TestResult],
    objectives: Sequence[JudgedRow],
) -> Outcome:
    """The outcome of a run. A test that failed because its objective is INCONCLUSIVE or INVALID is not a FAIL.

    A run without a passed e2e test is not a PASS, whatever its exit code; one without any tests (`kindgate run`) depends on
    its objectives.
    """
    results = tuple(tests)
    verdicts = {objective.verdict for objective in objectives}
    unresolved = {one.test for one in objectives if one.verdict in {Verdict.INVALID, Verdict.INCONCLUSIVE}}
    test_failed = any(test.outcome in {"failed", "error"} and test.node_id not in unresolved for test in results)
    judged = passed_tests(results) > 0 if results else bool(objectives)
    conditions = {
        Outcome.INTERRUPTED: interrupted,
        Outcome.SETUP_FAILED: setup_error is not None and not objectives,
        Outcome.FAILED: Verdict.FAIL in verdicts or test_failed,
        Outcome.INVALID: Verdict.INVALID in verdicts,
        Outcome.INCONCLUSIVE: Verdict.INCONCLUSIVE in verdicts,
        Outcome.NO_VERDICT: not judged and exit_code in {_PYTEST_OK, _PYTEST_NO_TESTS, NoVerdict.exit_code},
        Outcome.PASSED: exit_code == 0,
    }
    return next((outcome for outcome, applies in conditions.items() if applies), Outcome.FAILED)


def passed_tests(tests: Iterable[TestResult]) -> int:
    """Number of passed e2e tests."""
    return sum(test.outcome == "passed" and test.e2e for test in tests)


def decide(
    report: RunReport | None, requirements: Requirements = NO_REQUIREMENTS, run: RunIdentity = ANY_RUN, *, conclusion: str = ""
) -> Decision:
    """Decide about `report`; None is a missing report.

    `run` is the run it must belong to, and `conclusion` is GitHub's conclusion for that run (`success`, `failure`, ...): a
    report that disagrees with either is UNTRUSTED. In a recomputed report, a claim that its figures refute is a FAIL or
    UNTRUSTED, and a run that passes its own objectives must also pass those of the base branch.
    """
    if report is None:
        return no_verdict("no report was found")
    if disagreement := _disagreement(report, run):
        return untrusted(disagreement)
    recomputation = report.recomputation or Recomputation()
    if recomputation.contradicted:
        return _refuted(recomputation.contradicted)
    own_decision = _decision_of_content(report, NO_REQUIREMENTS)
    if conclusion and own_decision.may_merge != (conclusion == "success") and own_decision.verdict != VERDICT_WORDS[Outcome.NO_VERDICT]:
        return untrusted(f"the report claims {own_decision.verdict}, but the run itself ended with {conclusion}")
    if recomputation.base is None:
        return _decision_of_content(report, requirements)
    if recomputation.base.counts and recomputation.base.strict:
        requirements = replace(requirements, inconclusive="fail")
    return _with_base_verdict(_decision_of_content(report, requirements), recomputation.base, requirements)


def no_verdict(reason: str) -> Decision:
    """The decision if nothing was judged, or nothing is known about it."""
    return Decision(VERDICT_WORDS[Outcome.NO_VERDICT], may_merge=False, exit_code=NoVerdict.exit_code, reason=reason)


def untrusted(reason: str) -> Decision:
    """The decision about a report that contradicts independent facts."""
    return Decision(UNTRUSTED, may_merge=False, exit_code=PublishRefused.exit_code, reason=reason)


def worst(decisions: Iterable[Decision]) -> Decision:
    """The worst decision of several legs; without any, NO VERDICT."""
    return min(decisions, key=badness, default=no_verdict("no report was found"))


def badness(decision: Decision) -> tuple[bool, int]:
    """Sort key for decisions, worst first."""
    outcome = outcome_named(decision.verdict)
    return decision.may_merge, -1 if outcome is None else WORST_FIRST.index(outcome)


def _disagreement(report: RunReport, run: RunIdentity) -> str:
    """How the report contradicts `run`; empty if it does not."""
    record = report.pull_request
    head, run_id, attempt = (record.head_sha, record.run_id, record.attempt) if record is not None else ("", None, None)
    if run.head_sha and head != run.head_sha:
        return f"the report is for commit {head[:10] or 'unknown'}, not for {run.head_sha[:10]}"
    if run.run_id is not None and run_id != run.run_id:
        return f"the report is for run {run_id or 'unknown'}, not for {run.run_id}"
    if run.attempt is not None and attempt != run.attempt:
        return f"the report is for attempt {attempt or 'unknown'}, not for {run.attempt}"
    return ""


def _refuted(contradicted: Sequence[RecomputedVerdict]) -> Decision:
    """The decision about a report whose figures contradict its claims."""
    first = next((claim for claim in contradicted if claim.verdict is Verdict.FAIL), contradicted[0])
    claimed = f"claims {first.claimed} for" if first.claimed else "omits"
    result = f"give {first.verdict}" if first.verdict else f"cannot be recomputed: {first.reason}"
    more = f"; {plural(len(contradicted) - 1, 'more claim')} also contradicted" if len(contradicted) > 1 else ""
    reason = f"the report {claimed} {first.objective}, but its figures {result}{more}"
    if first.verdict is Verdict.FAIL:
        return Decision(VERDICT_WORDS[Outcome.FAILED], may_merge=False, exit_code=VerdictFailed.exit_code, reason=reason, recomputed=True)
    return replace(untrusted(reason), recomputed=True)


def _with_base_verdict(decision: Decision, base: BaseVerdict, requirements: Requirements) -> Decision:
    """Apply the base branch's objectives to a run that may merge by its own."""
    if not (decision.may_merge and base.counts and base.rows):
        return decision
    row = min(base.rows, key=lambda one: _BASE_WORST_FIRST.index(one.verdict))
    if row.verdict is Verdict.PASS:
        return decision
    prefix = "passes its own objectives" if decision.verdict == VERDICT_WORDS[Outcome.PASSED] else "misses none of its own objectives"
    effect = Effect.FAIL if row.verdict is None else effect_of(row.verdict, requirements.inconclusive)
    code = exit_code_of(row.verdict or Verdict.FAIL, requirements.inconclusive)
    word = VERDICT_WORDS[_OUTCOME_OF[row.verdict]]
    clause = {
        Verdict.FAIL: f"fails those of {base.branch}: {row.objective}",
        Verdict.INVALID: f"cannot be judged by those of {base.branch}: {row.objective}",
        Verdict.INCONCLUSIVE: f"cannot be decided by those of {base.branch}: {row.objective}",
        None: f"was not judged by all of {base.branch}: {row.objective}: {row.reason}",
    }[row.verdict]
    return Decision(word, effect is not Effect.FAIL, code, f"{prefix} but {clause}", recomputed=True)


def _decision_of_content(report: RunReport, requirements: Requirements) -> Decision:
    outcome = _worst_outcome(report)
    if outcome not in {Outcome.PASSED, Outcome.INCONCLUSIVE}:
        return Decision(VERDICT_WORDS[outcome], may_merge=False, exit_code=_exit_code(outcome, report), reason=_reason(outcome, report))
    if missing := _missing_check(report, requirements):
        return no_verdict(missing)
    verdict = Verdict.INCONCLUSIVE if outcome is Outcome.INCONCLUSIVE else Verdict.PASS
    failed = effect_of(verdict, requirements.inconclusive) is Effect.FAIL or report.exit_code != 0
    if not failed and report.tests and not passed_tests(report.tests):
        return no_verdict("no e2e test passed")
    return Decision(VERDICT_WORDS[outcome], not failed, VerdictFailed.exit_code if failed else 0, _reason(outcome, report))


def _worst_outcome(report: RunReport) -> Outcome:
    """The run's outcome: the report's stated one, or that of its content if worse."""
    content = outcome_of(
        exit_code=report.exit_code,
        interrupted=report.outcome is Outcome.INTERRUPTED,
        setup_error=report.setup_error,
        tests=report.tests,
        objectives=_judged(report),
    )
    return min(report.outcome, content, key=WORST_FIRST.index)


def _judged(report: RunReport) -> tuple[JudgedRow, ...]:
    """All rows of a report with a verdict."""
    answers, scenarios = judged_rows(report.answers), scenario_objectives(report.scenarios)
    return (*report.objectives, *report.comparison, *answers, *scenarios, *policy_rows(report.policy))


def _missing_check(report: RunReport, requirements: Requirements) -> str:
    """The first required check that the leg lacks; empty if none."""
    if requirements.tests and not passed_tests(report.tests):
        return "no e2e test passed"
    if requirements.objectives and not report.objectives:
        return "no objective was judged"
    if requirements.comparison and not report.comparison:
        return "nothing was compared with the baseline"
    return ""


def _exit_code(outcome: Outcome, report: RunReport) -> int:
    fixed = {
        Outcome.FAILED: VerdictFailed.exit_code,
        Outcome.INVALID: VerdictInvalid.exit_code,
        Outcome.INTERRUPTED: NoVerdict.exit_code,
        Outcome.NO_VERDICT: NoVerdict.exit_code,
    }
    return fixed.get(outcome) or report.exit_code or NoVerdict.exit_code


def _reason(outcome: Outcome, report: RunReport) -> str:
    """The one-line reason for the outcome."""
    rows = _judged(report)
    error = report.setup_error
    reasons = {
        Outcome.SETUP_FAILED: f"in phase {error.phase}: {error.message}" if error is not None else "nothing was judged",
        Outcome.FAILED: _failure_reason(report),
        Outcome.INVALID: "the measurement cannot be trusted",
        Outcome.INTERRUPTED: "the run was stopped before it reached a verdict",
        Outcome.NO_VERDICT: "no e2e test passed",
        Outcome.INCONCLUSIVE: _inconclusive_reason(report),
        Outcome.PASSED: f"{plural(passed_tests(report.tests), 'test')} passed, {plural(len(rows), 'objective')} met",
    }
    return reasons[outcome]


def _inconclusive_reason(report: RunReport) -> str:
    """The number of inconclusive objectives, starting with those that were decided but not confirmed."""
    rows = _judged(report)
    unconfirmed = sum(row.not_confirmed for row in report.comparison)
    inconclusive = sum(row.verdict is Verdict.INCONCLUSIVE for row in rows) - unconfirmed
    parts = [f"not confirmed: {plural(unconfirmed, 'compared figure')}"] if unconfirmed else []
    parts += [f"{plural(inconclusive, 'objective')} could not be decided"] if inconclusive or not parts else []
    return ", ".join(parts)


def _failure_reason(report: RunReport) -> str:
    missed = sum(row.verdict is Verdict.FAIL for row in _judged(report))
    failed = sum(test.outcome in {"failed", "error"} for test in report.tests)
    parts = [f"{plural(missed, 'objective')} not met"] if missed else []
    parts += [f"{plural(failed, 'test')} failed"] if failed else []
    return ", ".join(parts) or f"the run ended with exit code {report.exit_code}"
