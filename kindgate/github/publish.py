"""Publishes what a finished run has to say about the commit that it judged, from a workflow on the default branch.

One way for all: pull requests of this repository, of forks and of Dependabot, merge groups and pushes. The run's
artifacts come from code that nobody has reviewed. Where a comment goes, which commit it names and what it links comes
from GitHub's API alone; of a report only checked figures and names are used, and they are rendered here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.errors import GitHubError, GitHubRefused, PublishRefused
from kindgate.github.again import WHOLE_REPOSITORY, Suite, bases_of, judged_again
from kindgate.github.api import Api
from kindgate.github.bounded import retried, within
from kindgate.github.comment import PostResult
from kindgate.github.confined import confined
from kindgate.github.context import Context, read_context
from kindgate.github.identity import ANY_WORKFLOW, JUDGED_EVENTS, Expected, objection_to
from kindgate.github.legs import leg_names
from kindgate.github.marker import Marker, comment_id
from kindgate.github.outcome import NOT_JUDGED, Result, result_of
from kindgate.github.post import POST_SECONDS, Message, message_of_legs, message_without_report, settle
from kindgate.github.replies import PullState, WorkflowRun
from kindgate.github.status import PENDING, Status, set_status, status_of
from kindgate.github.subject import (
    PUSH,
    Rules,
    Subject,
    is_on_default_branch,
    newer_run,
    newest_run_of,
    pulls_of,
    subject_of_pull,
    subject_of_queue,
)
from kindgate.github.trust import trusted
from kindgate.github.uploads import Uploads, read_uploads
from kindgate.report.decision import ANYTHING, Decision, Requirements, decide, worst
from kindgate.report.run import PullRequest
from kindgate.settings import GitHubSettings
from kindgate.waiting import Deadline

PUBLISH_SECONDS = 180.0
"""Seconds for reading the run, its artifacts and its pull requests, and for posting."""


@dataclass(frozen=True)
class SealedRun:
    """The run of the default branch that judged the commit of another one.

    `conclusion` is how its judging job ended, empty before that.
    """

    run_id: int
    conclusion: str = ""


@dataclass(frozen=True)
class Request:
    """What to publish: the run, the legs that must have a report, the workflow that it must be of, and what a leg must judge.

    Without a `run_id` it is the newest run of the head of pull request `pull`. `watched` are the files and folders whose
    change has the suite judged at all; none of them are all. With `sealed`, the run only asked for a verdict, and another
    one judged. `suite` is where the base branch says by what it is judged.
    """

    run_id: int = 0
    legs: Sequence[str] = ()
    expected: Expected = ANY_WORKFLOW
    requirements: Requirements = ANYTHING
    watched: Sequence[str] = ()
    pull: int = 0
    sealed: SealedRun | None = None
    suite: Suite = WHOLE_REPOSITORY


@dataclass(frozen=True)
class Published:
    """A result per status and comment, written or not; `decision` is None where there was nothing to decide."""

    results: tuple[PostResult, ...]
    decision: Decision | None = None

    @property
    def exit_code(self) -> int:
        """How the command ends: as the decision says."""
        return self.decision.exit_code if self.decision else 0


def publish_run(request: Request, settings: GitHubSettings, env: Mapping[str, str], *, seconds: float = PUBLISH_SECONDS) -> Published:
    """Set the commit status of a run's head, and comment on every open pull request that has it, whatever the run's conclusion is.

    A run that has not finished makes the status pending. Nothing to publish is a result that says so. Raises
    `GitHubError` when GitHub cannot be read or written, and `WaitTimeout` after `seconds`.
    """
    context = read_context(env)
    if not (context.repository and context.token):
        missing = "GITHUB_TOKEN" if context.repository else "GITHUB_REPOSITORY"
        raise GitHubError(f"{missing} is not set", next_step="run it in a workflow, with the token in the environment of this step")
    deadline = Deadline.after(seconds)
    return within(deadline, "GitHub", lambda: _publish(request, settings, context, deadline))


def _publish(request: Request, settings: GitHubSettings, context: Context, deadline: Deadline) -> Published:
    with Api(context.api_url, context.token, context.repository, timeout=deadline.remaining / 3) as api:
        run_id = request.run_id or _newest_run(api, request, deadline)
        if not run_id:
            return Published((PostResult(f"#{request.pull} has no run of {request.expected.workflow} for its head: nothing is published"),))
        run = retried(f"run {run_id}", lambda: api.workflow_run(run_id), deadline)
        if request.sealed is not None:
            run = _judged_by(api, run, request.sealed, deadline)
        return _Publication(api, run, request, settings, context, deadline).publish()


def _newest_run(api: Api, request: Request, deadline: Deadline) -> int:
    """The newest run for a pull request's head; 0 where there is none."""
    pull = retried(f"pull request #{request.pull}", lambda: api.pull(request.pull), deadline)
    found = retried("its runs", lambda: newest_run_of(api, request.expected.workflow, pull), deadline)
    return found.id if found else 0


def _judged_by(api: Api, asked: WorkflowRun, sealed: SealedRun, deadline: Deadline) -> WorkflowRun:
    """The run that judged, as one about the commit of the run that asked for it.

    Only a workflow of the default branch is started by `workflow_run`: such a run's file and what it called are what
    somebody with write access has merged. Raises `PublishRefused` for any other run.
    """
    judge = retried(f"run {sealed.run_id}", lambda: api.workflow_run(sealed.run_id), deadline)
    if judge.event != "workflow_run":
        raise PublishRefused(f"run {judge.id} was started by {judge.event}: a sealed run follows another one")
    conclusion = asked.conclusion if sealed.conclusion == "skipped" else sealed.conclusion
    return replace(
        judge,
        event=asked.event,
        status="completed" if conclusion else "in_progress",
        conclusion=conclusion,
        head_sha=asked.head_sha,
        head_branch=asked.head_branch,
        head_owner=asked.head_owner,
        head_repository_id=asked.head_repository_id,
    )


@dataclass(frozen=True)
class _Publication:
    """A run on its way to the commit and the pull requests that it is about."""

    api: Api
    run: WorkflowRun
    request: Request
    settings: GitHubSettings
    context: Context
    deadline: Deadline

    def publish(self) -> Published:
        """Decide about the run for each of its subjects, set the status, and comment.

        The status comes first: it is the gate, and a comment that cannot be written must not keep it from closing.
        """
        run = self.run
        if reason := self._nothing_to_publish():
            return Published((PostResult(reason),))
        if run.status != "completed":
            return Published((self._set_status(PENDING),))
        uploads = read_uploads(self.api, run, self.context.token, self.deadline)
        subjects = self._subjects()
        if not subjects:
            return Published((PostResult(f"no open pull request has run {run.id}'s head {run.head_sha[:10]}: nothing is published"),))
        numbers = [subject.pull.number for subject in subjects if subject.pull]
        results = [self._result(self._judged_again(uploads, subject), subject, numbers) for subject in subjects]
        decision = worst(result.decision for result in results)
        status = self._set_status(status_of(decision))
        comments = [self._comment(subject, result) for subject, result in zip(subjects, results, strict=True) if subject.pull]
        return Published((status, *comments), decision)

    def _nothing_to_publish(self) -> str:
        """Why a run says nothing about its commit; empty when it does."""
        run = self.run
        if run.event not in JUDGED_EVENTS:
            return f"run {run.id} was started by {run.event}: it gets no verdict"
        if run.event == "push" and not retried("the default branch", lambda: is_on_default_branch(self.api, run), self.deadline):
            return f"run {run.id} is of a push that is not on the default branch: it gets no verdict"
        newer = retried("newer runs", lambda: newer_run(self.api, run), self.deadline)
        return f"run {newer} of {run.head_sha[:10]} is newer than {run.id}: nothing is published" if newer else ""

    def _subjects(self) -> list[Subject]:
        """What the run is about; nothing where its pull request has been closed or has moved on."""
        api, run = self.api, self.run
        rules = Rules(self.settings.approval_label, self.request.watched)
        if run.event == "push":
            return [PUSH]
        if run.event == "merge_group":
            return [_known(lambda: subject_of_queue(api, run, rules, self.deadline))]
        pulls = retried("its pull requests", lambda: pulls_of(api, run), self.deadline)
        return [self._subject_of(pull, rules) for pull in pulls]

    def _subject_of(self, pull: PullState, rules: Rules) -> Subject:
        return _known(lambda: subject_of_pull(self.api, self.run, pull, rules, self.deadline), pull)

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
        )

    def _objection(self, subject: Subject, *, uploaded: bool) -> str:
        """Why nothing of the run can be believed; empty when it can.

        A maintainer may approve a changed workflow, and a sealed run is of the default branch's in any case.
        """
        if subject.objection:
            return subject.objection
        if subject.machinery and not self.request.sealed:
            changed = ", ".join(subject.machinery[:3])
            return "" if subject.approval.by else f"the pull request changes what GitHub runs: {changed}"
        return objection_to(self.run, self.request.expected, self.context.repository, uploaded=uploaded)

    def _judged_again(self, uploads: Uploads, subject: Subject) -> Uploads:
        """The uploads with each verdict judged again, by the objectives of what the subject is based on too."""
        return judged_again(uploads, bases_of(self.api, self.request.suite, subject, self.run.head_sha, self.deadline), subject.approval.by)

    def _message(self, result: Result, subject: Subject, record: PullRequest) -> Message:
        if not result.decisions:
            return message_without_report(result.decision, record)
        reports = {leg: trusted(report, record, subject.changes) for leg, report in result.collected.reports.items()}
        return confined(message_of_legs, replace(result.collected, reports=reports), result.decisions, record.head_sha)

    def _comment(self, subject: Subject, result: Result) -> PostResult:
        """Render and post what the run says about one pull request."""
        run, pull = self.run, subject.pull
        if pull is None or self.settings.comment == "never":
            return PostResult("--github-comment=never, comment skipped")
        record = PullRequest(
            repository=self.context.repository,
            number=pull.number,
            head_sha=run.head_sha,
            base_sha=subject.base_sha,
            run_id=run.id,
            attempt=run.attempt,
            run_url=run.attempt_url,
        )
        message = self._message(result, subject, record)
        marker = Marker(comment_id(self.settings.id, run.workflow, Path(), ""), run.head_sha, run.id, run.attempt, message.digest)
        deadline = self.deadline.at_most(POST_SECONDS)
        quiet = result.decision == NOT_JUDGED and self.settings.comment != "require"
        settings = replace(self.settings, comment="on-failure") if quiet else self.settings  # no comment for what is untouched
        posted = settle(self.api, message, settings, number=pull.number, marker=marker, deadline=deadline)
        return PostResult(posted.line, posted.url, (*subject.warnings, *posted.warnings))


def _known(read: Callable[[], Subject], pull: PullState | None = None) -> Subject:
    """What `read` finds; where GitHub does not show it, a subject whose run proves nothing, so that this can be said."""
    try:
        return read()
    except (GitHubRefused, PublishRefused) as error:
        return Subject(pull, pull.base_sha if pull else "", objection=f"what it changes is not known: {error.message}")
