"""The smoke run's objects on the scratch repository, and their removal. Nothing else is ever written to."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from kindgate.errors import GitHubError, GitHubRefused, SettingsError
from kindgate.progress import Progress
from tests.tools.github_smoke.rest import Rest

PREFIX = "kindgate-smoke"
"""Prefix of every branch and ruleset of a smoke run."""

REQUIRED_CHECK = "kindgate/verdict"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Place:
    """The scratch repository as found: its default branch and that branch's commit."""

    repository: str
    default_branch: str
    sha: str


def checked_name(text: str, what: str) -> str:
    """Return `text` if it is `owner/name`; raises `SettingsError` for anything else."""
    if not _REPOSITORY.fullmatch(text):
        raise SettingsError(f"{what}={text}: is no repository", next_step=f"make github-smoke {what}=owner/name")
    return text


def find_place(rest: Rest, repository: str, root: Path) -> Place:
    """The repository, if it is suitable for a smoke run.

    Raises `SettingsError` if it is archived, or if its default branch lacks the workflows of the checkout at `root`,
    because `workflow_run` runs those of the default branch.
    """
    found = rest.get(f"/repos/{repository}")
    if found["archived"]:
        raise SettingsError(f"{repository} is archived: nothing can be written to it")
    branch = str(found["default_branch"])
    sha = str(rest.get(f"/repos/{repository}/git/ref/heads/{branch}")["object"]["sha"])
    for file in sorted((root / ".github" / "workflows").glob("*.yml")):
        path = file.relative_to(root).as_posix()
        if _blob_there(rest, repository, path, branch) != _blob(file.read_bytes()):
            raise SettingsError(
                f"{repository} holds no copy of this checkout: {path} differs on {branch}",
                next_step=f"git push https://github.com/{repository} HEAD:{branch}",
            )
    return Place(repository, branch, sha)


@dataclass
class Scratch:
    """Creates objects, and removes them all in reverse order when its block ends. Reports those that cannot be removed."""

    rest: Rest
    progress: Progress
    _undo: list[tuple[str, Callable[[], object]]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        while self._undo:
            what, undo = self._undo.pop()
            try:
                undo()
                self.progress(f"removed {what}")
            except GitHubError as failure:
                self.progress(f"COULD NOT REMOVE {what}: {failure.message}")

    def branch(self, repository: str, name: str, sha: str) -> None:
        """Create a branch at a commit."""
        self.rest.post(f"/repos/{repository}/git/refs", {"ref": f"refs/heads/{name}", "sha": sha})
        self._later(f"branch {name} of {repository}", lambda: self.rest.delete(f"/repos/{repository}/git/refs/heads/{name}"))

    def commit(self, repository: str, branch: str, path: str, text: str) -> str:
        """Add a file on a branch; return the commit."""
        content = base64.b64encode(text.encode()).decode()
        made = self.rest.put(
            f"/repos/{repository}/contents/{path}", {"message": "Smoke run of kindgate", "content": content, "branch": branch}
        )
        return str(made["commit"]["sha"])

    def pull(self, repository: str, head: str, base: str, title: str) -> int:
        """Open a pull request, which can be closed but not deleted."""
        body = "Made by `make github-smoke`; it is closed when that ends."
        number = int(self.rest.post(f"/repos/{repository}/pulls", {"title": title, "head": head, "base": base, "body": body})["number"])
        closing = f"/repos/{repository}/pulls/{number}"
        self._later(f"pull request #{number} (closed)", lambda: self.rest.patch(closing, {"state": "closed"}))
        return number

    def required_check(self, repository: str, branch: str) -> None:
        """Make the commit status the only required check of one of our branches."""
        rule = {
            "type": "required_status_checks",
            "parameters": {"strict_required_status_checks_policy": False, "required_status_checks": [{"context": REQUIRED_CHECK}]},
        }
        conditions = {"ref_name": {"include": [f"refs/heads/{branch}"], "exclude": []}}
        body = {"name": branch, "target": "branch", "enforcement": "active", "conditions": conditions, "rules": [rule]}
        number = self.rest.post(f"/repos/{repository}/rulesets", body)["id"]
        self._later(f"ruleset {branch}", lambda: self.rest.delete(f"/repos/{repository}/rulesets/{number}"))

    def code_scanning(self, repository: str, branch: str, sha: str, sarif: str) -> str:
        """Upload findings for one of our branches; return the upload's ID."""
        ref = f"refs/heads/{branch}"
        packed = base64.b64encode(gzip.compress(sarif.encode())).decode()
        made = self.rest.post(f"/repos/{repository}/code-scanning/sarifs", {"commit_sha": sha, "ref": ref, "sarif": packed})
        self._later(f"findings of {branch}", lambda: self._delete_analyses(repository, ref))
        return str(made["id"])

    def _delete_analyses(self, repository: str, ref: str) -> None:
        path = f"/repos/{repository}/code-scanning/analyses"
        for analysis in list(self.rest.listed(path, ref=ref)):
            self.rest.delete(f"{path}/{analysis['id']}?confirm_delete")

    def _later(self, what: str, undo: Callable[[], object]) -> None:
        self._undo.append((what, undo))


def _blob(content: bytes) -> str:
    """A file's git object ID (git-scm.com, "Git Internals: Git Objects")."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _blob_there(rest: Rest, repository: str, path: str, branch: str) -> str:
    try:
        return str(rest.get(f"/repos/{repository}/contents/{path}", ref=branch)["sha"])
    except GitHubRefused as error:
        if error.status == 404:
            return ""
        raise
