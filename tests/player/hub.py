"""A repository on GitHub, as far as workflows see it: branches, pull requests, events, and the runs that they trigger.

GitHub's rule decides which commit's workflow files an event uses: the pull request's merge for `pull_request`, the
pushed or queued commit for `push` and `merge_group`, and the default branch for `workflow_run` and
`pull_request_target`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.player.actions import Actions, CacheStore
from tests.player.artifacts import ArtifactStore
from tests.player.documents import Document, Library, Tree, is_started_by, read_workflow
from tests.player.github import PlayedGitHub
from tests.player.results import RunResult
from tests.player.workflow import Start, World, play
from tests.unit.github.standin import REPOSITORY, document

MAIN = "main"
_IDENTITY = {f"GIT_{who}_{what}": "mona@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@dataclass(frozen=True)
class Played:
    """A played run: GitHub's record of it, the workflow's name, and the results of its jobs."""

    run: Mapping[str, Any]
    workflow: str
    path: str
    event: str
    result: RunResult

    @property
    def head(self) -> str:
        """The commit that its checks belong to."""
        return str(self.run["head_sha"])


@dataclass
class Hub:
    """One repository, `acme/shop`, with a stand-in for GitHub's API. `python` is the folder that setup-python provides."""

    folder: Path
    github: PlayedGitHub
    python: Path
    libraries: Mapping[str, Path] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    played: list[Played] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = ArtifactStore(on_upload=self.github.keep)
        self.cache = CacheStore(self.folder / "caches")
        actions = Actions(self.store, self.cache, self._clone, self.python, self.github.may_read_runs)
        self.world = World(self.folder / "machines", Library(self.libraries), actions.known(), token=self.github.grant, given=self.given)
        self.work = self.folder / "work"
        self.work.mkdir(parents=True)
        (self.folder / "caches").mkdir()
        self.git("init", "--quiet", "--initial-branch", MAIN)
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    def git(self, *arguments: str) -> str:
        """Run git in the repository."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | _IDENTITY
        process = subprocess.run(
            ["git", *arguments], cwd=self.work, env=environment, check=True, capture_output=True, text=True, timeout=60
        )
        return process.stdout.strip()

    def commit(self, files: Mapping[str, str | None], branch: str = MAIN) -> str:
        """Write files (None deletes one) and commit them to a branch, which starts at main; return the commit."""
        if branch != MAIN and branch not in self.git("branch", "--format=%(refname:short)").split():
            self.git("branch", branch, MAIN)
        if self.git("symbolic-ref", "--short", "HEAD") != branch:
            self.git("checkout", "--quiet", branch)
        for name, content in files.items():
            path = self.work / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"Change {', '.join(files) or 'nothing'}")
        return self.git("rev-parse", "HEAD")

    def push(self, *, cancel_at: str = "") -> list[Played]:
        """Run the workflows triggered by a push to main."""
        sha = self.git("rev-parse", MAIN)
        event = document("events", "push") | {"after": sha, "head_commit": {"id": sha}}
        return self._start("push", event, sha, sha, ref=f"refs/heads/{MAIN}", branch=MAIN, head_branch=MAIN, cancel_at=cancel_at)

    def queue(self, branch: str) -> list[Played]:
        """Run the workflows triggered by a merge queue's group with one branch."""
        base, head = self.git("rev-parse", MAIN), self._merge(branch)
        queue = f"gh-readonly-queue/{MAIN}/pr-17-{base}"
        event = document("events", "merge_group")
        event["merge_group"] |= {"head_sha": head, "head_ref": f"refs/heads/{queue}", "base_sha": base}
        return self._start("merge_group", event, head, head, ref=f"refs/heads/{queue}", branch=MAIN, head_branch=queue)

    def pull(
        self,
        branch: str,
        *,
        fork: bool = False,
        author: str = "mona",
        cancel_at: str = "",
    ) -> list[Played]:
        """Run the workflows triggered by a push to pull request #17, from a branch of this repository or of a fork."""
        name = "pull_request_fork" if fork else "pull_request_same_repository"
        event = document("events", name)
        head, base = self.git("rev-parse", branch), self.git("rev-parse", MAIN)
        merge = self._merge(branch)
        pull = event["pull_request"]
        pull["user"] = pull["user"] | {"login": author}
        pull["head"] |= {"sha": head, "ref": branch, "label": f"{pull['head']['repo']['owner']['login']}:{branch}"}
        pull["base"] |= {"sha": base, "ref": MAIN}
        pull["merge_commit_sha"] = merge
        event["after"] = head
        self.github.pull |= {key: pull[key] for key in ("user", "head", "base", "merge_commit_sha")}
        self._describe_change(base, head)
        read_only = fork or author == "dependabot[bot]"
        return self._start(
            "pull_request",
            event,
            merge,
            head,
            ref="refs/pull/17/merge",
            branch=MAIN,
            head_branch=branch,
            head_repository=pull["head"]["repo"],
            actor=author,
            read_only=read_only,
            cancel_at=cancel_at,
        )

    def _describe_change(self, base: str, head: str) -> None:
        """Set the API's data about the pull request: its files, its merge base, and the contents of both sides."""
        merge_base = self.git("merge-base", base, head)
        self.github.merge_base = merge_base
        listed = self.git("diff", "--name-status", "--no-renames", merge_base, head).splitlines()
        words = {"A": "added", "M": "modified", "D": "removed"}
        changed = [line.split("\t") for line in listed]
        self.github.files = [document("replies", "file") | {"filename": name, "status": words[letter]} for letter, name in changed]
        self._list(merge_base, base, head)

    def _list(self, *commits: str) -> None:
        """Make the API serve the files of these commits and main's position."""
        self.github.main = self.git("rev-parse", MAIN)
        for commit in {*commits, self.github.main}:
            for name in self.git("ls-tree", "-r", "--name-only", commit).splitlines():
                if (name, commit) not in self.github.contents:
                    self.github.contents[name, commit] = self.git("show", f"{commit}:{name}") + "\n"

    def _merge(self, branch: str) -> str:
        """The commit that merges a branch into main, as GitHub creates it, without moving main."""
        self.git("checkout", "--quiet", "--detach", MAIN)
        self.git("merge", "--quiet", "--no-ff", "-m", f"Merge {branch}", branch)
        merge = self.git("rev-parse", "HEAD")
        self.git("update-ref", "refs/pull/17/merge", merge)
        self.git("checkout", "--quiet", branch)
        return merge

    def _start(
        self,
        event: str,
        payload: dict[str, Any],
        sha: str,
        head: str,
        *,
        ref: str,
        branch: str,
        head_branch: str,
        action: str = "",
        workflow: str = "",
        head_repository: Mapping[str, Any] | None = None,
        actor: str = "mona",
        read_only: bool = False,
        cancel_at: str = "",
    ) -> list[Played]:
        """Play every workflow of commit `sha` that an event triggers, and the workflows that follow each of them."""
        self._list(sha, head)
        tree = Tree(self._tree(sha), REPOSITORY, sha)
        runs: list[Played] = []
        for file in sorted((tree.root / ".github/workflows").glob("*.yml")):
            workflow_file = read_workflow(tree, file.relative_to(tree.root).as_posix())
            if not is_started_by(workflow_file, event, action=action or payload.get("action", ""), branch=branch, workflow=workflow):
                continue
            run = self.github.new_run(
                name=workflow_file.content.get("name", workflow_file.path),
                path=workflow_file.path,
                event=event,
                head_sha=head,
                head_branch=head_branch,
                referenced_workflows=self._references(workflow_file),
            )
            run["actor"] = run["triggering_actor"] = run["actor"] | {"login": actor}
            run["head_repository"] = dict(head_repository or run["repository"])
            start = Start(
                self._github(workflow_file, payload, run, sha=sha, ref=ref),
                {} if read_only else self.secrets,
                self.variables,
                read_only,
                cancel_at,
            )
            runs += self._run(workflow_file, event, start, run)
        return runs

    def _run(self, workflow_file: Document, event: str, start: Start, run: dict[str, Any]) -> list[Played]:
        follows = event != "workflow_run"
        before = self._follow(run, "requested") if follows else []
        run["status"] = "in_progress"
        result = play(workflow_file, start, self.world)
        run |= {"status": "completed", "conclusion": result.conclusion}
        self.github.jobs += [{"run_id": run["id"], "name": job.name, "conclusion": job.result} for job in result.jobs]
        played = Played(dict(run), str(run["name"]), workflow_file.path, event, result)
        self.played.append(played)
        return [*before, played, *(self._follow(run, "completed") if follows else [])]

    def _follow(self, run: Mapping[str, Any], action: str) -> list[Played]:
        """Start the default branch's workflows that wait for a run of this name."""
        event = {"action": action, "workflow_run": dict(run), "repository": document("events", "push")["repository"]}
        sha = self.git("rev-parse", MAIN)
        return self._start(
            "workflow_run",
            event,
            sha,
            sha,
            ref=f"refs/heads/{MAIN}",
            branch=run["head_branch"],
            head_branch=MAIN,
            action=action,
            workflow=str(run["name"]),
        )

    def _github(self, workflow_file: Document, payload: dict[str, Any], run: Mapping[str, Any], *, sha: str, ref: str) -> dict[str, Any]:
        """The `github` context of a run."""
        event, actor = run["event"], run["actor"]["login"]
        pulls = event == "pull_request"
        return {
            "actor": actor,
            "api_url": self.github.url,
            "base_ref": MAIN if pulls else "",
            "event": payload,
            "event_name": event,
            "head_ref": run["head_branch"] if pulls else "",
            "ref": ref,
            "ref_type": "branch",
            "ref_name": ref.removeprefix("refs/").removeprefix("heads/").removeprefix("pull/"),
            "repository": REPOSITORY,
            "repository_id": "100",
            "repository_owner": REPOSITORY.partition("/")[0],
            "run_attempt": run["run_attempt"],
            "run_id": run["id"],
            "run_number": run["run_number"],
            "server_url": "https://github.com",
            "sha": sha,
            "triggering_actor": actor,
            "workflow": run["name"],
            "workflow_ref": f"{REPOSITORY}/{workflow_file.path}@{ref}",
            "workflow_sha": workflow_file.tree.sha,
        }

    def _references(self, document: Document) -> list[dict[str, str]]:
        """The API's `referenced_workflows`: every called workflow, with its commit."""
        references: list[dict[str, str]] = []
        for job in document.content["jobs"].values():
            if "uses" in job:
                called = read_workflow(*self.world.library.find(job["uses"], document.tree))
                references += [{"path": called.reference, "sha": called.tree.sha}, *self._references(called)]
        return list({reference["path"]: reference for reference in references}.values())

    def _tree(self, sha: str) -> Path:
        """The files of a commit."""
        folder = self.folder / "trees" / sha
        if not folder.is_dir():
            self._clone(REPOSITORY, sha, folder, 1)
        return folder

    def _clone(self, repository: str, ref: str, target: Path, depth: int) -> None:
        """Check out a commit of this repository, or copy a library's files."""
        if repository != REPOSITORY:
            shutil.copytree(self.libraries[repository], target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", ".venv"))
            return
        target.mkdir(parents=True, exist_ok=True)
        deep = [f"--depth={depth}"] if depth else []
        for arguments in (
            ["init", "--quiet"],
            ["fetch", "--quiet", "--no-tags", *deep, f"file://{self.work}", ref],
            ["-c", "advice.detachedHead=false", "checkout", "--quiet", "FETCH_HEAD"],
        ):
            subprocess.run(["git", *arguments], cwd=target, check=True, capture_output=True, timeout=60)
