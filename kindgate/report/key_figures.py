"""The key figures next to the verdict: objectives met, load sent, response times; and scenarios."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kindgate.model import TIME_TO_FIRST_TEST, Verdict
from kindgate.report.policy_records import policy_rows
from kindgate.report.run_report import RunReport, TestResult
from kindgate.report.scenario_records import scenario_objectives
from kindgate.report.units import number, percent, plural, span

Tone = Literal["", "pass", "fail", "unsure"]


@dataclass(frozen=True)
class KeyFigure:
    """One key figure with its name, its details and its tone."""

    name: str
    value: str
    note: str
    tone: Tone = ""


def key_figures_of(report: RunReport) -> tuple[KeyFigure, ...]:
    """The key figures of a report, the most important first."""
    return (*_objectives(report), *_tests(report), *_load(report), *_response(report), _time(report))


def _objectives(report: RunReport) -> Iterable[KeyFigure]:
    verdicts = Counter([one.verdict for one in report.objectives] + [row.verdict for row in report.comparison])
    verdicts.update(row.verdict for row in report.answers if row.verdict is not None)
    verdicts.update(row.verdict for row in scenario_objectives(report.scenarios))
    verdicts.update(row.verdict for row in policy_rows(report.policy))
    total, met = verdicts.total(), verdicts[Verdict.PASS]
    if total:
        others = [f"{verdicts[verdict]} {verdict.value}" for verdict in Verdict if verdict != Verdict.PASS and verdicts[verdict]]
        tone: Tone = "fail" if verdicts[Verdict.FAIL] else "pass" if met == total else "unsure"
        yield KeyFigure("Objectives met", f"{met} of {total}", ", ".join(others), tone)


def _tests(report: RunReport) -> Iterable[KeyFigure]:
    outcomes = Counter(test.outcome for test in report.tests)
    if outcomes:
        broken = outcomes["failed"] + outcomes["error"]
        others = [f"{count} {outcome}" for outcome, count in outcomes.items() if outcome != "passed"]
        tone: Tone = "fail" if broken else "unsure" if others else "pass"
        yield KeyFigure("Tests passed", f"{outcomes['passed']:,} of {outcomes.total():,}", ", ".join(others), tone)


def _load(report: RunReport) -> Iterable[KeyFigure]:
    sent, failed = (sum(getattr(burst.overall, name) for burst in report.bursts) for name in ("count", "failed"))
    if sent:
        yield KeyFigure("Requests", f"{sent:,}", f"in {plural(len(report.bursts), 'burst')}")
        yield KeyFigure("Requests failed", f"{failed:,}", percent(failed / sent), "fail" if failed else "pass")


def _response(report: RunReport) -> Iterable[KeyFigure]:
    known = [burst.overall.p95 for burst in report.bursts if burst.overall.p95 is not None]
    if known:
        spread = f"{number(min(known))} to {number(max(known))} ms" if len(known) > 1 else "from one burst"
        yield KeyFigure("p95, median of bursts", f"{number(statistics.median(known))} ms", spread)


def _time(report: RunReport) -> KeyFigure:
    first = next((phase for phase in report.phases if phase.name == TIME_TO_FIRST_TEST), None)
    return KeyFigure("Time", span(report.run.seconds), "" if first is None else f"{span(first.seconds)} to the first test")


@dataclass(frozen=True)
class ScenarioRow:
    """A test that changed the cluster under load, with the results of the bursts sent meanwhile; None without any."""

    test: TestResult
    requests: int | None
    failed: int | None
    slowest: float | None


def scenarios(report: RunReport) -> tuple[ScenarioRow, ...]:
    """The tests of scenarios that judged no episode, in order: those that did have a section of their own."""
    judged = {record.test for record in report.scenarios} | {record.test for record in report.policy}
    return tuple(_scenario(report, test) for test in report.tests if test.scenario and test.node_id not in judged)


def _scenario(report: RunReport, test: TestResult) -> ScenarioRow:
    begin = test.started if test.started is not None else float("inf")
    figures = [burst.overall for burst in report.bursts if begin <= burst.started <= begin + test.seconds]
    if not figures:
        return ScenarioRow(test, None, None, None)
    return ScenarioRow(
        test,
        sum(one.count for one in figures),
        sum(one.failed for one in figures),
        max((one.max for one in figures if one.max is not None), default=None),
    )
