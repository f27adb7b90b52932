"""The top of a report: the verdict, the failure, its cause, and the next step.

A headline is data, so Markdown, HTML and a terminal can each mark foreign words in their own way.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kindgate.model import Verdict
from kindgate.report.answer_records import AnswersRow, changed_rows, judged_rows
from kindgate.report.decision import Decision, decide, outcome_named
from kindgate.report.failure_causes import EndedContainer
from kindgate.report.objective_records import ComparisonRow, ThresholdOutcome
from kindgate.report.policy_records import policy_rows
from kindgate.report.policy_sections import policy_words
from kindgate.report.run_report import Outcome, RunReport, TestResult
from kindgate.report.scenario_records import scenario_objectives
from kindgate.report.scenario_summary import ScenarioSummary, scenario_summaries
from kindgate.report.units import change, percent, plural, quantity, span
from kindgate.report.untrusted_text import UntrustedText, Words

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


def scenarios_with(report: RunReport, verdict: Verdict) -> tuple[ScenarioSummary, ...]:
    """The judged actions with this verdict."""
    return tuple(one for one in scenario_summaries(report) if one.verdict is verdict)


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
        ("the report's verdicts were recomputed from its own figures, with the code and the objectives of the base branch",),
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
    judged = bool(report.objectives or report.comparison or report.scenarios or report.policy)
    equal = judged_rows(report.answers, Verdict.PASS)
    reported = [row for row in changed_rows(report.answers) if row.verdict is None]
    if not judged:
        next_step = ("this change may merge if this was the whole suite, but no objective was judged",)
    counted = [f"{plural(len(report.objectives), 'objective')} met"] if report.objectives else []
    counted += [f"{plural(len(report.comparison), 'figure')} within tolerance"] if report.comparison else []
    counted += [f"{plural(len(equal), 'route')} answered alike"] if equal else []
    counted += [f"{plural(len(report.scenarios), 'scenario')} survived"] if report.scenarios else []
    policy = policy_rows(report.policy)
    counted += [f"{plural(len(policy), 'policy requirement')} met"] if policy else []
    if reported and not gate.files:
        next_step = ("review ", plural(len(reported), "changed answer"), ", listed below, then merge")
    left_out = left_out_tests(report)
    return Headline(
        VERDICTS[Outcome.PASSED] + (f" ({left_out})" if left_out else ""),
        (", ".join([*counted, f"{plural(passed, 'test')} passed", *([] if judged else ["no objective judged"])]),),
        cause,
        next_step,
    )


def _failed(report: RunReport) -> Headline:
    broken = objectives_with(report, Verdict.FAIL)
    slower = sorted(comparisons_with(report, Verdict.FAIL), key=_slowdown, reverse=True)
    changed = judged_rows(report.answers, Verdict.FAIL)
    scenarios = _failed_scenarios(report)
    tests = failing_tests(report)
    if broken:
        summary: Words = (*_threshold_clause(broken[0]), *_limit_clause(broken[0]), *_others(len(broken) - 1, "objective"))
    elif slower:
        summary = (*_change_clause(slower[0]), *_others(len(slower) - 1, "figure"))
    elif changed:
        summary = _answers_clause(changed)
    elif scenarios:
        summary = _scenarios_clause(scenarios)
    elif tests:
        summary = (UntrustedText(tests[0].node_id), " failed", *_others(len(tests) - 1, "test"))
    else:
        summary = (f"the run ended with exit code {report.exit_code}",)
    if broken or slower:
        summary = (*_ended_clause(report, (broken or slower)[0].test), *summary)
        summary = (*summary, *(("; ", *_answers_clause(changed)) if changed else ()))
    if broken or slower or changed:
        summary = (*summary, *(("; ", *_scenarios_clause(scenarios)) if scenarios else ()))
    explanations = [one.explanation for one in broken] + [row.explanation for row in slower] + [row.explanation for row in changed]
    explanations += [row.explanation for row in scenario_objectives(report.scenarios, Verdict.FAIL)]
    explanations += [row.explanation for row in policy_rows(report.policy, Verdict.FAIL)]
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
    scenarios = scenarios_with(report, Verdict.INCONCLUSIVE)
    if scenarios and not inconclusive:
        explanation = scenario_objectives(report.scenarios, Verdict.INCONCLUSIVE)[0].explanation
        return Headline(
            VERDICTS[Outcome.INCONCLUSIVE],
            _scenarios_clause([one.sentence for one in scenarios]),
            (_clause(explanation),),
            _rerun_hint(report),
        )
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
    explained += [row.explanation for row in judged_rows(report.answers, Verdict.INVALID)]
    explained += [row.explanation for row in scenario_objectives(report.scenarios, Verdict.INVALID)]
    explained += [row.explanation for row in policy_rows(report.policy, Verdict.INVALID)]
    failed = [check for check in report.gates if check.ok is False]
    advice = failed[0].advice if failed else ""
    problems = [f"{check.name}: {check.measured} (valid: {check.asked})" for check in failed]
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


def _ended_clause(report: RunReport, test: str) -> Words:
    """The container whose end during the bursts of `test` explains its missed objective; empty if none is known to."""
    ended = next((one for one in report.ended_containers if one.test == test and one.requests and _lies_in_bursts(report, one)), None)
    if ended is None:
        return ()
    what = "was OOM-killed" if ended.out_of_memory else f"ended with exit code {ended.exit_code}"
    return (UntrustedText(ended.workload), f" {what}: {percent(min(1.0, ended.failed / ended.requests))} of requests failed; ")


def _lies_in_bursts(report: RunReport, ended: EndedContainer) -> bool:
    """Whether it ended within a burst that its test was judged from, to the whole seconds of a pod's status."""
    places = [place for entry in report.judged if entry.test == ended.test for place in entry.all_bursts if place < len(report.figures)]
    bursts = [report.figures[place] for place in places]
    return any(burst.started - 1 <= ended.at <= burst.started + burst.seconds + 1 for burst in bursts)


def _threshold_clause(objective: ThresholdOutcome) -> Words:
    return (UntrustedText(objective.expression), " of ", UntrustedText(objective.metric))


def _limit_clause(objective: ThresholdOutcome) -> Words:
    if objective.measured is None:
        problem = "has no value because too many requests failed" if objective.samples else "has no data"
        return (f" {problem} (limit {quantity(objective.limit, objective.unit)})",)
    measured = quantity(objective.measured, objective.unit)
    return (f" was {measured} (limit {quantity(objective.limit, objective.unit)})",)


def _change_clause(row: ComparisonRow) -> Words:
    """The change of one figure from the baseline to the pull request's version, led by the route or journey that it is about."""
    base, head = quantity(row.base, row.unit), quantity(row.head, row.unit)
    subject: Words = (UntrustedText(row.subject), ": ") if row.subject else ()
    if row.head is None or row.change is None:
        return (
            *subject,
            UntrustedText(row.metric),
            f" of the pull request has no value because too many requests failed (baseline {base})",
        )
    interval_text = f" ({change(row.low)} to {change(row.high)})" if row.low is not None and row.high is not None else ""
    allowed = f"{percent(row.tolerance)} is tolerated"
    if row.verdict is Verdict.FAIL:  # the estimate itself may be within the tolerance
        allowed = f"certainly {row.change_words[0]}, and not shown to be within {percent(row.tolerance)}"
    changed = f"{percent(abs(row.change))} {row.change_words[row.change < 0]}"
    return (*subject, UntrustedText(row.metric), f" {changed}{interval_text}, from {base} to {head}; {allowed}")


def _answers_clause(rows: Sequence[AnswersRow]) -> Words:
    """The most telling change of the first route, and the number of other routes."""
    first = rows[0]
    example: Words = (": ", UntrustedText(str(first.changes[0]))) if first.changes else ()
    return ("the answers of ", UntrustedText(first.route), " changed", *example, *_others(len(rows) - 1, "route"))


def _failed_scenarios(report: RunReport) -> list[Words]:
    """The sentences about failed scenarios, and about what policies allow."""
    sentences = [one.sentence for one in scenarios_with(report, Verdict.FAIL)]
    return sentences + [policy_words(row) for row in policy_rows(report.policy, Verdict.FAIL)]


def _scenarios_clause(sentences: Sequence[Words]) -> Words:
    """The first sentence about scenarios, and the number of other ones."""
    return (*sentences[0], *_others(len(sentences) - 1, "scenario"))


def _slowdown(row: ComparisonRow) -> float:
    """The key by which the worst regression comes first."""
    return math.inf if row.change is None else row.change


def _others(count: int, noun: str) -> Iterable[str]:
    return (f", and {plural(count, f'more {noun}')}",) if count else ()


def _rerun_hint(report: RunReport) -> Words:
    return ("rerun it with ", UntrustedText(report.run.command)) if report.run.command else ("rerun it",)
