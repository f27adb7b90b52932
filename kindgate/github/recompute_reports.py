"""Recompute a run's reports before anything is published about them: their own claims, and the base branch's objectives.

The base branch's objectives and load for a suite come from the base's own pytest settings and objectives file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kindgate.errors import GitHubRefused, PublishRefused, SettingsError, SloError
from kindgate.github.client import Api
from kindgate.github.confined import confined
from kindgate.github.gate_files import objectives_path, workload_at
from kindgate.github.legs import Collected
from kindgate.github.retry import retried
from kindgate.github.subject import Subject
from kindgate.github.suite_settings import ReadsFile, Suite, suite_settings
from kindgate.github.uploads import Uploads
from kindgate.report.base_objectives import BaseObjectives, UnreadBase, is_edited
from kindgate.report.recompute import recompute_report
from kindgate.report.run_report import RunReport
from kindgate.slo.slo_file import parse_document
from kindgate.waiting import Deadline
from kindgate.workload.burst_plan import shaped_loop
from kindgate.workload.planned_arrivals import planned_load


def base_objectives(read: ReadsFile, suite: Suite, branch: str) -> BaseObjectives | None:
    """The base's objectives for a suite, with the load of its workload; None if the base has no objectives file.

    Raises `SettingsError` and `SloError` if the base's settings or objectives file cannot be read.
    """
    settings = suite_settings(read, suite)
    file = objectives_path(settings)
    text = read(file) if not file.startswith(("/", "../")) else ""
    if not text.strip():
        return None
    objectives, workload = parse_document(text, file), workload_at(read, file, text)
    sizes, slo, load = objectives.bursts, settings.slo, settings.load
    rate, seconds = sizes.rate or load.rate, sizes.duration or load.duration
    if workload is not None:
        loop = shaped_loop(workload.load, rate, seconds, load.arrival)
        rate, seconds = loop.count / loop.seconds, loop.seconds
    return BaseObjectives(
        branch=branch,
        objectives=objectives,
        bursts=sizes.count or slo.bursts,
        rate=rate,
        seconds=seconds,
        quick=slo.quick,
        compares=slo.compares,
        required=suite.required,
        inconclusive=slo.inconclusive,
        load=planned_load(workload, round(rate * seconds)) if workload is not None else None,
    )


Base = BaseObjectives | UnreadBase


def bases_of(api: Api, suite: Suite, subject: Subject, head_sha: str, deadline: Deadline) -> tuple[Base, ...]:
    """Base objectives for `subject`, whose run was of `head_sha`: at the merge base, as GitHub recorded it, and at the base's head.

    A commit without an objectives file has none. A base that cannot be read makes the verdict red, because no run can be
    checked against it: the token lacks `contents: read`, or the base's settings are invalid.
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
    bases = (_base_at(api, suite, branch, commit, deadline) for commit in dict.fromkeys(commits))
    return tuple(base for base in bases if base is not None)


def recompute_uploads(uploads: Uploads, bases: Sequence[Base], accepted_by: str = "") -> Uploads:
    """The uploads with every report recomputed in a process with limits; beyond the limits, none of the reports is usable.

    `accepted_by` is the maintainer who lets edited objectives count.
    """
    reports = {leg: named.value for leg, named in uploads.reports.items()}
    if not reports:
        return uploads
    try:
        recomputed = confined(recompute_all, reports, bases, accepted_by)
    except PublishRefused as error:
        return replace(uploads, reports={}, problems=uploads.problems | dict.fromkeys(reports, error.message))
    return replace(uploads, reports={leg: replace(named, value=recomputed[leg]) for leg, named in uploads.reports.items()})


def recompute_collected(collected: Collected) -> Collected:
    """The legs with every report recomputed in a process with limits; beyond the limits, none of the reports is usable."""
    if not collected.reports:
        return collected
    try:
        return replace(collected, reports=confined(recompute_all, collected.reports))
    except PublishRefused as error:
        reasons = {**collected.reasons, **dict.fromkeys(collected.reports, error.message)}
        return Collected({}, tuple(sorted({*collected.missing, *collected.reports})), reasons)


def recompute_all(reports: Mapping[str, RunReport], bases: Sequence[Base] = (), accepted_by: str = "") -> dict[str, RunReport]:
    """Recompute each report.

    A run tests a merge with the base as of that time. If it used the objectives of any of `bases`, those apply to it,
    otherwise the first ones.
    """
    return {leg: recompute_report(report, _base_for(report, bases), accepted_by=accepted_by) for leg, report in reports.items()}


def _base_for(report: RunReport, bases: Sequence[Base]) -> Base | None:
    same = (
        base
        for base in bases
        if isinstance(base, BaseObjectives) and not is_edited(report.judged, base, report.answers, report.scenarios, report.policy)
    )
    return next(same, bases[0] if bases else None)


def _base_at(api: Api, suite: Suite, branch: str, commit: str, deadline: Deadline) -> Base | None:
    def read(path: str) -> str:
        return retried(path, lambda: api.file(path, commit), deadline)

    try:
        return base_objectives(read, suite, branch)
    except (GitHubRefused, SettingsError, SloError) as error:
        return UnreadBase(branch, f"unreadable at {commit[:10]}: {error.message}")
