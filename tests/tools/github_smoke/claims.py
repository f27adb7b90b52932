"""The claims of docs/unproven.md, in its order, and the evidence for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.tools.github_smoke.evidence import Evidence, Finding, SeenPull, State

BOT = "github-actions[bot]"
FORGED = "forged by a test of the smoke run"
"""Text that a test of the failing pull request prints as an annotation; no real annotation may contain it."""

ANNOTATIONS_PER_STEP = 10
_EFFECTS = re.compile(r'class="[^"]*\b(?:user-mention|issue-link)\b|href="https://example\.com|<img|<script')
_MERMAID = re.compile(r'data-type="mermaid"|js-render-enrichment|language-mermaid|lang="mermaid"')


@dataclass(frozen=True)
class Claim:
    """`text` is the first column of its row in docs/unproven.md."""

    text: str
    judge: Callable[[Evidence], Finding]


def findings(evidence: Evidence) -> list[tuple[Claim, Finding]]:
    """Every claim with its result."""
    return [(claim, claim.judge(evidence)) for claim in CLAIMS]


def _proven(*, holds: bool, good: str, bad: str) -> Finding:
    return Finding(State.PROVEN, good) if holds else Finding(State.REFUTED, bad)


def _comments(evidence: Evidence) -> Finding:
    pull = evidence.passing
    return _proven(
        holds=len(pull.comments) == 1 and pull.status == "success",
        good=f"one comment on {pull.url}, and its head's status is success",
        bad=f"{len(pull.comments)} comments on {pull.url}, and its head's status is {pull.status or 'missing'}",
    )


def _published(evidence: Evidence) -> Finding:
    silent = [pull.url for pull in (evidence.passing, evidence.failing, evidence.fork) if pull and not (pull.status and pull.comments)]
    if silent:
        return Finding(State.REFUTED, f"no status or no comment: {', '.join(silent)}")
    if evidence.fork is None:
        return Finding(State.NOT_SHOWN, "name a fork of the repository with FORK=owner/name")
    return Finding(State.PROVEN, "each head has its status, and each pull request its comment")


def _rerun(_evidence: Evidence) -> Finding:
    return Finding(State.NOT_SHOWN, "run ci again by hand")


def _identity(evidence: Evidence) -> Finding:
    pull = evidence.passing
    return _proven(
        holds=pull.status == "success", good="the publisher took the run for one of ci", bad=f"see the comment on {pull.url}: {pull.status}"
    )


def _label(_evidence: Evidence) -> Finding:
    return Finding(State.NOT_SHOWN, "let a pull request change a workflow, and set the label by hand")


def _sealed(_evidence: Evidence) -> Finding:
    return Finding(State.NOT_SHOWN, "the scratch repository is not sealed: run `kindgate init --sealed` in one of your own")


def _approval(evidence: Evidence) -> Finding:
    fork = evidence.fork
    if fork is None or fork.run.conclusion != "action_required":
        return Finding(State.NOT_SHOWN, "no run of a fork waits for approval here")
    return Finding(State.LOOK, f"approve {fork.run.url}, and see the comment on {fork.url} change")


def _dependabot(evidence: Evidence) -> Finding:
    pull = evidence.dependabot
    if pull is None:
        return Finding(State.NOT_SHOWN, "let Dependabot open a pull request first: only it can")
    return _proven(holds=len(pull.comments) == 1, good=f"one comment on {pull.url}", bad=f"{len(pull.comments)} comments on {pull.url}")


def _author(evidence: Evidence) -> Finding:
    authors = sorted({comment.author for pull in _pulls(evidence) for comment in pull.comments})
    return _proven(holds=authors == [BOT], good=f"by {BOT}", bad=f"by {', '.join(authors) or 'nobody'}")


def _own_actions(evidence: Evidence) -> Finding:
    run = evidence.passing.run
    judged = run.job("e2e")
    return _proven(holds=bool(judged), good=f"job e2e has run: {judged}", bad=f"no job e2e in {run.url}, which ended {run.conclusion}")


def _permissions(evidence: Evidence) -> Finding:
    run = evidence.passing.run
    return _proven(
        holds=run.conclusion != "startup_failure" and bool(run.jobs),
        good="the run has started its jobs",
        bad=f"{run.conclusion}: {run.url}",
    )


def _mermaid(evidence: Evidence) -> Finding:
    rendered = [comment for comment in evidence.passing.comments if _MERMAID.search(comment.rendered)]
    if not rendered:
        return Finding(State.REFUTED, f"GitHub takes no part of the comment for mermaid: {evidence.passing.url}")
    return Finding(State.LOOK, f"GitHub takes it for mermaid; see a line in {rendered[0].url}")


def _no_effect(evidence: Evidence) -> Finding:
    failing = evidence.failing
    found = sorted({found for comment in failing.comments for found in _EFFECTS.findall(comment.rendered)})
    if not failing.comments:
        return Finding(State.REFUTED, f"there is no comment on {failing.url}")
    return _proven(
        holds=not found, good="nothing that a test is called has become a mention, link or image", bad=f"{found} in {failing.url}"
    )


def _page(evidence: Evidence) -> Finding:
    linked = [comment for comment in evidence.passing.comments if ">HTML report</a>" in comment.rendered]
    if not linked:
        return Finding(State.REFUTED, f"no link to the page in {evidence.passing.url}")
    return Finding(State.LOOK, f"follow the link HTML report in {linked[0].url}")


def _summary(evidence: Evidence) -> Finding:
    return Finding(State.LOOK, f"thousands of failing tests are listed on {evidence.failing.run.url}")


def _annotations(evidence: Evidence) -> Finding:
    told = evidence.failing.run.annotations
    forged = [text for text in told if FORGED in text]
    if forged or not told:
        return Finding(State.REFUTED, f"{len(forged)} of {len(told)} annotations are forged: {evidence.failing.run.url}")
    return Finding(State.PROVEN, f"{len(told)} annotations (at most {ANNOTATIONS_PER_STEP} of a kind for a step), none of them forged")


def _required(evidence: Evidence) -> Finding:
    failing = evidence.failing
    if not failing.mergeable:
        return Finding(State.NOT_SHOWN, evidence.queue)
    if failing.mergeable != "blocked":
        return Finding(State.REFUTED, f"{failing.url} is {failing.mergeable} although kindgate is red")
    return Finding(State.LOOK, f"a red kindgate blocks {failing.url}; {evidence.queue}")


def _sarif(evidence: Evidence) -> Finding:
    return evidence.sarif or Finding(State.NOT_SHOWN, "it was not uploaded")


def _release(_evidence: Evidence) -> Finding:
    return Finding(State.NOT_SHOWN, "a person has to set up environment and trusted publisher; this command releases nothing")


def _same_second(_evidence: Evidence) -> Finding:
    return Finding(State.NOT_SHOWN, "there is nothing to see: the next run's comment is right in any case")


def _pulls(evidence: Evidence) -> tuple[SeenPull, ...]:
    return tuple(pull for pull in (evidence.passing, evidence.failing, evidence.fork, evidence.dependabot) if pull is not None)


CLAIMS = (
    Claim(
        "`pull-requests: write` is enough to comment on a pull request, `statuses: write` to set a commit's status, also on a fork's"
        " head, and `actions: read` to read a run's artifacts",
        _comments,
    ),
    Claim(
        "`publish report` starts when a run is requested and again when it has ended, for pull requests of this repository, of forks"
        " and of Dependabot, and finds the pull request",
        _published,
    ),
    Claim("`requested` fires for every new run but not for a re-run, whose old status remains until it has ended", _rerun),
    Claim("A run's `path`, `referenced_workflows` and `created_at` have the form that the publisher expects", _identity),
    Claim("A label publishes again, and so does a new base branch", _label),
    Claim("A run that waits for approval ends with `action_required`, and continues after it", _approval),
    Claim("Dependabot's pull requests get their comment", _dependabot),
    Claim("The comment is written as `github-actions[bot]`", _author),
    Claim("`$/.github/...` resolves to the commit of the workflow that uses it", _own_actions),
    Claim("Callers' `permissions` suffice for the reusable workflows", _permissions),
    Claim(
        "A sealed run can fetch the head of a fork's pull request by its commit, and a `workflow_run` of an unapproved run judges nothing",
        _sealed,
    ),
    Claim("The mermaid chart is rendered", _mermaid),
    Claim("Text in code spans has no effect (`@name`, `#1`, addresses)", _no_effect),
    Claim("The HTML report opens in the browser", _page),
    Claim("The job summary is shown up to 1 MiB", _summary),
    Claim("Ten annotations of each kind are shown per step, and `::stop-commands::` works", _annotations),
    Claim("The merge queue waits for `kindgate/verdict`", _required),
    Claim("Code scanning accepts the SARIF", _sarif),
    Claim("A release is attested and uploaded", _release),
    Claim("Two edits in the same second do not conflict", _same_second),
)
