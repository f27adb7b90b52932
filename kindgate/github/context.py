"""The run's context in GitHub Actions: the repository, the run, the pull request, and whether a comment can be posted.

Read from the standard variables (docs.github.com, "Variables reference") and from the event's payload
(docs.github.com, "Webhook events and payloads", `pull_request`). A re-run carries the first attempt's payload.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kindgate.report.run_report import PullRequest as PullRequestRecord

DEFAULT_API = "https://api.github.com"
DEFAULT_SERVER = "https://github.com"
NOT_A_PULL_REQUEST = "not a pull request, comment skipped"

REPOSITORY = r"[A-Za-z0-9_-]+/[A-Za-z0-9_.-]+"
SHA = r"[0-9a-f]{40}|[0-9a-f]{64}"
_ADDRESS = r"https?://[A-Za-z0-9_.:/-]+"

_EVENT_LIMIT = 25 * 1024 * 1024
"""Maximum bytes of an event file: GitHub delivers no payload above 25 MB."""


@dataclass(frozen=True)
class PullRequest:
    """The pull request from its event; `head_repository` is empty if the fork has been deleted.

    The ids are GitHub's for the two repositories, 0 if the event lacks them: a name can change, an id cannot.
    """

    number: int
    head_sha: str
    base_sha: str
    head_repository: str
    author: str = ""
    head_repository_id: int = 0
    base_repository_id: int = 0


@dataclass(frozen=True)
class Context:
    """The run according to GitHub Actions; empty or 0 if a variable is missing."""

    event: str = ""
    repository: str = ""
    sha: str = ""
    run_id: int = 0
    attempt: int = 1
    workflow: str = ""
    workspace: str = ""
    actor: str = ""
    api_url: str = DEFAULT_API
    server_url: str = DEFAULT_SERVER
    token: str = field(default="", repr=False)
    pull: PullRequest | None = None
    defect: str = ""
    """The error in the event's payload; empty without one."""

    @property
    def run_url(self) -> str:
        """The page of this run and attempt; empty outside of Actions."""
        if not (self.repository and self.run_id):
            return ""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}/attempts/{self.attempt}"

    @property
    def from_fork(self) -> bool:
        """Whether the pull request's branch is in another repository, or in a deleted one.

        A re-run's event may have the repository's previous name, so ids are compared if known.
        """
        pull = self.pull
        if pull is None:
            return False
        if pull.head_repository_id and pull.base_repository_id:
            return pull.head_repository_id != pull.base_repository_id
        return pull.head_repository.lower() != self.repository.lower()

    @property
    def from_dependabot(self) -> bool:
        """Whether the run has Dependabot's read-only token; a re-run keeps the permissions of the first actor."""
        return self.actor == "dependabot[bot]" or (self.pull is not None and self.pull.author == "dependabot[bot]" and not self.actor)

    @property
    def read_only(self) -> str:
        """Why the run's own token cannot write a comment; empty if it can."""
        if self.from_fork:
            return "the pull request comes from a fork, whose runs have a read-only token"
        if self.from_dependabot:
            return "Dependabot's runs have a read-only token"
        return ""

    @property
    def obstacle(self) -> str:
        """Why nothing can be posted with any token; empty if posting is possible."""
        if self.event == "":
            return "not in GitHub Actions, comment skipped"
        if self.defect:
            return self.defect
        if self.pull is None:
            return NOT_A_PULL_REQUEST
        if not self.repository:
            return "GITHUB_REPOSITORY is not set, comment skipped"
        if not self.token:
            return "GITHUB_TOKEN is not set in this step's environment, comment skipped"
        return ""

    def record(self) -> PullRequestRecord | None:
        """The report's record of the pull request; `None` outside of GitHub Actions."""
        if not self.event or not self.repository:
            return None
        pull = self.pull
        return PullRequestRecord(
            repository=self.repository,
            number=pull.number if pull else None,
            head_sha=pull.head_sha if pull else self.sha,
            base_sha=pull.base_sha if pull else "",
            merge_sha=self.sha if self.event == "pull_request" else "",
            run_id=self.run_id or None,
            attempt=self.attempt,
            run_url=self.run_url,
        )


class _Lenient(BaseModel):
    """A part of a payload: GitHub adds fields at any time, so unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Repository(_Lenient):
    full_name: str = Field(pattern=f"^({REPOSITORY})$")
    id: int = Field(default=0, ge=0)


class _Commit(_Lenient):
    sha: str = Field(pattern=f"^({SHA})$")
    repo: _Repository | None = None


class _User(_Lenient):
    login: str


class _PullRequest(_Lenient):
    number: int = Field(gt=0)
    head: _Commit
    base: _Commit
    user: _User | None = None


class _Payload(_Lenient):
    pull_request: _PullRequest


class _Run(_Lenient):
    head_sha: str = Field(pattern=f"^({SHA})$")


class _RunPayload(_Lenient):
    workflow_run: _Run


def read_context(env: Mapping[str, str]) -> Context:
    """The context from the environment and its event file; `defect` reports a missing or invalid payload."""
    payload: Any = None
    defect = ""
    path = env.get("GITHUB_EVENT_PATH", "")
    if env.get("GITHUB_EVENT_NAME", "") in {"pull_request", "workflow_run"}:
        try:
            payload = _read_event(Path(path)) if path else None
        except (OSError, ValueError) as error:
            defect = f"cannot read the event file GITHUB_EVENT_PATH={path} ({error}), comment skipped"
    return context_of(env, payload, defect=defect)


def context_of(env: Mapping[str, str], payload: object, *, defect: str = "") -> Context:
    """The context from the standard variables and a decoded event payload. Never raises."""
    event = env.get("GITHUB_EVENT_NAME", "")
    pull = None
    if event == "pull_request_target":
        defect = "pull_request_target gives untrusted code a writable token: use pull_request; comment skipped"
    elif event == "pull_request" and not defect:
        try:
            pull = _pull_request(_Payload.model_validate(payload).pull_request)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "a payload"
            defect = f"the event's payload lacks a usable {place}, comment skipped"
    return Context(
        event=event,
        repository=_matching(REPOSITORY, env.get("GITHUB_REPOSITORY", "")),
        sha=_judged_commit(payload) if event == "workflow_run" else _matching(SHA, env.get("GITHUB_SHA", "")),
        run_id=_number(env.get("GITHUB_RUN_ID", ""), 0),
        attempt=_number(env.get("GITHUB_RUN_ATTEMPT", ""), 1),
        workflow=env.get("GITHUB_WORKFLOW", ""),
        workspace=env.get("GITHUB_WORKSPACE", ""),
        actor=env.get("GITHUB_ACTOR", ""),
        api_url=_matching(_ADDRESS, env.get("GITHUB_API_URL", "")).rstrip("/") or DEFAULT_API,
        server_url=_matching(_ADDRESS, env.get("GITHUB_SERVER_URL", "")).rstrip("/") or DEFAULT_SERVER,
        token=env.get("GITHUB_TOKEN", ""),
        pull=pull,
        defect=defect,
    )


def _judged_commit(payload: object) -> str:
    """The commit of the earlier run: GITHUB_SHA is the default branch's head, where this workflow runs."""
    try:
        return _RunPayload.model_validate(payload).workflow_run.head_sha
    except ValidationError:
        return ""


def _read_event(path: Path) -> Any:  # noqa: ANN401 - whatever JSON holds
    with path.open("rb") as file:
        text = file.read(_EVENT_LIMIT + 1)
    if len(text) > _EVENT_LIMIT:
        raise ValueError(f"it is larger than {_EVENT_LIMIT} bytes")
    return json.loads(text)


def _pull_request(found: _PullRequest) -> PullRequest:
    return PullRequest(
        number=found.number,
        head_sha=found.head.sha,
        base_sha=found.base.sha,
        head_repository=found.head.repo.full_name if found.head.repo else "",
        author=found.user.login if found.user else "",
        head_repository_id=found.head.repo.id if found.head.repo else 0,
        base_repository_id=found.base.repo.id if found.base.repo else 0,
    )


def _matching(pattern: str, text: str) -> str:
    """Return `text` if all of it matches, otherwise an empty text."""
    return text if re.fullmatch(pattern, text) else ""


def _number(text: str, default: int) -> int:
    """A decimal number of ASCII digits, or `default`."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else default
