"""The comment's verdicts: headline, objectives, comparison, failing tests, changes to the gate."""

from __future__ import annotations

from kindgate.model import Verdict
from kindgate.report.answer_records import AnswersRow, changed_rows
from kindgate.report.capacity_words import capacity_cells, capacity_columns, capacity_words
from kindgate.report.comment_layout import Block, folded_table, table
from kindgate.report.headline import BEFORE, SHORT_SHA, Headline, before_confirmation, failing_tests, interval
from kindgate.report.markdown_escape import cell_code, code_block, code_span, html_code
from kindgate.report.objective_records import WORST_FIRST, ComparisonRow, ThresholdOutcome
from kindgate.report.policy_records import policy_rows
from kindgate.report.policy_sections import policy_words
from kindgate.report.recomputation_notes import differences, sentences
from kindgate.report.run_report import RunReport, TestResult
from kindgate.report.scenario_summary import scenario_summaries
from kindgate.report.units import NONE, change, number, percent, plural, quantity, span
from kindgate.report.untrusted_text import UntrustedText, Words

MARKS = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.INCONCLUSIVE: "❓", Verdict.INVALID: "🚫"}

GATE_FILES = 20
"""Maximum changed gate files to name in one sentence; more get their own table."""

FAILING_ROWS, DETAILS = 2000, 400
"""Maximum rows to make: no page has space for more, and making them takes time that posting does not have."""

BASELINE_COLUMN = "also fails on baseline?"

BASELINE_ANSWERS = {"": NONE, "passed": "no, new", "failed": "yes"}
"""Answers to `BASELINE_COLUMN`, by the outcome of a failure on the baseline."""


def markdown(words: Words) -> str:
    """A headline's sentence, with foreign words as code."""
    return "".join(code_span(word) if isinstance(word, UntrustedText) else word for word in words)


def headline_block(top: Headline, prefix: str = "") -> Block:
    """The two lines that a reviewer reads first; never cut."""
    return Block(
        (
            f"### {prefix}{top.verdict}{f' for {code_span(top.head[:SHORT_SHA])}' if top.head else ''}: {markdown(top.summary)}",
            f"**Cause:** {markdown(top.cause)}. **Next:** {markdown(top.next_step)}.",
        )
    )


def objectives_block(report: RunReport) -> Block | None:
    """The thresholds, missed ones first."""
    if not report.objectives:
        return None
    ordered = sorted(report.objectives, key=lambda objective: WORST_FIRST.index(objective.verdict))
    compared = any(objective.on_base for objective in ordered)
    several = len({(one.metric, one.expression) for one in ordered}) < len(ordered)
    more = (*((BASELINE_COLUMN,) if compared else ()), *(("test",) if several else ()))
    rows = [
        (*_objective_row(one), *((_on_base(one),) if compared else ()), *((cell_code(one.test),) if several else ())) for one in ordered
    ]
    return table(
        "Objectives",
        ("threshold", "measured", "margin", "samples", "verdict", *more),
        rows,
        usefulness=90,
        noun="objective",
    )


def comparison_block(report: RunReport) -> Block | None:
    """The baseline next to the pull request's version."""
    if not report.comparison:
        return None
    twice = any(row.first for row in report.comparison)
    return table(
        "Baseline and pull request",
        ("figure", "baseline", "pull request", "change", "tolerated", "verdict", *((BEFORE,) if twice else ())),
        [(*_comparison_row(row), *((before_confirmation(row),) if twice else ())) for row in report.comparison],
        usefulness=80,
        noun="figure",
    )


def answers_block(report: RunReport) -> Block | None:
    """The routes whose answers changed, each with one example."""
    changed = changed_rows(report.answers)
    if not changed:
        return None
    rows = [(cell_code(row.route), *_example(row), f"{MARKS[row.verdict]} {row.verdict}" if row.verdict else "reported") for row in changed]
    columns = ("route", "where", "baseline", "pull request", "requests", "verdict")
    return table("Answers that changed", columns, rows, usefulness=82, noun="route")


def scenarios_block(report: RunReport) -> Block | None:
    """What each action did under load, and what policies allow, in one line each; of both, failed ones first."""
    lines = tuple(f"- {MARKS[one.verdict]} {markdown(one.sentence)}" for one in scenario_summaries(report))
    lines += tuple(f"- {MARKS[row.verdict]} {markdown(policy_words(row))}" for row in policy_rows(report.policy))
    return Block(("**Scenarios**", ""), lines, usefulness=86, noun="scenario") if lines else None


def capacity_block(report: RunReport) -> Block | None:
    """The capacities that were found, each with the share of every replica."""
    if not report.capacity:
        return None
    several = len(report.capacity) > 1
    titles = "; ".join(markdown(capacity_words(row)) for row in report.capacity)
    targets = [row for row in report.capacity if row.workloads]
    if not targets:
        return Block((f"**Capacity:** {titles}",), usefulness=79)
    rows = [
        (cell_code(workload), *cells, *((f"{number(row.met)}/s",) if several else ()))
        for row in targets
        for workload, cells in capacity_cells(row)
    ]
    columns = ("workload", *capacity_columns(targets[0]), *(("at",) if several else ()))
    return table(f"Capacity: {titles}", columns, rows, usefulness=79, noun="workload")


def recomputation_block(report: RunReport) -> Block | None:
    """Results of recomputing the report: sentences, and a row for each objective that differs from the report's claim."""
    recomputation = report.recomputation
    if recomputation is None or not (recomputation.claims or recomputation.base):
        return None
    title = "; ".join(markdown(words) for words in sentences(recomputation))
    found = differences(recomputation)
    if not found:
        return Block((f"**{title[0].upper()}{title[1:]}.**",), usefulness=76)
    rows = [
        (
            cell_code(one.recomputed.objective),
            cell_code(one.branch) if one.branch else "the run",
            one.recomputed.claimed or NONE,
            f"{MARKS[one.recomputed.verdict]} {one.recomputed.verdict}" if one.recomputed.verdict else "❌ not judged",
            cell_code(one.recomputed.reason),
        )
        for one in found
    ]
    return table(title, ("objective", "source", "reported", "recomputed", "reason"), rows, usefulness=88, noun="objective")


def failing_block(report: RunReport) -> Block | None:
    """The failed tests, each with its first error line and its cause."""
    tests = failing_tests(report)
    if not tests:
        return None
    compared = any(test.base for test in tests)
    columns = ("test", "cause and first error line", *((BASELINE_COLUMN,) if compared else ()))
    shown = tests[:FAILING_ROWS]
    rows = [(_test_cell(test), _lines(test.cause, test.error), *((BASELINE_ANSWERS[test.base],) if compared else ())) for test in shown]
    left_out = len(tests) - len(shown)
    return table(plural(len(tests), "failing test"), columns, rows, usefulness=85, noun="failing test", left_out=left_out)


def details_block(report: RunReport) -> Block | None:
    """Details of each failing test, collapsed."""
    tests = [test for test in failing_tests(report) if test.details or test.bundle]
    rows = tuple(_details(test) for test in tests[:DETAILS])
    return Block((), rows, usefulness=10, noun="test detail", left_out=len(tests) - len(rows)) if rows else None


def gate_block(report: RunReport) -> Block | None:
    """The pull request's changes to the gate itself."""
    gate = report.gate_changes
    if not gate.files and not gate.thresholds:
        return None
    files = ", ".join(code_span(file) for file in gate.files[:GATE_FILES])
    if len(gate.files) > GATE_FILES:
        files += f" and {len(gate.files) - GATE_FILES} more"
    rows = [
        (cell_code(changed.file), cell_code(changed.metric), cell_code(changed.old), cell_code(changed.new)) for changed in gate.thresholds
    ]
    title = f"This pull request changes the gate that judges it: {files or 'thresholds'}"
    if gate.approved_by:
        title += f"; approved by {code_span(gate.approved_by)}"
    elif gate.not_approved:
        title += f"; its approval label was ignored: {code_span(gate.not_approved)}"
    if not rows:
        return Block((f"**{title}**",), usefulness=75)
    return table(title, ("file", "metric", "old", "new"), rows, usefulness=75, noun="changed threshold")


def gate_files_block(report: RunReport) -> Block | None:
    """All changed gate files, collapsed, if the sentence about them names only some."""
    files = report.gate_changes.files
    if len(files) <= GATE_FILES:
        return None
    return folded_table("All changed gate files", ("file",), [(cell_code(file),) for file in files], usefulness=40, noun="file")


def no_longer_block(report: RunReport) -> Block | None:
    """Objectives that the base branch judges but this run did not."""
    rows = tuple(f"- {code_span(row)}" for row in report.gate_changes.no_longer)
    title = f"**Judged on the base branch but not here ({len(rows)})**"
    return Block((title, ""), rows, usefulness=74, noun="row") if rows else None


def gate_notes_block(report: RunReport) -> Block | None:
    """Facts about the gate that could not be determined."""
    notes = report.gate_changes.notes
    return Block(tuple(f"**Unknown about the gate:** {code_span(note, 500)}  " for note in notes), usefulness=76) if notes else None


def _objective_row(objective: ThresholdOutcome) -> tuple[str, ...]:
    interval_text = interval(objective)
    measured = quantity(objective.measured, objective.unit) + (f" ({interval_text})" if interval_text else "")
    samples = f"{objective.samples:,}" + (f" in {plural(objective.bursts, 'burst')}" if objective.bursts else "")
    name = f"{cell_code(objective.expression)} of {cell_code(objective.metric)}"
    return (name, measured, percent(objective.margin), samples, f"{MARKS[objective.verdict]} {objective.verdict}")


def _on_base(objective: ThresholdOutcome) -> str:
    """Whether the baseline misses the threshold, and its figure."""
    if not objective.on_base:
        return NONE
    answer = BASELINE_ANSWERS[objective.on_base] if objective.verdict is Verdict.FAIL else "no" if objective.on_base == "passed" else "yes"
    return f"{answer}: {quantity(objective.base, objective.unit)}"


def _comparison_row(row: ComparisonRow) -> tuple[str, ...]:
    interval_text = f" ({change(row.low)} to {change(row.high)})" if row.low is not None and row.high is not None else ""
    return (
        _figure_cell(row),
        quantity(row.base, row.unit),
        quantity(row.head, row.unit),
        change(row.change) + interval_text,
        percent(row.tolerance),
        f"{MARKS[row.verdict]} {row.verdict}{', not confirmed' if row.not_confirmed else ''}",
    )


def _example(row: AnswersRow) -> tuple[str, ...]:
    """Place, both values and number of requests of a route's most telling change."""
    if not row.changes:
        return ("not compared: the baseline did not answer", NONE, NONE, NONE)
    first, more = row.changes[0], len(row.changes) - 1
    place = cell_code(first.place) + (f"<br>and {plural(more, 'more change')}" if more else "")
    return (place, cell_code(first.base), cell_code(first.head), f"{first.seen} of {first.compared}")


def _figure_cell(row: ComparisonRow) -> str:
    """A figure, with the part that it describes below it."""
    return _lines(row.metric, row.selector)


def _test_cell(test: TestResult) -> str:
    """A test's file above its name: side by side, they would make the table wider than a comment."""
    file, _, name = test.node_id.partition("::")
    return _lines(file, name)


def _lines(*texts: str) -> str:
    """Several foreign texts in one cell, without empty ones."""
    return "<br>".join(cell_code(text) for text in texts if text.strip()) or NONE


def _details(test: TestResult) -> str:
    parts = [f"<details><summary>❌ {html_code(test.node_id)} ({test.phase}, {span(test.seconds)})</summary>", ""]
    if test.details:
        parts += [code_block(test.details), ""]
    if test.bundle:
        parts += [f"Evidence: {code_span(test.bundle)} in the artifacts.", ""]
    return "\n".join([*parts, "</details>"])
