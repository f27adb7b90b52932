"""Publish a finished run's verdict on its commit: the commit status, the comment and the pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.errors import GitHubRefused, PublishRefused
from kindgate.github.client import Api
from kindgate.github.comment import PostResult
from kindgate.github.comment_marker import Marker, comment_id
from kindgate.github.commit_status import PENDING, Status, set_status, status_of
from kindgate.github.confined import confined
from kindgate.github.context import Context
from kindgate.github.dropped_objectives import base_reports, no_longer_judged
from kindgate.github.identity import ANY_WORKFLOW, JUDGED_EVENTS, Expected, objection_to
from kindgate.github.legs import leg_conclusions, leg_names
from kindgate.github.links import own_page, page_name
from kindgate.github.outcome import NOT_JUDGED, Result, result_of, with_github_data
from kindgate.github.post import POST_SECONDS, Message, message_of_legs, message_without_report, update_comment
from kindgate.github.recompute_reports import bases_of, recompute_uploads
from kindgate.github.replies import PullState, WorkflowRun
from kindgate.github.retry import retried
from kindgate.github.subject import (
    PUSH,
    Rules,
    Subject,
    file_name,
    is_on_default_branch,
    newer_run,
    pulls_of,
    subject_of_pull,
    subject_of_queue,
)
from kindgate.github.suite_settings import WHOLE_REPOSITORY, Suite
from kindgate.github.uploads import Uploads, read_uploads
from kindgate.report.decision import NO_REQUIREMENTS, Decision, Requirements, decide, worst
from kindgate.report.html import report_page
from kindgate.report.run_report import PullRequest, RunReport
from kindgate.settings import GitHubSettings
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class SealedRun:
    """The default branch's run that judged another run's commit.

    `conclusion` is that of its judging job, empty until it ends.
    """

    run_id: int
    conclusion: str = ""


@dataclass(frozen=True)
class Request:
    """What to publish: the run, the legs that must have a report, the expected workflow, and each leg's required checks.

    Without a `run_id`, it is the newest run for the head of pull request `pull`. `watched` are the files and folders whose
    changes require the suite to run; if empty, any change does. With `sealed`, the run only requested a verdict, and another one
    judged. `suite` locates the suite's settings in the base branch. `page` is the URL of this workflow's artifact with the
    pages.
    """

    run_id: int = 0
    legs: Sequence[str] = ()
    expected: Expected = ANY_WORKFLOW
    requirements: Requirements = NO_REQUIREMENTS
    watched: Sequence[str] = ()
    pull: int = 0
    sealed: SealedRun | None = None
    suite: Suite = WHOLE_REPOSITORY
    page: str = ""


@dataclass(frozen=True)
class Published:
    """A result per status and comment, written or not; `decision` is None if there was nothing to decide."""

    results: tuple[PostResult, ...]
    decision: Decision | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of the decision."""
        return self.decision.exit_code if self.decision else 0


@dataclass(frozen=True)
class Publication:
    """Publishes a run to its commit and pull requests."""

    api: Api
    run: WorkflowRun
    request: Request
    settings: GitHubSettings
    context: Context
    deadline: Deadline

    def publish(self) -> Published:
        """Decide about the run for each of its subjects, set the status, and comment.

        The status comes first: it is the gate, and must be set even if the comment cannot be written.
        """
        run = self.run
        if reason := self._nothing_to_publish():
            return Published((PostResult(reason),))
        if run.status != "completed":
            return Published((self._set_status(PENDING),))
        judged = self._results()
        if not judged:
            return Published((PostResult(f"no open pull request has run {run.id}'s head {run.head_sha[:10]}: nothing was published"),))
        decision = worst(result.decision for _, result in judged)
        status = self._set_status(status_of(decision))
        return Published((status, *(self._comment(subject, result) for subject, result in judged if subject.pull)), decision)

    def write_pages(self, folder: Path) -> tuple[Path, ...]:
        """Write the pages of the run's legs, for the first of its pull requests; none if no comment would be posted."""
        run = self.run
        if self._nothing_to_publish() or run.status != "completed" or run.event != "pull_request":
            return ()
        written: list[Path] = []
        for subject, result in self._results()[:1]:
            folder.mkdir(parents=True, exist_ok=True)
            for leg, report in self._displayed_reports(result, subject, self._record(subject)).items():
                file = folder / page_name(f"{leg}-{run.id}", self.context.attempt)
                file.write_text(confined(report_page, report, result.decisions[leg]), encoding="utf-8")
                written.append(file)
        return tuple(written)

    def _results(self) -> list[tuple[Subject, Result]]:
        """The result for each subject of the run."""
        uploads = read_uploads(self.api, self.run, self.context.token, self.deadline)
        subjects = self._subjects()
        numbers = [subject.pull.number for subject in subjects if subject.pull]
        return [(subject, self._result(self._recomputed(uploads, subject), subject, numbers)) for subject in subjects]

    def _nothing_to_publish(self) -> str:
        """Why a run gets no verdict; empty if it does."""
        run = self.run
        if run.event not in JUDGED_EVENTS:
            return f"run {run.id} was started by {run.event}: it gets no verdict"
        if run.event == "push" and not retried("the default branch", lambda: is_on_default_branch(self.api, run), self.deadline):
            return f"run {run.id} is for a push that is not on the default branch: it gets no verdict"
        newer = retried("newer runs", lambda: newer_run(self.api, run), self.deadline)
        return f"run {newer} of {run.head_sha[:10]} is newer than {run.id}: nothing was published" if newer else ""

    def _subjects(self) -> list[Subject]:
        """The subjects of the run; empty if its pull request has been closed or has a newer head."""
        api, run = self.api, self.run
        rules = Rules(self.settings.approval_label, self.request.watched, self.request.suite)
        if run.event == "push":
            return [PUSH]
        if run.event == "merge_group":
            return [_subject_or_unknown(lambda: subject_of_queue(api, run, rules, self.deadline))]
        pulls = retried("the run's pull requests", lambda: pulls_of(api, run), self.deadline)
        return [self._subject_of(pull, rules) for pull in pulls]

    def _subject_of(self, pull: PullState, rules: Rules) -> Subject:
        return _subject_or_unknown(lambda: subject_of_pull(self.api, self.run, pull, rules, self.deadline), pull)

    def _set_status(self, status: Status) -> PostResult:
        return PostResult(set_status(self.api, self.run, status, self.settings.status, self.deadline))

    def _result(self, uploads: Uploads, subject: Subject, numbers: Sequence[int]) -> Result:
        return result_of(
            uploads,
            self.run,
            lambda report, identity: decide(report, self.request.requirements, identity),
            repository=self.context.repository,
            expected=leg_names(self.request.legs),
            numbers=numbers,
            objection=self._objection(subject, uploaded=bool(uploads.reports)),
            untouched=subject.untouched,
            conclusions=self._conclusions(uploads),
        )

    def _conclusions(self, uploads: Uploads) -> dict[str, str]:
        """Conclusions of each leg's jobs if the run failed, because a job that judges nothing may have failed it."""
        if self.run.conclusion == "success" or self.request.sealed or not uploads.reports:
            return {}
        return leg_conclusions(retried("the run's jobs", lambda: self.api.jobs(self.run.id), self.deadline), uploads.reports)

    def _objection(self, subject: Subject, *, uploaded: bool) -> str:
        """Why nothing of the run can be trusted; empty if it can.

        A maintainer can approve a changed workflow, and a sealed run always uses the default branch's.
        """
        if subject.objection:
            return subject.objection
        if subject.machinery and not self.request.sealed:
            changed = ", ".join(subject.machinery[:3])
            return "" if subject.approval.by else f"the pull request changes code that GitHub runs: {changed}"
        return objection_to(self.run, self.request.expected, self.context.repository, uploaded=uploaded)

    def _recomputed(self, uploads: Uploads, subject: Subject) -> Uploads:
        """The uploads with each verdict recomputed, also with the objectives of the subject's base."""
        return recompute_uploads(
            uploads, bases_of(self.api, self.request.suite, subject, self.run.head_sha, self.deadline), subject.approval.by
        )

    def _record(self, subject: Subject) -> PullRequest:
        """GitHub's own data on the run and its pull request."""
        run = self.run
        return PullRequest(
            repository=self.context.repository,
            number=subject.pull.number if subject.pull else None,
            head_sha=run.head_sha,
            base_sha=subject.base_sha,
            run_id=run.id,
            attempt=run.attempt,
            run_url=run.attempt_url,
        )

    def _displayed_reports(self, result: Result, subject: Subject, record: PullRequest) -> dict[str, RunReport]:
        """The legs' reports with GitHub's data in place of their own, and with a link to their page."""
        api, branch = self.api, subject.pull.base_ref if subject.pull else ""
        base = base_reports(api, file_name(self.run.path), branch, self.context.token, self.deadline) if branch else {}
        page = own_page(self.request.page, self.context.run_url)
        reports: dict[str, RunReport] = {}
        for leg, report in result.collected.reports.items():
            dropped = no_longer_judged(report, base[leg]) if leg in base else ()
            reports[leg] = with_github_data(report, record, subject.changes.model_copy(update={"no_longer": dropped}), page)
        return reports

    def _message(self, result: Result, subject: Subject) -> Message:
        record = self._record(subject)
        if not result.decisions:
            return message_without_report(result.decision, record)
        reports = self._displayed_reports(result, subject, record)
        return confined(message_of_legs, replace(result.collected, reports=reports), result.decisions, record.head_sha)

    def _comment(self, subject: Subject, result: Result) -> PostResult:
        """Render and post the comment on one pull request."""
        run, pull = self.run, subject.pull
        if pull is None or self.settings.comment == "never":
            return PostResult("--github-comment=never, comment skipped")
        message = self._message(result, subject)
        marker = Marker(comment_id(self.settings.id, run.workflow, Path(), ""), run.head_sha, run.id, run.attempt, message.digest)
        deadline = self.deadline.at_most(POST_SECONDS)
        unjudged = result.decision == NOT_JUDGED and self.settings.comment != "require"
        settings = replace(self.settings, comment="on-failure") if unjudged else self.settings  # no comment if nothing watched has changed
        posted = update_comment(self.api, message, settings, number=pull.number, marker=marker, deadline=deadline)
        return PostResult(posted.line, posted.url, posted.warnings)


def _subject_or_unknown(read: Callable[[], Subject], pull: PullState | None = None) -> Subject:
    """The subject that `read` returns; if GitHub does not show it, one that reports why its run proves nothing."""
    try:
        return read()
    except (GitHubRefused, PublishRefused) as error:
        return Subject(pull, pull.base_sha if pull else "", objection=f"its changes are unknown: {error.message}")
