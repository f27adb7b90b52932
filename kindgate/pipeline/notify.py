"""Publish a run's findings: the job summary, annotations, and the comment on the pull request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.errors import GitHubError, KindgateError
from kindgate.github.annotations import annotation_lines
from kindgate.github.context import read_context
from kindgate.github.gate_diff import changes_in_checkout
from kindgate.github.gate_files import workload_files
from kindgate.github.links import run_links
from kindgate.github.post import post_comment
from kindgate.github.step_files import write_summary
from kindgate.github.workflow_commands import in_actions
from kindgate.report.frozen_record import LINE_LIMIT
from kindgate.report.markdown import job_summary
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import GateChanges
from kindgate.report.run_report import Link, Outcome, PullRequest, RunReport
from kindgate.settings import GitHubSettings, Settings
from kindgate.waiting import Deadline

GIT_SECONDS = 20.0


@dataclass(frozen=True)
class Origin:
    """The judged pull request, its changes to the gate, and links to the run's pages; empty outside GitHub Actions.

    `notes` state what could not be determined.
    """

    record: PullRequest | None
    changes: GateChanges
    notes: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Notification:
    """Remaining work: lines that the runner must read as commands, and the error of a required comment that was not posted."""

    annotations: tuple[str, ...]
    comment_error: GitHubError | None = None


def read_origin(settings: Settings, environment: Mapping[str, str]) -> Origin:
    """Read this run's context from GitHub Actions; if git cannot compare the checkout, a note replaces the changes."""
    context = read_context(environment)
    links = run_links(context.run_url)
    if context.pull is None:
        return Origin(context.record(), GateChanges(), links=links)
    try:
        changes = changes_in_checkout(
            settings.root,
            context.pull,
            Deadline.after(GIT_SECONDS),
            slo_file=settings.slo.file,
            folders=(settings.deploy.overlay, *settings.deploy.apply, *_workload_files(settings)),
        )
    except KindgateError as error:
        note = f"cannot determine how this pull request changes the gate: {error.message}"
        return Origin(context.record(), GateChanges(), (shortened(note, LINE_LIMIT),), links)
    return Origin(context.record(), changes, links=links)


def _workload_files(settings: Settings) -> tuple[Path, ...]:
    """The files of the suite's workload, relative to its folder."""

    def read(file: str) -> str:
        path = settings.path(Path(file))
        return path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else ""

    return tuple(Path(file) for file in sorted(workload_files(read, replace(settings, root=Path()))))


def notify(
    report: RunReport, settings: GitHubSettings, root: Path, environment: Mapping[str, str], show: Callable[[str], object]
) -> Notification:
    """Write summary and comment; `show` receives a line about each, which can contain untrusted text.

    An interrupted run posts nothing. A failed comment is reported as a line, and as an error if the comment is required.
    """
    if summary := write_summary(lambda used: job_summary(report, used=used), environment):
        show(summary)
    annotations = annotation_lines(report) if in_actions(environment) else ()
    if report.outcome is Outcome.INTERRUPTED:
        return Notification(annotations)
    try:
        result = post_comment(report, settings, environment, root=root)
    except GitHubError as error:
        show(f"kindgate: {error}")
        return Notification(annotations, error)
    for line in (result.line, *(f"warning: {text}" for text in result.warnings)):
        show(line)
    return Notification(annotations)
