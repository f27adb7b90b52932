"""GitHub's API for played runs: the unit tests' stand-in, with multiple runs, and tokens limited to their permissions."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.player.artifacts import Artifact
from tests.unit.github.standin import REPOSITORY, TOKEN, Answer, StandIn, document, error

_WRITES: tuple[tuple[str, frozenset[str]], ...] = (
    (r"/issues(/\d+)?/(comments|labels).*", frozenset({"issues", "pull-requests"})),
    (r"/statuses/.*", frozenset({"statuses"})),
)
"""The permission required for each kind of write; any other write needs one that no token has."""

_READS: tuple[tuple[str, str], ...] = (
    (r"/actions/.*", "actions"),
    (r"/contents/.*|/compare/.*|/git/.*|/commits/.*", "contents"),
    (r"/pulls.*", "pull-requests"),
    (r"/issues/.*", "issues"),
)


@dataclass
class PlayedGitHub(StandIn):
    """The state of one repository. `grant` gives a token permissions; reading a public repository needs none except `actions`."""

    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    grants: dict[str, dict[str, str]] = field(default_factory=dict)
    private: bool = False
    refused: list[str] = field(default_factory=list)
    """Requests by tokens without permission."""

    def grant(self, permissions: Mapping[str, str]) -> str:
        """A token with exactly these permissions."""
        token = f"ghs_{len(self.grants):036d}"
        self.grants[token] = dict(permissions)
        return token

    def may_read_runs(self, token: str) -> bool:
        """Whether a token may read the artifacts of other runs."""
        return self.grants.get(token, {}).get("actions") in {"read", "write"}

    def answer(self, method: str, target: str, body: dict[str, Any], authorization: str) -> Answer:
        """The response to one request, if its token is permitted."""
        token = authorization.rpartition(" ")[2]
        if token not in self.grants:
            return super().answer(method, target, body, authorization)
        if not self._may(self.grants[token], method, target):
            self.refused.append(f"{method} {target} with {json.dumps(self.grants[token])}")
            return error("read_only_token")
        return super().answer(method, target, body, f"token {TOKEN}")

    def keep(self, artifact: Artifact) -> None:
        """List an uploaded artifact of a run, and serve it."""
        self.upload(artifact.name, artifact.content)
        described = self.artifacts[-1]
        run = self.runs[artifact.run]
        described["workflow_run"] = described["workflow_run"] | {
            "id": artifact.run,
            "head_branch": run["head_branch"],
            "head_sha": run["head_sha"],
            "head_repository_id": run["head_repository"]["id"],
        }

    def _may(self, granted: Mapping[str, str], method: str, target: str) -> bool:
        path = re.sub(rf"^(/api/v3)?/repos/{REPOSITORY}", "", target.partition("?")[0])
        if method == "GET":
            needed = next((name for pattern, name in _READS if re.fullmatch(pattern, path)), "")
            public = not self.private and needed != "actions"
            return public or not needed or granted.get(needed) in {"read", "write"}
        writes = next((names for pattern, names in _WRITES if re.fullmatch(pattern, path)), frozenset[str]())
        return any(granted.get(name) == "write" for name in writes)

    def _get_run(self, query: dict[str, str], body: dict[str, Any], number: str) -> Answer:
        if int(number) not in self.runs:
            return super()._get_run(query, body, number)
        artifacts = f"{self.url}/repos/{REPOSITORY}/actions/runs/{number}/artifacts"
        return Answer(200, copy.deepcopy(self.runs[int(number)]) | {"artifacts_url": artifacts})

    def _runs(self) -> list[dict[str, Any]]:
        return [copy.deepcopy(run) for run in self.runs.values()] or super()._runs()

    def _list_artifacts(self, query: dict[str, str], body: dict[str, Any], number: str) -> Answer:
        del body
        found = [artifact for artifact in self.artifacts if artifact["workflow_run"]["id"] == int(number)]
        page = self._page(query, found, f"/repos/{REPOSITORY}/actions/runs/{number}/artifacts")
        page.body = {"total_count": len(found), "artifacts": page.body}
        return page

    def new_run(self, **fields: Any) -> dict[str, Any]:
        """Create a requested run."""
        run = document("replies", "workflow_run") | {"id": 9001 + len(self.runs), "status": "queued", "conclusion": None} | fields
        for key in ("url", "html_url"):
            run[key] = run[key].replace("/9001", f"/{run['id']}")
        self.runs[run["id"]] = run
        return run
