"""The report as lines of plain text, for pytest's terminal and for a shell."""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.report.answer_records import changed_rows
from kindgate.report.capacity_words import capacity_cells, capacity_columns, capacity_words
from kindgate.report.headline import BEFORE, before_confirmation, headline, interval
from kindgate.report.load_scope import load_scope
from kindgate.report.markdown_escape import shortened, visible
from kindgate.report.policy_records import policy_rows
from kindgate.report.policy_sections import policy_words
from kindgate.report.run_report import RunReport
from kindgate.report.scenario_summary import scenario_summaries
from kindgate.report.units import change, limit, number, percent, quantity, span
from kindgate.report.untrusted_text import Words


def terminal_lines(report: RunReport) -> list[str]:
    """Verdict, cause and next step, then tables: objectives, comparison, changed answers, scenarios, resources, phases, evidence."""
    top = headline(report)
    lines = [f"{top.verdict}: {_plain(top.summary)}", f"cause: {_plain(top.cause)}", f"next:  {_plain(top.next_step)}"]
    lines += _titled("objectives", _objectives(report))
    lines += _titled("baseline and pull request", _comparison(report))
    lines += _titled("answers that changed", _answers(report))
    lines += _titled("scenarios", _scenarios(report))
    for row in report.capacity:
        lines += ["", f"capacity: {_plain(capacity_words(row))}"]
        cells = [(shortened(visible(workload), 60), *others) for workload, others in capacity_cells(row)]
        lines += [f"  {line}" for line in aligned([("workload", *capacity_columns(row)), *cells])] if cells else []
    lines += [f"{load_scope(report)}."] if load_scope(report) else []
    lines += _titled("resources under load", _resources(report))
    lines += _titled("phases", _phases(report))
    lines += _titled("evidence", _evidence(report))
    return lines + [f"note: {visible(note)}" for note in report.notes]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Format rows of cells as lines with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _plain(words: Words) -> str:
    return visible("".join(words))


def _titled(title: str, rows: Sequence[Sequence[str]]) -> list[str]:
    return ["", title, *(f"  {line}" for line in aligned(rows))] if len(rows) > 1 else []


def _objectives(report: RunReport) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("verdict", "threshold", "measured", "interval", "margin")]
    rows += [
        (
            objective.verdict.value,
            shortened(visible(f"{objective.metric}: {objective.expression}"), 80),
            quantity(objective.measured, objective.unit),
            interval(objective),
            percent(objective.margin),
        )
        for objective in report.objectives
    ]
    return rows


def _comparison(report: RunReport) -> list[Sequence[str]]:
    twice = any(row.first for row in report.comparison)
    columns = ("verdict", "figure", "baseline", "pull request", "change", "interval", "tolerated")
    rows: list[Sequence[str]] = [(*columns, *((BEFORE,) if twice else ()))]
    rows += [
        (
            row.verdict.value,
            shortened(visible(row.figure), 80),
            quantity(row.base, row.unit),
            quantity(row.head, row.unit),
            change(row.change),
            f"{change(row.low)} to {change(row.high)}" if row.low is not None and row.high is not None else "",
            percent(row.tolerance),
            *((before_confirmation(row),) if twice else ()),
        )
        for row in report.comparison
    ]
    return rows


def _answers(report: RunReport) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("verdict", "route", "change", "requests")]
    rows += [
        (
            row.verdict.value if row.verdict is not None else "reported",
            shortened(visible(row.route), 60),
            shortened(visible(str(row.changes[0])), 160) if row.changes else "not compared: the baseline did not answer",
            f"{row.changes[0].seen} of {row.changes[0].compared}" if row.changes else "",
        )
        for row in changed_rows(report.answers)
    ]
    return rows


def _scenarios(report: RunReport) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("verdict", "scenario")]
    rows += [(one.verdict.value, shortened(_plain(one.sentence), 200)) for one in scenario_summaries(report)]
    rows += [(row.verdict.value, shortened(_plain(policy_words(row)), 200)) for row in policy_rows(report.policy)]
    return rows


def _resources(report: RunReport) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("workload", "pods", "CPU avg/max/limit", "memory max/limit MB", "rx/tx MB", "throttled")]
    rows += [
        (
            shortened(visible(f"{used.namespace}/{used.workload}"), 60),
            str(used.pods),
            f"{number(used.cpu_avg)}/{number(used.cpu_max)}/{limit(used.cpu_limit)}",
            f"{number(used.memory_max)}/{limit(used.memory_limit)}",
            f"{number(used.rx)}/{number(used.tx)}",
            percent(used.throttled),
        )
        for window in report.resources
        for used in window.workloads
    ]
    return rows


def _phases(report: RunReport) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("phase", "time", "")]
    rows += [(visible(phase.name), span(phase.seconds), "" if phase.ok else "failed") for phase in report.phases]
    return rows


def _evidence(report: RunReport) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("source", "folder in the artifacts", "cause")]
    rows += [(shortened(visible(one.name), 80), visible(one.path), shortened(visible(one.cause), 160)) for one in report.failures]
    return rows
