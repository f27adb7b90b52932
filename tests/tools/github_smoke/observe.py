"""Wait for GitHub's reaction to the smoke run's pull requests, and record it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kindgate.errors import GitHubRefused, GitHubUnavailable
from kindgate.github.comment_marker import parse_marker
from kindgate.waiting import Deadline, Pause, Pending, Ready, wait_for
from tests.tools.github_smoke.evidence import Finding, SeenComment, SeenPull, SeenRun, State
from tests.tools.github_smoke.rest import FULL, Rest
from tests.tools.github_smoke.scratch import REQUIRED_CHECK

LOOK_EVERY = 15.0
"""Polling interval in seconds: a run takes minutes, and a token has 5,000 requests an hour."""

PUBLISHING_SECONDS = 900.0
"""Time limit for the publishing workflow, which starts when the other one has ended and takes a minute."""

CI = "ci.yml"
DEPENDABOT = "dependabot[bot]"


@dataclass(frozen=True)
class Observer:
    """Polls one repository until `deadline`."""

    rest: Rest
    repository: str
    deadline: Deadline
    pause: Pause = time.sleep

    def run_of(self, sha: str) -> dict[str, Any]:
        """The finished `ci` run of a commit, including one that only waits for a person's approval."""
        return self._finished(f"run of {CI} for {sha[:10]}", f"/actions/workflows/{CI}/runs", head_sha=sha)

    def status(self, sha: str) -> str:
        """The state of our status on a commit once it is not pending; raises `WaitTimeout` if it stays pending."""

        def probe() -> Ready[str] | Pending:
            listed = self.rest.get(f"/repos/{self.repository}/commits/{sha}/status")["statuses"]
            state = next((str(one["state"]) for one in listed if one["context"] == REQUIRED_CHECK), "missing")
            return Pending(state) if state in {"missing", "pending"} else Ready(state)

        soon = self.deadline.at_most(PUBLISHING_SECONDS)
        return wait_for(f"status {REQUIRED_CHECK} of {sha[:10]}", probe, soon, interval=LOOK_EVERY, pause=self.pause)

    def seen_run(self, run: dict[str, Any]) -> SeenRun:
        """The summary of a finished run."""
        jobs = list(self.rest.listed(f"/repos/{self.repository}/actions/runs/{run['id']}/jobs", "jobs"))
        annotations = [
            str(annotation["message"])
            for job in jobs
            for annotation in self.rest.listed(f"/repos/{self.repository}/check-runs/{job['id']}/annotations")
        ]
        named = tuple((str(job["name"]), str(job["conclusion"] or "")) for job in jobs)
        return SeenRun(str(run["conclusion"] or ""), str(run["html_url"]), named, tuple(annotations))

    def comments(self, number: int) -> tuple[SeenComment, ...]:
        """Kindgate's comments on a pull request."""
        listed = self.rest.listed(f"/repos/{self.repository}/issues/{number}/comments", accept=FULL)
        return tuple(
            SeenComment(str(one["user"]["login"]), str(one["body_html"]), str(one["html_url"]))
            for one in listed
            if parse_marker(one["body"])
        )

    def pull(self, number: int, run: SeenRun, *, status: str = "", mergeable: bool = False) -> SeenPull:
        """A pull request after its run; `mergeable` also requests its mergeable state, which GitHub computes on demand."""
        path = f"/repos/{self.repository}/pulls/{number}"

        def probe() -> Ready[dict[str, Any]] | Pending:
            found = self.rest.get(path)
            return Pending("GitHub computes it") if mergeable and found["mergeable_state"] == "unknown" else Ready(found)

        found = wait_for(f"whether #{number} may be merged", probe, self.deadline, interval=LOOK_EVERY, pause=self.pause)
        state = str(found["mergeable_state"]) if mergeable else ""
        return SeenPull(number, str(found["html_url"]), run, self.comments(number), state, status)

    def dependabot(self) -> SeenPull | None:
        """Dependabot's newest pull request, if any."""
        pulls = self.rest.get(f"/repos/{self.repository}/pulls", state="all", per_page=100)
        found = next((pull for pull in pulls if pull["user"]["login"] == DEPENDABOT), None)
        return None if found is None else self.pull(int(found["number"]), SeenRun("", ""))

    def sarif(self, upload: Callable[[], str]) -> Finding:
        """Code scanning's response to an upload."""
        try:
            number = upload()
        except GitHubRefused as error:
            return Finding(State.NOT_SHOWN, f"code scanning is not to be had here: {error.message}")

        def probe() -> Ready[dict[str, Any]] | Pending:
            found = self.rest.get(f"/repos/{self.repository}/code-scanning/sarifs/{number}")
            status = str(found["processing_status"])
            return Pending(status) if status == "pending" else Ready(found)

        found = wait_for("code scanning", probe, self.deadline, interval=LOOK_EVERY, pause=self.pause)
        errors = "; ".join(found.get("errors") or ())
        return Finding(State.REFUTED, f"it was not taken: {errors}") if errors else Finding(State.PROVEN, "it was taken without an error")

    def queue(self, branch: str) -> str:
        """A sentence on whether the branch has a merge queue."""
        rules = {str(rule["type"]) for rule in self.rest.listed(f"/repos/{self.repository}/rules/branches/{branch}")}
        if "merge_queue" in rules:
            return f"add a pull request to the merge queue of {branch} and see it wait for kindgate"
        return f"{branch} has no merge queue: turn one on to see it wait"

    def _finished(self, what: str, path: str, **query: str) -> dict[str, Any]:
        def probe() -> Ready[dict[str, Any]] | Pending:
            try:
                runs = self.rest.get(f"/repos/{self.repository}{path}", **query)["workflow_runs"]
            except GitHubUnavailable as error:
                return Pending(error.message)
            if not runs:
                return Pending("it has not begun")
            return Ready(runs[0]) if runs[0]["status"] == "completed" else Pending(f"{runs[0]['status']}: {runs[0]['html_url']}")

        return wait_for(what, probe, self.deadline, interval=LOOK_EVERY, pause=self.pause)
