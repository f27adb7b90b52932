"""Replace a report's claims about GitHub with GitHub's own data. A report that disagrees with it proves nothing."""

from __future__ import annotations

from collections.abc import Collection

from kindgate.github.links import run_links
from kindgate.github.replies import WorkflowRun
from kindgate.report.objectives import GateChanges
from kindgate.report.run import Link, PullRequest, RunReport


def disagreement(report: RunReport, run: WorkflowRun, repository: str, numbers: Collection[int] = ()) -> str:
    """How a report contradicts GitHub's data on the run that uploaded it; empty if it does not.

    `numbers` are the pull requests that the run can be about. Commit, run and attempt are compared by `decide`. The result
    may contain values of the report, and must be escaped for display.
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
    """Return `report` with GitHub's own data for pull request, links and gate."""
    links = (*run_links(record.run_url), *((page,) if page else ()))
    return report.model_copy(update={"pull_request": record, "links": links, "gate_changes": changes})
