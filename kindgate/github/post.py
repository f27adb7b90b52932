"""Post a run's results to the pull request that it judged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import GitHubError, KindgateError
from kindgate.github.client import Api
from kindgate.github.comment import Conversation, Post, PostResult
from kindgate.github.comment_decision import comment_attempt
from kindgate.github.comment_marker import Marker, comment_id, digest_of
from kindgate.github.confined import confined
from kindgate.github.context import Context, read_context
from kindgate.github.legs import Collected
from kindgate.github.links import run_links
from kindgate.github.retry import within
from kindgate.report.decision import Decision, decide, worst
from kindgate.report.markdown import Leg, comment, comment_without_report, matrix_comment
from kindgate.report.run_report import PullRequest, RunReport
from kindgate.settings import GitHubSettings
from kindgate.waiting import Deadline

POST_SECONDS = 45.0
"""Timeout in seconds for all requests of one comment."""


@dataclass(frozen=True)
class Message:
    """A comment's content: its Markdown, a digest of its news, and whether a reviewer has nothing to do."""

    markdown: str
    digest: str
    passed: bool


def post_comment(
    report: RunReport, settings: GitHubSettings, env: Mapping[str, str], *, root: Path, seconds: float = POST_SECONDS
) -> PostResult:
    """Write the comment about one run, if there is a pull request and a token with permission; otherwise report why not.

    `root` is the suite's root folder and part of the comment's default id. Takes at most `seconds`. A failure is a warning in
    the result; with `--github-comment=require` it is raised as `GitHubError`. Raises `SettingsError` for an unusable id.
    """
    return _post(lambda: message_of(report), settings, env, root, seconds)


def post_reports(
    collected: Collected,
    decisions: Mapping[str, Decision],
    settings: GitHubSettings,
    env: Mapping[str, str],
    *,
    root: Path,
    seconds: float = POST_SECONDS,
) -> PostResult:
    """Write one comment about all legs of a run, with the decision about each, including legs without a report.

    Returns and raises as `post_comment`.
    """
    result = _post(lambda: confined(message_of_legs, collected, decisions), settings, env, root, seconds)
    return PostResult(result.line, result.url, (*collected.problems, *result.warnings))


def message_of(report: RunReport, decision: Decision | None = None) -> Message:
    """The comment about one run; `decision` defaults to the one its content gives."""
    decided = decision or decide(report)
    return Message(comment(report, decided), _digest([digest_of(report), decided.verdict, decided.reason]), decided.may_merge)


def message_of_legs(collected: Collected, decisions: Mapping[str, Decision], head: str = "") -> Message:
    """The comment about several legs of the commit `head`, with the decision about each."""
    if len(collected.reports) == 1 and not collected.missing:
        ((name, report),) = collected.reports.items()
        return message_of(report, decisions[name])
    legs = [Leg(name, report, decisions[name]) for name, report in collected.reports.items()]
    missing = collected.missing_reasons
    parts = [f"{leg.name}={digest_of(leg.report)} {leg.decision.verdict} {leg.decision.reason}" for leg in legs]
    parts += [f"{name} {reason}" for name, reason in missing.items()]
    return Message(matrix_comment(legs, missing, head=head), _digest(parts), worst(decisions.values()).may_merge)


def message_without_report(decision: Decision, record: PullRequest) -> Message:
    """The comment about a run without a report, which `record` describes with GitHub's data."""
    markdown = comment_without_report(decision, record.head_sha, run_links(record.run_url))
    return Message(markdown, _digest([decision.verdict, decision.reason]), decision.may_merge)


def update_comment(api: Api, message: Message, settings: GitHubSettings, *, number: int, marker: Marker, deadline: Deadline) -> PostResult:
    """Leave exactly one kindgate comment on a pull request, with this message; raises as `Conversation.converge`."""
    body = f"{marker}\n{message.markdown}"
    post = Post(number, marker, body, settings.author, settings.comment, passed=message.passed)
    return Conversation(api, post, deadline).converge()


def _post(message: Callable[[], Message], settings: GitHubSettings, env: Mapping[str, str], root: Path, seconds: float) -> PostResult:
    context = read_context(env)
    identity = comment_id(settings.id, context.workflow, root, context.workspace)
    attempt = comment_attempt(context, settings.comment)
    required = settings.comment == "require"
    if not attempt.post:
        if required and not attempt.silent:
            raise GitHubError(f"a comment is required: {attempt.reason}")
        return PostResult(attempt.reason)
    deadline = Deadline.after(seconds)
    try:
        return within(deadline, "GitHub", lambda: _send(context, message(), settings, identity, deadline))
    except KindgateError as error:
        if required:
            raise GitHubError(f"a comment is required: {error.message}", next_step=error.next_step, waited=deadline.waited) from error
        return PostResult("comment not written", warnings=(str(error),))


def _send(context: Context, message: Message, settings: GitHubSettings, identity: str, deadline: Deadline) -> PostResult:
    pull = context.pull
    if pull is None:
        raise GitHubError("no pull request to comment on")
    marker = Marker(identity, pull.head_sha, context.run_id, context.attempt, message.digest)
    with Api(context.api_url, context.token, context.repository, timeout=deadline.remaining / 3) as api:
        return update_comment(api, message, settings, number=pull.number, marker=marker, deadline=deadline)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
