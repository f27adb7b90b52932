"""What of a report is believed: nothing that GitHub itself says. A report that disagrees with it proves nothing."""

from __future__ import annotations

from collections.abc import Collection

from kindgate.github.links import run_links
from kindgate.github.replies import WorkflowRun
from kindgate.report.objectives import GateChanges
from kindgate.report.run import Link, PullRequest, RunReport


def disagreement(report: RunReport, run: WorkflowRun, repository: str, numbers: Collection[int] = ()) -> str:
    """How a report contradicts what GitHub says of the run that uploaded it; empty when it does not.

    `numbers` are the pull requests that the run can be about. Commit, run and attempt are compared by `decide`. Values
    of the report may stand in the answer, and must be escaped where it is shown.
    """
    said = report.pull_request
    if said is None:
        return "the report names neither a commit nor a run"
    if said.repository.lower() != repository.lower():
        return f"the report is for repository {said.repository or 'unknown'}, not for {repository}"
    if said.number is not None and numbers and said.number not in numbers:
        return f"the report is for pull request #{said.number}, which does not have this commit"
    for address in (said.run_url, *(link.url for link in report.links)):
        if address and address != run.url and not address.startswith((f"{run.url}/", f"{run.url}#")):
            return f"the report links to {address}, which is not a page of this run"
    return ""


def trusted(report: RunReport, record: PullRequest, changes: GateChanges, page: Link | None = None) -> RunReport:
    """`report` with what GitHub itself says in place of what the report says about pull request, links and gate."""
    links = (*run_links(record.run_url), *((page,) if page else ()))
    return report.model_copy(update={"pull_request": record, "links": links, "gate_changes": changes})
