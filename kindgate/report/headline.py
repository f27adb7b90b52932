"""The top of a report: the verdict, the failure, its cause, and the next step.

A headline is data, so Markdown, HTML and a terminal can each mark foreign words in their own way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from kindgate.model import Verdict
from kindgate.report.decision import Decision, decide, outcome_named
from kindgate.report.objective_records import ComparisonRow, ThresholdOutcome
from kindgate.report.run_report import Outcome, RunReport, TestResult
from kindgate.report.units import change, percent, plural, quantity, span

VERDICTS = {
    Outcome.PASSED: "✅ PASS",
    Outcome.FAILED: "❌ FAIL",
    Outcome.INCONCLUSIVE: "❓ INCONCLUSIVE",
    Outcome.INVALID: "🚫 INVALID",
    Outcome.SETUP_FAILED: "💥 SETUP FAILED",
    Outcome.INTERRUPTED: "✋ INTERRUPTED",
    Outcome.NO_VERDICT: "❌ NO VERDICT",
}

UNTRUSTED = "❌ UNTRUSTED"

SHORT_SHA = 7
"""Digits of a commit hash in a headline, as on GitHub."""

BEFORE = "before confirmation"
"""The column of a comparison's table for the result of its looks."""


class UntrustedText(str):
    """Text from outside kindgate: a test's name, an error line, a command."""

    __slots__ = ()


Words = tuple[str, ...]
"""A sentence in pieces; the `UntrustedText` ones must be marked and escaped."""


@dataclass(frozen=True)
class Headline:
    """The `verdict` and the sentences behind it; `head` is the judged commit, empty if unknown."""

    verdict: str
    summary: Words
    cause: Words
    next_step: Words
    head: str = ""


def headline(report: RunReport, decision: Decision | None = None) -> Headline:
    """The headline of `report` with its commit; `decision` defaults to the one its content gives."""
    result = _headline_of(report, decision or decide(report))
    return replace(result, head=report.pull_request.head_sha if report.pull_request else "")


def without_report(decision: Decision, head: str) -> Headline:
    """The headline for a commit whose run left no report."""
    if outcome_named(decision.verdict) is None:
        return replace(_untrusted(decision), head=head)
    if decision.may_merge:
        return Headline(
            "✅ NOT JUDGED", (decision.reason,), ("nothing relevant to this suite changed",), ("nothing to do for this suite",), head
        )
    next_step: Words = ("check the run's log, and rerun it before merging",)
    return Headline(VERDICTS[Outcome.NO_VERDICT], (UntrustedText(decision.reason),), ("nothing else judges this commit",), next_step, head)


def failing_tests(report: RunReport) -> tuple[TestResult, ...]:
    """The tests that failed or could not run."""
    return tuple(test for test in report.tests if test.outcome in {"failed", "error"})


def left_out_tests(report: RunReport) -> str:
    """Number of e2e tests that proved nothing, by reason: `18 skipped, 1 xfailed, 3 deselected`; empty without any."""
    outcomes = Counter(test.outcome for test in report.tests if test.e2e)
    counted = (*((outcomes[word], word) for word in ("skipped", "xfailed", "xpassed")), (report.deselected, "deselected"))
    return ", ".join(f"{count:,} {word}" for count, word in counted if count)


def objectives_with(report: RunReport, *verdicts: Verdict) -> tuple[ThresholdOutcome, ...]:
    """The objectives with one of these verdicts."""
    return tuple(objective for objective in report.objectives if objective.verdict in verdicts)


def comparisons_with(report: RunReport, *verdicts: Verdict) -> tuple[ComparisonRow, ...]:
    """The rows of the comparison with the baseline that have one of these verdicts."""
    return tuple(row for row in report.comparison if row.verdict in verdicts)


def interval(objective: ThresholdOutcome) -> str:
    """The interval of the measured value, or an empty text."""
    if objective.low is None or objective.high is None:
        return ""
    return f"{quantity(objective.low, objective.unit)} to {quantity(objective.high, objective.unit)}"


def before_confirmation(row: ComparisonRow) -> str:
    """The result of the looks before their confirmation round; empty without one."""
    first = row.first
    if first is None:
        return ""
    interval_text = f" ({change(first.low)} to {change(first.high)})" if first.low is not None and first.high is not None else ""
    return f"{first.verdict}: {change(first.change)}{interval_text} in {plural(first.pairs, 'pair')}"


def _headline_of(report: RunReport, decision: Decision) -> Headline:
    outcome = outcome_named(decision.verdict)
    if decision.recomputed:
        return _recomputed(decision, outcome)
    if outcome is None:
        return _untrusted(decision)
    if outcome is Outcome.NO_VERDICT and report.outcome is not Outcome.NO_VERDICT:
        return _no_verdict(report, decision.reason)
    return _HEADLINES[outcome](report)


def _recomputed(decision: Decision, outcome: Outcome | None) -> Headline:
    return Headline(
        UNTRUSTED if outcome is None else VERDICTS[outcome],
        (UntrustedText(decision.reason),),
        ("the report was judged again from its own figures, with the code and the objectives of the base branch",),
        ("before merging, compare the objectives below and the pull request's changes to its gate",),
    )


def _untrusted(decision: Decision) -> Headline:
    return Headline(
        UNTRUSTED,
        (UntrustedText(decision.reason),),
        ("a report proves nothing if GitHub contradicts it or if the workflow that made it may have been changed",),
        ("before merging, check the run's own log and the pull request's changes to its gate",),
    )


def _passed(report: RunReport) -> Headline:
    passed = sum(test.outcome == "passed" for test in report.tests)
    margins = [objective for objective in report.objectives if objective.margin is not None]
    cause: Words = ("no test failed",)
    if margins:
        tightest = min(margins, key=lambda objective: objective.margin or 0.0)
        cause = ("the tightest, ", *_threshold_clause(tightest), f", is met with {percent(tightest.margin)} of its limit to spare")
    gate = report.gate_changes
    next_step: Words = ("nothing to do: this change may merge",)
    if gate.files or gate.thresholds or gate.no_longer:
        next_step = ("review this pull request's changes to the gate, listed below, then merge",)
    judged = bool(report.objectives or report.comparison)
    if not judged:
        next_step = ("this change may merge if this was the whole suite, but no objective was judged",)
    counted = [f"{plural(len(report.objectives), 'objective')} met"] if report.objectives else []
    counted += [f"{plural(len(report.comparison), 'figure')} within tolerance"] if report.comparison else []
    left_out = left_out_tests(report)
    return Headline(
        VERDICTS[Outcome.PASSED] + (f" ({left_out})" if left_out else ""),
        (", ".join([*counted, f"{plural(passed, 'test')} passed", *([] if judged else ["no objective judged"])]),),
        cause,
        next_step,
    )


def _failed(report: RunReport) -> Headline:
    broken, slower = objectives_with(report, Verdict.FAIL), comparisons_with(report, Verdict.FAIL)
    tests = failing_tests(report)
    if broken:
        summary: Words = (*_threshold_clause(broken[0]), *_limit_clause(broken[0]), *_others(len(broken) - 1, "objective"))
    elif slower:
        summary = (*_change_clause(slower[0]), *_others(len(slower) - 1, "figure"))
    elif tests:
        summary = (UntrustedText(tests[0].node_id), " failed", *_others(len(tests) - 1, "test"))
    else:
        summary = (f"the run ended with exit code {report.exit_code}",)
    explanations = (*(one.explanation for one in broken), *(row.explanation for row in slower))
    explanation = next(filter(None, (*(test.cause for test in tests), *map(_clause, explanations), *(test.error for test in tests))), "")
    cause: Words = (UntrustedText(explanation),) if explanation else ("unknown",)
    on_base = {*(one.on_base for one in broken), *(test.base for test in tests)}
    if on_base == {"failed"}:
        cause = (*cause, "; the baseline fails too")
    bundle = next((test.bundle for test in tests if test.bundle), "")
    evidence: Words = ("see ", UntrustedText(bundle), " in the artifacts; ") if bundle else ()
    return Headline(VERDICTS[Outcome.FAILED], summary, cause, (*evidence, *_rerun_hint(report)))


def _inconclusive(report: RunReport) -> Headline:
    inconclusive, inconclusive_rows = objectives_with(report, Verdict.INCONCLUSIVE), comparisons_with(report, Verdict.INCONCLUSIVE)
    unconfirmed = [row for row in inconclusive_rows if row.not_confirmed]
    if unconfirmed:
        others = len(inconclusive) + len(inconclusive_rows) - 1
        return Headline(
            VERDICTS[Outcome.INCONCLUSIVE],
            ("not confirmed: ", *_change_clause(unconfirmed[0]), *_others(others, "undecided objective")),
            (UntrustedText(_clause(unconfirmed[0].explanation).removeprefix("not confirmed: ")),),
            ("rerun it: two series of bursts disagree, so the objective is neither met nor missed",),
        )
    next_step: Words = (
        "rerun it, or use more bursts with ",
        UntrustedText("--slo-bursts"),
        "; until then, the objective is neither met nor missed",
    )
    if inconclusive_rows and not inconclusive:
        summary: Words = (*_change_clause(inconclusive_rows[0]), *_others(len(inconclusive_rows) - 1, "figure"))
        return Headline(VERDICTS[Outcome.INCONCLUSIVE], summary, (_clause(inconclusive_rows[0].explanation),), next_step)
    if not inconclusive:
        return Headline(VERDICTS[Outcome.INCONCLUSIVE], ("no objective could be decided",), ("unknown",), _rerun_hint(report))
    first = inconclusive[0]
    cause: Words = (f"{plural(first.samples, 'request')} in {plural(first.bursts, 'burst')} are not enough to decide",)
    if interval(first):
        cause = (f"the limit is within the measured interval {interval(first)}; ", *cause)
    return Headline(
        VERDICTS[Outcome.INCONCLUSIVE],
        (*_threshold_clause(first), *_limit_clause(first), *_others(len(inconclusive) - 1, "objective")),
        cause,
        next_step,
    )


def _invalid(report: RunReport) -> Headline:
    explained = [objective.explanation for objective in objectives_with(report, Verdict.INVALID)]
    explained += [row.explanation for row in comparisons_with(report, Verdict.INVALID)]
    broken = [gate for gate in report.gates if gate.ok is False]
    advice = broken[0].advice if broken else ""
    problems = [f"{gate.name}: {gate.measured} (valid: {gate.asked})" for gate in broken]
    problems += [_clause(text) for text in explained if text]
    return Headline(
        VERDICTS[Outcome.INVALID],
        (f"the measurement cannot be trusted, so {plural(len(explained), 'objective')} got no verdict",),
        (UntrustedText(problems[0]),) if problems else ("the load generator or the machine was the bottleneck",),
        (
            *((UntrustedText(advice), "; ") if advice else ("rerun it where the generator has a dedicated CPU; ",)),
            "the application was not judged",
        ),
    )


def _setup_failed(report: RunReport) -> Headline:
    error = report.setup_error
    if error is None:
        failed = next((phase.name for phase in report.phases if not phase.ok), "setup")
        return Headline(VERDICTS[Outcome.SETUP_FAILED], ("in phase ", UntrustedText(failed)), ("unknown",), _rerun_hint(report))
    waited = "" if error.waited is None else f" after {span(error.waited)}"
    return Headline(
        VERDICTS[Outcome.SETUP_FAILED],
        ("in phase ", UntrustedText(error.phase), f"{waited}: nothing was judged"),
        (UntrustedText(error.message),),
        (UntrustedText(error.next_step),) if error.next_step else _rerun_hint(report),
    )


def _interrupted(report: RunReport) -> Headline:
    last = report.phases[-1].name if report.phases else "the start"
    return Headline(
        VERDICTS[Outcome.INTERRUPTED],
        (f"stopped after {span(report.run.seconds)} without a verdict",),
        ("it was interrupted after ", UntrustedText(last)),
        _rerun_hint(report),
    )


def _no_verdict(report: RunReport, reason: str = "no e2e test passed") -> Headline:
    left_out = left_out_tests(report)
    return Headline(
        VERDICTS[Outcome.NO_VERDICT],
        (f"{reason}{f': {left_out}' if left_out else ''}",),
        ("required checks did not run",),
        ("find out why tests were skipped or deselected, and run them before merging",),
    )


_HEADLINES = {
    Outcome.PASSED: _passed,
    Outcome.FAILED: _failed,
    Outcome.INCONCLUSIVE: _inconclusive,
    Outcome.INVALID: _invalid,
    Outcome.SETUP_FAILED: _setup_failed,
    Outcome.INTERRUPTED: _interrupted,
    Outcome.NO_VERDICT: _no_verdict,
}


def _clause(explanation: str) -> UntrustedText:
    """A judge's sentence without its verdict and its period, which the headline adds around it."""
    verdict, _, rest = explanation.partition(": ")
    return UntrustedText((rest if verdict in Verdict.__members__ else explanation).removesuffix("."))


def _threshold_clause(objective: ThresholdOutcome) -> Words:
    return (UntrustedText(objective.expression), " of ", UntrustedText(objective.metric))


def _limit_clause(objective: ThresholdOutcome) -> Words:
    if objective.measured is None:
        problem = "has no value because too many requests failed" if objective.samples else "has no data"
        return (f" {problem} (limit {quantity(objective.limit, objective.unit)})",)
    measured = quantity(objective.measured, objective.unit)
    return (f" was {measured} (limit {quantity(objective.limit, objective.unit)})",)


def _change_clause(row: ComparisonRow) -> Words:
    """The change of one figure from the baseline to the pull request's version."""
    base, head = quantity(row.base, row.unit), quantity(row.head, row.unit)
    interval_text = f" ({change(row.low)} to {change(row.high)})" if row.low is not None and row.high is not None else ""
    allowed = f"with {percent(row.tolerance)} tolerated"
    if row.verdict is Verdict.FAIL:  # the estimate itself may be within the tolerance
        allowed = f"certainly slower, and not shown to be within {percent(row.tolerance)}"
        interval_text += ":"
    return (UntrustedText(row.metric), f" went from {base} to {head}, {change(row.change)}{interval_text} {allowed}")


def _others(count: int, noun: str) -> Iterable[str]:
    return (f", and {plural(count, f'more {noun}')}",) if count else ()


def _rerun_hint(report: RunReport) -> Words:
    return ("rerun it with ", UntrustedText(report.run.command)) if report.run.command else ("rerun it",)
