"""Judges a run's reports again before anything is said about them: their own claims, and the objectives of the base branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kindgate.errors import GitHubRefused, PublishRefused, SettingsError, SloError
from kindgate.github.api import Api
from kindgate.github.base_suite import base_objectives
from kindgate.github.bounded import retried
from kindgate.github.confined import confined
from kindgate.github.legs import Collected
from kindgate.github.subject import Subject
from kindgate.github.suite import Suite
from kindgate.github.uploads import Uploads
from kindgate.report.base_objectives import BaseObjectives, UnreadBase, is_edited
from kindgate.report.recompute import recomputed
from kindgate.report.run import RunReport
from kindgate.waiting import Deadline

Base = BaseObjectives | UnreadBase


def bases_of(api: Api, suite: Suite, subject: Subject, head_sha: str, deadline: Deadline) -> tuple[Base, ...]:
    """What the base of `subject`, whose run was of `head_sha`, demands: where it started, as GitHub recorded it, and as it is now.

    A commit without an objectives file demands nothing. A base that cannot be read is one that no run can be held to, which is
    red: a token without `contents: read`, or settings of the base that are wrong.
    """
    if not subject.base_sha:
        return ()
    pull = subject.pull
    branch = pull.base_ref if pull and pull.base_ref else "the base branch"
    commits = [subject.base_sha]
    try:
        if pull is not None:
            start = retried("the merge base", lambda: api.merge_base(subject.base_sha, head_sha), deadline)
            commits = [start, subject.base_sha]
        if pull is not None and pull.base_ref:
            commits.append(retried(branch, lambda: api.branch_head(pull.base_ref), deadline))
    except GitHubRefused as error:
        return (UnreadBase(branch, f"the pull request's merge base is unknown: {error.message}"),)
    found = (_base_at(api, suite, branch, commit, deadline) for commit in dict.fromkeys(commits))
    return tuple(base for base in found if base is not None)


def judged_again(uploads: Uploads, bases: Sequence[Base], accepted_by: str = "") -> Uploads:
    """The uploads with every report judged again, in a process with limits; beyond them none of the reports can be used.

    `accepted_by` is the maintainer who lets edited objectives count.
    """
    reports = {leg: named.value for leg, named in uploads.reports.items()}
    if not reports:
        return uploads
    try:
        judged = confined(all_judged_again, reports, bases, accepted_by)
    except PublishRefused as error:
        return replace(uploads, reports={}, problems=uploads.problems | dict.fromkeys(reports, error.message))
    return replace(uploads, reports={leg: replace(named, value=judged[leg]) for leg, named in uploads.reports.items()})


def collected_again(collected: Collected) -> Collected:
    """The legs with every report judged again, in a process with limits; beyond them none of the reports can be used."""
    if not collected.reports:
        return collected
    try:
        return replace(collected, reports=confined(all_judged_again, collected.reports))
    except PublishRefused as error:
        reasons = {**collected.reasons, **dict.fromkeys(collected.reports, error.message)}
        return Collected({}, tuple(sorted({*collected.missing, *collected.reports})), reasons)


def all_judged_again(reports: Mapping[str, RunReport], bases: Sequence[Base] = (), accepted_by: str = "") -> dict[str, RunReport]:
    """The reports, each judged again.

    A run is of a merge with what the base was at that time. Where it judged by the objectives of any of `bases`, it is held to
    those, else to the first.
    """
    return {leg: recomputed(report, _base_for(report, bases), accepted_by=accepted_by) for leg, report in reports.items()}


def _base_for(report: RunReport, bases: Sequence[Base]) -> Base | None:
    same = (base for base in bases if isinstance(base, BaseObjectives) and not is_edited(report.judged, base))
    return next(same, bases[0] if bases else None)


def _base_at(api: Api, suite: Suite, branch: str, commit: str, deadline: Deadline) -> Base | None:
    def read(path: str) -> str:
        return retried(path, lambda: api.file(path, commit), deadline)

    try:
        return base_objectives(read, suite, branch)
    except (GitHubRefused, SettingsError, SloError) as error:
        return UnreadBase(branch, f"unreadable at {commit[:10]}: {error.message}")
