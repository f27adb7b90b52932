"""GitHub's stand-in extended for a smoke run: branches, files, runs, jobs, rulesets and code scanning.

Replies have the fields of GitHub's published REST descriptions that the smoke run reads; `PAGES` lists those descriptions.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.tools.github_smoke.claims import FORGED
from tests.unit.github.standin import BOT, HEAD, REPOSITORY, Answer, StandIn, document, error

PAGES = (
    "https://docs.github.com/en/rest/repos/repos#get-a-repository",
    "https://docs.github.com/en/rest/git/refs",
    "https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents",
    "https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request",
    "https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow",
    "https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run",
    "https://docs.github.com/en/rest/checks/runs#list-check-run-annotations",
    "https://docs.github.com/en/rest/repos/rules",
    "https://docs.github.com/en/rest/code-scanning/code-scanning#upload-an-analysis-as-sarif-data",
    "https://docs.github.com/en/rest/users/users#get-the-authenticated-user",
)

FORK = "mona/shop"
ROOT = Path(__file__).parents[4]
MERMAID = '<section data-type="mermaid"></section><a href="https://github.com/a">HTML report</a>'


@dataclass
class SmokeStandIn(StandIn):
    """A scratch repository with a copy of this checkout that runs its workflows as soon as a pull request is opened.

    `behind` names a workflow file that differs, `forges` lets a test's annotation through, `renders` is the HTML of
    comments, `publishes` states whether the publishing workflow runs, and `refuses` lists requests that the token may
    not make, as `METHOD PATH`.
    """

    branches: dict[tuple[str, str], str] = field(default_factory=dict)
    files_written: list[tuple[str, str]] = field(default_factory=list)
    rulesets: dict[int, dict[str, Any]] = field(default_factory=dict)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    analyses: dict[int, str] = field(default_factory=dict)
    sarif: dict[str, Any] = field(default_factory=dict)
    archived: bool = False
    behind: str = ""
    forges: bool = False
    renders: str = MERMAID
    refuses: tuple[str, ...] = ()
    fork_conclusion: str = "success"
    publishes: bool = True

    def answer(self, method: str, target: str, body: dict[str, Any], authorization: str) -> Answer:
        """Refuse the request, or answer as the stand-in does."""
        if any(refused in f"{method} {target}" for refused in self.refuses):
            return error("read_only_token")
        return super().answer(method, target, body, authorization)

    def _routes(self) -> list[tuple[str, str, Any]]:
        repo, any_repo = f"/repos/{REPOSITORY}", "/repos/([a-z]+/[a-z]+)"
        own = [
            ("GET", "/user", lambda _q, _b: Answer(200, {"login": "mona"})),
            ("GET", repo, lambda _q, _b: Answer(200, {"default_branch": "main", "archived": self.archived})),
            ("GET", f"{repo}/git/ref/heads/main", lambda _q, _b: Answer(200, {"object": {"sha": HEAD}})),
            ("POST", f"{any_repo}/git/refs", self._make_branch),
            ("DELETE", f"{any_repo}/git/refs/heads/(.+)", self._delete_branch),
            ("GET", rf"{repo}/contents/(\.github/workflows/.+)", self._workflow_file),
            ("PUT", f"{any_repo}/contents/(.+)", self._write_file),
            ("POST", f"{repo}/pulls", self._open_pull),
            ("PATCH", rf"{repo}/pulls/(\d+)", self._close_pull),
            ("POST", f"{repo}/rulesets", self._make_ruleset),
            ("DELETE", rf"{repo}/rulesets/(\d+)", lambda _q, _b, number: self._gone(self.rulesets, int(number))),
            ("GET", f"{repo}/rules/branches/main", lambda _q, _b: Answer(200, [])),
            ("GET", rf"{repo}/actions/workflows/([a-z-]+\.yml)/runs", self._list_runs),
            ("GET", rf"{repo}/actions/runs/(\d+)/jobs", self._list_jobs),
            ("GET", rf"{repo}/commits/([0-9a-f]+)/status", self._status_of),
            ("GET", rf"{repo}/check-runs/(\d+)/annotations", self._list_annotations),
            ("POST", f"{repo}/code-scanning/sarifs", self._upload_sarif),
            ("GET", f"{repo}/code-scanning/sarifs/s1", lambda _q, _b: Answer(200, {"processing_status": "complete", "errors": None})),
            ("GET", f"{repo}/code-scanning/analyses", lambda _q, _b: Answer(200, [{"id": number} for number in self.analyses])),
            ("DELETE", rf"{repo}/code-scanning/analyses/(\d+)", lambda _q, _b, number: self._gone(self.analyses, int(number))),
        ]
        return own + super()._routes()

    def _make_branch(self, _query: dict[str, str], body: dict[str, Any], repository: str) -> Answer:
        self.branches[repository, body["ref"].removeprefix("refs/heads/")] = body["sha"]
        return Answer(201, {"ref": body["ref"], "object": {"sha": body["sha"]}})

    def _delete_branch(self, _query: dict[str, str], _body: dict[str, Any], repository: str, name: str) -> Answer:
        return self._gone(self.branches, (repository, name))

    def _workflow_file(self, query: dict[str, str], _body: dict[str, Any], path: str) -> Answer:
        assert query["ref"] == "main"
        content = b"other" if path.endswith(self.behind or "\n") else (ROOT / path).read_bytes()
        return Answer(200, document("replies", "content") | {"sha": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()})

    def _write_file(self, _query: dict[str, str], body: dict[str, Any], repository: str, path: str) -> Answer:
        text = base64.b64decode(body["content"]).decode()
        sha = hashlib.sha1(f"{repository}{path}{text}".encode()).hexdigest()
        self.branches[repository, body["branch"]] = sha
        self.files_written.append((path, text))
        return Answer(201, {"commit": {"sha": sha}, "content": {"path": path}})

    def _open_pull(self, _query: dict[str, str], body: dict[str, Any]) -> Answer:
        owner, _, branch = body["head"].rpartition(":")
        sha = self.branches[FORK if owner else REPOSITORY, branch]
        number = 100 + len(self.others)
        pull = json.loads(json.dumps(self.pull)) | {
            "number": number,
            "state": "open",
            "html_url": f"https://github.com/{REPOSITORY}/pull/{number}",
        }
        failing = branch.endswith("failing")
        pull |= {"mergeable_state": "blocked" if failing else "clean"}
        self.others.append(pull)
        conclusion = self.fork_conclusion if owner else "failure" if failing else "success"
        run = document("replies", "workflow_run") | {"id": number, "head_sha": sha, "status": "completed", "conclusion": conclusion}
        self.runs[number] = run | {
            "updated_at": "2026-09-20T10:09:00Z",
            "html_url": f"https://github.com/{REPOSITORY}/actions/runs/{number}",
        }
        marker = f"<!-- kindgate:e2e v1 head={sha} run={number} attempt=1 digest={'a' * 16} -->"
        self.add_comment(f"{marker}\n### verdict", BOT, number)
        self.comments[-1]["body_html"] = self.renders
        return Answer(201, pull)

    def _close_pull(self, _query: dict[str, str], body: dict[str, Any], number: str) -> Answer:
        (pull,) = [one for one in self.others if one["number"] == int(number)]
        pull |= body
        return Answer(200, pull)

    def _make_ruleset(self, _query: dict[str, str], body: dict[str, Any]) -> Answer:
        self.rulesets[7] = body
        return Answer(201, body | {"id": 7})

    def _list_runs(self, query: dict[str, str], _body: dict[str, Any], workflow: str) -> Answer:
        assert workflow == "ci.yml"
        found = [run for run in self.runs.values() if run["head_sha"] == query["head_sha"]]
        return Answer(200, {"total_count": len(found), "workflow_runs": found})

    def _status_of(self, _query: dict[str, str], _body: dict[str, Any], sha: str) -> Answer:
        (conclusion,) = [run["conclusion"] for run in self.runs.values() if run["head_sha"] == sha]
        state = {"success": "success", "failure": "failure"}.get(conclusion, "error") if self.publishes else "pending"
        return Answer(200, {"state": state, "statuses": [{"context": "kindgate/verdict", "state": state}], "sha": sha})

    def _list_jobs(self, _query: dict[str, str], _body: dict[str, Any], number: str) -> Answer:
        conclusion = self.runs[int(number)]["conclusion"]
        jobs = [("e2e / e2e", conclusion), ("kindgate", conclusion)]
        listed = [{"id": int(number) * 10 + place, "name": name, "conclusion": ended} for place, (name, ended) in enumerate(jobs)]
        return Answer(200, {"total_count": len(listed), "jobs": listed})

    def _list_annotations(self, _query: dict[str, str], _body: dict[str, Any], job: str) -> Answer:
        told = ["Failed: number 1"] + ([FORGED] if self.forges else [])
        is_e2e = job.endswith("0") and self.runs.get(int(job) // 10, {}).get("conclusion") == "failure"
        return Answer(200, [{"message": text, "annotation_level": "failure"} for text in told] if is_e2e else [])

    def _upload_sarif(self, _query: dict[str, str], body: dict[str, Any]) -> Answer:
        self.sarif = json.loads(gzip.decompress(base64.b64decode(body["sarif"])))
        self.analyses[5] = body["ref"]
        return Answer(202, {"id": "s1", "url": ""})

    @staticmethod
    def _gone(kept: dict[Any, Any], key: object) -> Answer:
        if key not in kept:
            return error("not_found")
        del kept[key]
        return Answer(204)
