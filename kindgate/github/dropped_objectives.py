"""Tests and objectives that the base branch judges but a pull request's run no longer does: removed, skipped or omitted."""

from __future__ import annotations

from kindgate.errors import GitHubError
from kindgate.github.client import Api
from kindgate.github.retry import retried
from kindgate.github.subject import is_on_branch
from kindgate.github.uploads import read_uploads
from kindgate.report.frozen_record import LINE_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.report.run_report import RunReport
from kindgate.waiting import Deadline

ROWS_LIMIT = 200
"""Maximum tests and objectives in a report; the last row counts the rest."""


def base_reports(api: Api, workflow: str, branch: str, token: str, deadline: Deadline) -> dict[str, RunReport]:
    """The reports by leg of the newest successful run that judged the base branch; empty without such a run.

    `workflow` is the name of the workflow's file. The reports only add details about a pull request, so errors are ignored.
    """
    try:
        run = retried("the base branch's runs", lambda: api.newest_push_run(workflow, branch), deadline)
        if run is None or not retried("the base branch's history", lambda: is_on_branch(api, run, branch), deadline):
            return {}
        return {leg: named.value for leg, named in read_uploads(api, run, token, deadline).reports.items()}
    except GitHubError:
        return {}


def no_longer_judged(report: RunReport, base: RunReport) -> tuple[str, ...]:
    """Tests and objectives in `base` but not in `report`: e2e tests that passed there but did not run here, and objectives."""
    ran = {test.node_id for test in report.tests if test.outcome not in {"skipped", "xfailed"}}
    tests = [test.node_id for test in base.tests if test.e2e and test.outcome == "passed" and test.node_id not in ran]
    objectives = _objectives(base) - _objectives(report)
    rows = [f"test {name}" for name in sorted(tests)]
    rows += [f"objective of {metric}{f' in {test}' if test else ''}" for metric, test in sorted(objectives)]
    if len(rows) > ROWS_LIMIT:
        rows = [*rows[: ROWS_LIMIT - 1], f"and {len(rows) - ROWS_LIMIT + 1} more"]
    return tuple(shortened(row, LINE_LIMIT) for row in rows)


def _objectives(report: RunReport) -> set[tuple[str, str]]:
    """What a report judged, each with its test."""
    scenarios = {(f"{record.name}: {row.selector}", record.test) for record in report.scenarios for row in record.objectives}
    policy = {(f"policy: {row.requirement}", record.test) for record in report.policy for row in record.rows}
    return {(row.metric, row.test) for row in report.objectives} | scenarios | policy
