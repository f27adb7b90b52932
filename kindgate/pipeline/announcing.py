"""Where a run says what it found: the job summary, annotations, and the comment on the pull request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import GitHubError, KindgateError
from kindgate.github.annotations import annotation_lines
from kindgate.github.changes import changes_in_checkout
from kindgate.github.context import read_context
from kindgate.github.post import post_comment
from kindgate.github.summary import write_summary
from kindgate.report.markdown import job_summary
from kindgate.report.objectives import GateChanges
from kindgate.report.run import Outcome, PullRequest, RunReport
from kindgate.settings import GitHubSettings
from kindgate.waiting import Deadline

GIT_SECONDS = 20.0


@dataclass(frozen=True)
class Origin:
    """The pull request that is judged, and what it changes about the gate; both empty outside of one."""

    record: PullRequest | None
    changes: GateChanges


def read_origin(root: Path, environment: Mapping[str, str]) -> Origin:
    """What GitHub Actions says about this run; a checkout that git cannot compare only leaves the changes out."""
    context = read_context(environment)
    changes = GateChanges()
    if context.pull is not None:
        with suppress(KindgateError):
            changes = changes_in_checkout(root, context.pull, Deadline.after(GIT_SECONDS))
    return Origin(context.record(), changes)


def announce(
    report: RunReport, settings: GitHubSettings, root: Path, environment: Mapping[str, str], show: Callable[[str], object]
) -> GitHubError | None:
    """Write summary, annotations and comment; `show` gets a line about each.

    An interrupted run does not post. Returns the error of a comment that is required and was not written; any other
    failure is a line.
    """
    if summary := write_summary(lambda used: job_summary(report, used=used), environment):
        show(summary)
    if environment.get("GITHUB_ACTIONS") == "true":
        for line in annotation_lines(report):
            show(line)
    if report.outcome is Outcome.INTERRUPTED:
        return None
    try:
        result = post_comment(report, settings, environment, root=root)
    except GitHubError as error:
        show(f"kindgate: {error}")
        return error
    for line in (result.line, *(f"warning: {text}" for text in result.warnings)):
        show(line)
    return None
