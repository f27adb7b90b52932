"""The smoke run itself: pull requests that pass and fail, one from a fork, findings for code scanning."""

from __future__ import annotations

import time
from dataclasses import dataclass

from kindgate.errors import GitHubRefused, KindgateError
from kindgate.progress import Progress
from kindgate.security.scan_findings import Finding as ScanFinding
from kindgate.security.scan_findings import Location, Part, Scan, Severity
from kindgate.security.scan_report import as_sarif
from kindgate.version import __version__
from kindgate.waiting import Deadline, Pause
from tests.tools.github_smoke.claims import FORGED
from tests.tools.github_smoke.evidence import Evidence, SeenPull
from tests.tools.github_smoke.observe import Observer
from tests.tools.github_smoke.rest import Rest
from tests.tools.github_smoke.scratch import PREFIX, Place, Scratch

MANY = 3000
"""Number of failing tests in the failing pull request: enough for a summary that approaches its limit."""

FAILING_SUITE = '''"""Fails in every way that could do harm on GitHub. Written by `make github-smoke`."""

import pytest

NAMES = ["[@{login} #1 https://example.com <!-- x --> ![x](https://example.com/x.png)]", *(f"number {{n}}" for n in range({many}))]


@pytest.mark.e2e
@pytest.mark.parametrize("name", NAMES)
def test_fails(name):
    print("::error::{forged}")
    pytest.fail(name)
'''


@dataclass(frozen=True)
class Names:
    """Names of one smoke run's objects, derived from the run's ID."""

    id: str

    @property
    def base(self) -> str:
        """The base branch of its pull requests."""
        return f"{PREFIX}/{self.id}/base"

    def head(self, kind: str) -> str:
        """The head branch of one of its pull requests."""
        return f"{PREFIX}/{self.id}/{kind}"


def planned(place: Place, names: Names, fork: str, login: str) -> list[str]:
    """The smoke run's plan, in sentences."""
    heads = f"{names.head('passing')} and {names.head('failing')}"
    branches = f"make branches {names.base}, {heads} of {place.repository}, from {place.default_branch}"
    required = f"make kindgate/verdict the required check of {names.base}, by a ruleset"
    pulls = "open two pull requests between them, of which one adds a page and one failing tests"
    mention = f"their names mention @{login} in code: if that had an effect, you would be notified"
    forked = f"make branch {names.head('fork')} of {fork}, and open a pull request from there"
    scanning = f"upload one invented finding about {names.head('passing')} to code scanning"
    waiting = "wait for the workflows, up to two hours, on the repository's minutes"
    removal = "close the pull requests (none can be deleted), and delete the branches, the ruleset and the finding"
    lines = [branches, required, f"{pulls}; {mention}", *([forked] if fork else []), scanning, waiting, removal]
    return [f"{number}. {line}" for number, line in enumerate(lines, 1)]


@dataclass(frozen=True)
class Session:
    """One smoke run on one repository."""

    rest: Rest
    place: Place
    names: Names
    fork: str
    login: str
    progress: Progress
    deadline: Deadline
    pause: Pause = time.sleep

    def gather(self) -> Evidence:
        """Create everything, wait, observe, and remove everything; raises `GitHubError` and `WaitTimeout`."""
        repository, base = self.place.repository, self.names.base
        observer = Observer(self.rest, repository, self.deadline, self.pause)
        with Scratch(self.rest, self.progress) as scratch:
            scratch.branch(repository, base, self.place.sha)
            queue = self._require(scratch, observer)
            suite = FAILING_SUITE.format(login=self.login, many=MANY, forged=FORGED)
            passing, passing_sha = self._open(scratch, "passing", f"docs/{PREFIX}-{self.names.id}.md", "A small change.\n")
            failing, failing_sha = self._open(scratch, "failing", "tests/e2e/test_smoke_of_github.py", suite)
            fork, fork_sha = self._open(scratch, "fork", f"docs/{PREFIX}-fork.md", "A fork's change.\n") if self.fork else (0, "")
            sarif = observer.sarif(lambda: scratch.code_scanning(repository, self.names.head("passing"), passing_sha, invented_sarif()))
            seen_passing = self._seen(observer, passing, passing_sha)
            seen_failing = self._seen(observer, failing, failing_sha, mergeable=not queue.startswith("no "))
            seen_fork = self._seen(observer, fork, fork_sha) if fork else None
            return Evidence(
                passing=seen_passing,
                failing=seen_failing,
                fork=seen_fork,
                dependabot=observer.dependabot(),
                sarif=sarif,
                queue=queue,
            )

    def _require(self, scratch: Scratch, observer: Observer) -> str:
        """Make the check required; return a sentence about the queue, or one starting with "no" if that is not allowed."""
        try:
            scratch.required_check(self.place.repository, self.names.base)
        except GitHubRefused as error:
            return f"no ruleset can be made with this token: {error.message}"
        return observer.queue(self.place.default_branch)

    def _open(self, scratch: Scratch, kind: str, path: str, text: str) -> tuple[int, str]:
        """Open a pull request that adds a file; return its number and head."""
        repository = self.fork if kind == "fork" else self.place.repository
        branch = self.names.head(kind)
        scratch.branch(repository, branch, self.place.sha)
        sha = scratch.commit(repository, branch, path, text)
        head = f"{repository.partition('/')[0]}:{branch}" if kind == "fork" else branch
        number = scratch.pull(self.place.repository, head, self.names.base, f"Smoke run of kindgate: {kind}")
        self.progress(f"opened #{number}, {kind}")
        return number, sha

    def _seen(self, observer: Observer, number: int, sha: str, *, mergeable: bool = False) -> SeenPull:
        run = observer.seen_run(observer.run_of(sha))
        self.progress(f"#{number}: ci ended {run.conclusion}, {run.url}")
        try:
            status = observer.status(sha)
        except KindgateError as error:
            self.progress(error.message)
            status = ""
        return observer.pull(number, run, status=status, mergeable=mergeable)


def invented_sarif() -> str:
    """Findings in the format of `kindgate scan`, about nothing."""
    found = ScanFinding(
        rule="KINDGATE-SMOKE",
        alias="",
        severity=Severity.LOW,
        title="Invented by a smoke run",
        message="nothing is wrong here",
        resolution="none is needed",
        url="",
        location=Location("README.md"),
    )
    return as_sarif(Scan((Part("smoke", (found,)),)), __version__)
