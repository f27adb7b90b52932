"""What the base branch judges and a pull request's run no longer does: tests that are gone or skipped, objectives that are left out."""

from __future__ import annotations

from kindgate.errors import GitHubError
from kindgate.github.api import Api
from kindgate.github.bounded import retried
from kindgate.github.replies import WorkflowRun
from kindgate.github.uploads import read_uploads
from kindgate.report.escape import shortened
from kindgate.report.record import LINE_LIMIT
from kindgate.report.run import RunReport
from kindgate.waiting import Deadline

ROWS_LIMIT = 200
"""Tests and objectives that a report names; more are counted in the last row."""


def base_reports(api: Api, workflow: str, branch: str, token: str, deadline: Deadline) -> dict[str, RunReport]:
    """The reports by leg of the newest run that judged the base branch and succeeded; none where there is no such run.

    `workflow` is the name of the workflow's file. It only adds to what is said about a pull request, so that what
    cannot be read is left out.
    """
    try:
        run = retried("the base branch's runs", lambda: api.newest_push(workflow, branch), deadline)
        if run is None or not retried("the base branch's history", lambda: is_on_branch(api, run, branch), deadline):
            return {}
        return {leg: named.value for leg, named in read_uploads(api, run, token, deadline).reports.items()}
    except GitHubError:
        return {}


def is_on_branch(api: Api, run: WorkflowRun, branch: str) -> bool:
    """Whether the commit of a push is in the history of a branch: the name that the run has may be that of a tag."""
    if run.head_branch != branch:
        return False
    newest = api.branch_head(branch)
    return newest == run.head_sha or api.merge_base(newest, run.head_sha) == run.head_sha


def no_longer_judged(report: RunReport, base: RunReport) -> tuple[str, ...]:
    """What `base` judged and `report` does not: e2e tests that passed there and did not run here, objectives by metric and test."""
    ran = {test.node_id for test in report.tests if test.outcome not in {"skipped", "xfailed"}}
    tests = [test.node_id for test in base.tests if test.e2e and test.outcome == "passed" and test.node_id not in ran]
    here = {(row.metric, row.test) for row in report.objectives}
    objectives = {(row.metric, row.test) for row in base.objectives} - here
    rows = [f"test {name}" for name in sorted(tests)]
    rows += [f"objective of {metric}{f' in {test}' if test else ''}" for metric, test in sorted(objectives)]
    if len(rows) > ROWS_LIMIT:
        rows = [*rows[: ROWS_LIMIT - 1], f"and {len(rows) - ROWS_LIMIT + 1} more"]
    return tuple(shortened(row, LINE_LIMIT) for row in rows)
