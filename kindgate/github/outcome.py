"""The outcome of a run's uploads for one pull request or commit: a decision per leg, and an overall one.

A report whose claims about GitHub contradict GitHub's own data proves nothing; what is published uses GitHub's data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kindgate.github.legs import Collected
from kindgate.github.links import run_links
from kindgate.github.replies import WorkflowRun
from kindgate.github.uploads import Uploads
from kindgate.report.decision import UNTRUSTED, VERDICT_WORDS, Decision, RunIdentity, no_verdict, untrusted, worst
from kindgate.report.objective_records import GateChanges
from kindgate.report.run_report import Link, Outcome, PullRequest, RunReport


def disagreement(report: RunReport, run: WorkflowRun, repository: str, numbers: Collection[int] = ()) -> str:
    """How a report contradicts GitHub's data on the run that uploaded it; empty if it does not.

    `numbers` are the pull requests that the run can be about. Commit, run and attempt are compared by `decide`. The result
    may contain values of the report, and must be escaped for display.
    """
    record = report.pull_request
    if record is None:
        return "the report names neither a commit nor a run"
    if record.repository.lower() != repository.lower():
        return f"the report is for repository {record.repository or 'unknown'}, not for {repository}"
    if record.number is not None and numbers and record.number not in numbers:
        return f"the report is for pull request #{record.number}, which does not have this commit"
    for address in (record.run_url, *(link.url for link in report.links)):
        if address and address != run.url and not address.startswith((f"{run.url}/", f"{run.url}#")):
            return f"the report links to {address}, which is not a page of this run"
    return ""


def with_github_data(report: RunReport, record: PullRequest, changes: GateChanges, page: Link | None = None) -> RunReport:
    """Return `report` with GitHub's own data for pull request, links and gate."""
    links = (*run_links(record.run_url), *((page,) if page else ()))
    return report.model_copy(update={"pull_request": record, "links": links, "gate_changes": changes})


Judge = Callable[[RunReport, RunIdentity], Decision]
"""Decides about a report that must belong to this run."""

_CONCLUSION_MEANINGS: Mapping[str, str] = {
    "action_required": "the run is waiting for a maintainer's approval",
    "cancelled": "the run was cancelled",
    "neutral": "the run ended without a result",
    "skipped": "the run was skipped",
    "stale": "the run was abandoned by GitHub",
    "startup_failure": "the run failed to start",
    "timed_out": "the run timed out",
}
"""Meaning of GitHub's conclusions (docs.github.com, "Workflow runs": `conclusion`)."""

NO_REPORT = "the run uploaded no report"

NOT_JUDGED = Decision(VERDICT_WORDS[Outcome.PASSED], may_merge=True, exit_code=0, reason="not judged: no watched files changed")
"""For one of several suites, if the pull request does not touch it."""


@dataclass(frozen=True)
class Result:
    """The legs, a decision for each, and the overall one."""

    collected: Collected
    decisions: Mapping[str, Decision]
    decision: Decision


def ending_of(conclusion: str) -> str:
    """A sentence about a run without a report, from GitHub's conclusion."""
    meaning = _CONCLUSION_MEANINGS.get(conclusion)
    return f"{meaning} and uploaded no report" if meaning else NO_REPORT


def result_of(
    uploads: Uploads,
    run: WorkflowRun,
    judge: Judge,
    *,
    repository: str,
    expected: Collection[str] = (),
    numbers: Collection[int] = (),
    objection: str = "",
    untouched: bool = False,
    conclusions: Mapping[str, str] = MappingProxyType({}),
) -> Result:
    """Decide about every leg of a run, based on GitHub's description of it, not its reports'.

    `expected` names legs that must have a report, `numbers` the pull requests that the run can be about. `objection` is why
    nothing of the run can be trusted. A leg must agree with the conclusion of its own jobs (`conclusions`) or, if unknown, of
    the run: then a passed leg contradicts a failed run only if no other leg explains the failure. `untouched` is whether no
    watched file has changed: then a successful run may have no report.
    """
    if untouched and not objection and run.conclusion == "success" and not (uploads.reports or uploads.problems or uploads.refusal):
        return Result(Collected({}), {}, NOT_JUDGED)
    if not uploads.reports and not uploads.problems:
        reason = uploads.refusal or ending_of(run.conclusion)
        return Result(Collected({}), {}, untrusted(objection) if objection else no_verdict(reason))
    decisions: dict[str, Decision] = {}
    for leg, named in uploads.reports.items():
        reason = objection or disagreement(named.value, run, repository, numbers)
        decisions[leg] = untrusted(reason) if reason else judge(named.value, RunIdentity(run.head_sha, run.id, named.attempt))
    missing = sorted({*expected, *uploads.problems} - uploads.reports.keys())
    collected = Collected({leg: named.value for leg, named in uploads.reports.items()}, tuple(missing), uploads.problems)
    explained = bool(missing) or not all(decision.may_merge for decision in decisions.values())
    decisions = {
        leg: _against(decision, conclusions.get(leg) or run.conclusion, explained=explained and leg not in conclusions)
        for leg, decision in decisions.items()
    }
    decisions |= {leg: no_verdict(reason) for leg, reason in collected.missing_reasons.items()}
    return Result(collected, decisions, worst(decisions.values()))


def _against(decision: Decision, conclusion: str, *, explained: bool) -> Decision:
    """The decision combined with the conclusion of the leg or its run; another leg may have `explained` a failure."""
    agrees = decision.may_merge == (conclusion == "success")
    refuted = decision.recomputed and not decision.may_merge  # by its own figures or by the base, which says more than a disagreement
    if agrees or refuted or decision.verdict == UNTRUSTED or (decision.may_merge and explained):
        return decision
    return untrusted(f"the report claims {decision.verdict}, but its run ended with {conclusion}")
