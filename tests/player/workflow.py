"""Play a workflow: jobs in the order of `needs`, with conditions, matrices, called workflows, results and outputs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.player.actions import Call, Outcome
from tests.player.documents import Document, Library, NotSupported, read_workflow, triggers
from tests.player.machine import Machine
from tests.player.results import JobResult, Result, RunResult, conclusion_of
from tests.player.steps import Progress, Stage, evaluated, play_steps
from tests.tools.expressions import Contexts, condition, text_of

_KEYS = frozenset(
    {"name", "needs", "if", "permissions", "runs-on", "timeout-minutes", "steps", "outputs", "uses", "with", "secrets", "strategy", "env"}
)
_LEVELS = {"none": 0, "read": 1, "write": 2}
_DEFAULT = {"contents": "read", "packages": "read"}
"""Default permissions of a job if neither it nor its workflow sets any."""

Permissions = Mapping[str, str]


class StartupFailure(Exception):
    """GitHub refuses to start the run."""


@dataclass
class World:
    """The environment of runs. `token` creates a token with the given permissions; `given` is every machine's environment."""

    folder: Path
    library: Library
    actions: Mapping[str, Callable[[Call], Outcome]]
    token: Callable[[Permissions], str] = lambda permissions: json.dumps(dict(permissions))
    given: Mapping[str, str] = field(default_factory=dict)
    machines: Iterator[int] = field(default_factory=itertools.count)


@dataclass(frozen=True)
class Start:
    """The start of a run: its `github` context, event, secrets and variables; `read_only` is a fork's or Dependabot's token.

    `cancel_at` is the step, as `check / step`, during which the run is canceled.
    """

    github: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False
    cancel_at: str = ""


def play(document: Document, start: Start, world: World) -> RunResult:
    """Play a workflow; raises `NotSupported` for features that the player lacks."""
    referenced: list[str] = []
    player = _Player(world, start, Progress(start.cancel_at), referenced)
    try:
        jobs = player.workflow(document, {}, dict(start.secrets), limit=None, prefix="")
    except StartupFailure as failure:
        return RunResult("startup_failure", (), str(failure), tuple(referenced))
    results = tuple(itertools.chain.from_iterable(played.results for played in jobs.values()))
    conclusion = "cancelled" if player.progress.cancelled else conclusion_of(result.result for result in results)
    return RunResult(conclusion, results, "", tuple(dict.fromkeys(referenced)))


@dataclass(frozen=True)
class _Job:
    """A job as dependent jobs see it, with its checks."""

    result: Result
    outputs: Mapping[str, Any] = field(default_factory=dict)
    results: tuple[JobResult, ...] = ()
    ancestors: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _JobDefinition:
    """A job as written, with its permissions and its caller's check."""

    document: Document
    name: str
    job: Mapping[str, Any]
    permissions: Permissions
    prefix: str

    def title(self, contexts: Contexts) -> str:
        """The name of the job's check; matrix values are appended if the name has no expression."""
        written, matrix = str(self.job.get("name", self.name)), contexts.values.get("matrix", {})
        if "${{" in written:
            return self.prefix + text_of(evaluated(written, contexts))
        return self.prefix + (f"{written} ({', '.join(text_of(value) for value in matrix.values())})" if matrix else written)


@dataclass(frozen=True)
class _Player:
    world: World
    start: Start
    progress: Progress
    referenced: list[str]

    def workflow(
        self, document: Document, inputs: Mapping[str, Any], secrets: Mapping[str, str], limit: Permissions | None, prefix: str
    ) -> dict[str, _Job]:
        """Play all jobs of a workflow. `limit` are the caller's permissions, `prefix` is the name of the calling job's check."""
        content = document.content
        granted = {name: _granted(job, content, limit, document, name) for name, job in content["jobs"].items()}
        finished: dict[str, _Job] = {}
        for name in _ordered(content["jobs"]):
            job = content["jobs"][name]
            if set(job) - _KEYS:
                raise NotSupported(f"{document.path}: {name}: {sorted(set(job) - _KEYS)}")
            needs = _needs(job)
            ancestors = frozenset(needs).union(*(finished[need].ancestors for need in needs))
            values = {
                "github": {**self.start.github, "job": name},
                "inputs": dict(inputs),
                "vars": dict(self.start.variables),
                "secrets": {**secrets, "GITHUB_TOKEN": ""},
                "needs": {need: {"result": finished[need].result, "outputs": dict(finished[need].outputs)} for need in needs},
            }
            past = {finished[ancestor].result for ancestor in ancestors}
            contexts = Contexts(
                values, failed=bool(past & {"failure", "cancelled"}), cancelled=self.progress.cancelled, skipped="skipped" in past
            )
            finished[name] = replace(self._job(_JobDefinition(document, name, job, granted[name], prefix), contexts), ancestors=ancestors)
        return finished

    def _job(self, definition: _JobDefinition, contexts: Contexts) -> _Job:
        if not condition(definition.job.get("if"), contexts):
            result: Result = "cancelled" if self.progress.cancelled else "skipped"
            return _Job(result, results=(JobResult(definition.title(contexts), result, permissions=definition.permissions),))
        legs = [
            self._leg(definition, replace(contexts, values={**contexts.values, "matrix": matrix})) for matrix in _matrix(definition.job)
        ]
        outputs = {key: value for leg in legs for key, value in leg.outputs.items()}
        return _Job(conclusion_of(leg.result for leg in legs), outputs, tuple(itertools.chain.from_iterable(leg.results for leg in legs)))

    def _leg(self, definition: _JobDefinition, contexts: Contexts) -> _Job:
        return self._call(definition, contexts) if "uses" in definition.job else self._run(definition, contexts)

    def _call(self, definition: _JobDefinition, contexts: Contexts) -> _Job:
        """Play a called workflow: typed inputs, the secrets passed to it, and its declared outputs."""
        job = definition.job
        called = read_workflow(*self.world.library.find(job["uses"], definition.document.tree))
        self.referenced.append(called.reference)
        declared = triggers(called)["workflow_call"]
        requested_inputs = {key: evaluated(value, contexts) for key, value in job.get("with", {}).items()}
        inputs = _inputs(declared.get("inputs") or {}, requested_inputs, called)
        passed = job.get("secrets", {})
        known: Mapping[str, str] = contexts.values["secrets"]
        secrets = known if passed == "inherit" else {key: text_of(evaluated(value, contexts)) for key, value in passed.items()}
        jobs = self.workflow(called, inputs, secrets, definition.permissions, f"{definition.title(contexts)} / ")
        job_results = {name: {"result": inner.result, "outputs": dict(inner.outputs)} for name, inner in jobs.items()}
        output_contexts = Contexts({**contexts.values, "inputs": inputs, "jobs": job_results})
        outputs = {key: text_of(evaluated(one["value"], output_contexts)) for key, one in (declared.get("outputs") or {}).items()}
        results = tuple(itertools.chain.from_iterable(inner.results for inner in jobs.values()))
        return _Job(conclusion_of(result.result for result in results), outputs, results)

    def _run(self, definition: _JobDefinition, contexts: Contexts) -> _Job:
        """Play a job with steps on a separate machine."""
        job, tree, title = definition.job, definition.document.tree, definition.title(contexts)
        machine = Machine(self.world.folder / f"{next(self.world.machines)}-{definition.name}", self.world.given)
        token = self.world.token({key: _reduced(level, read_only=self.start.read_only) for key, level in definition.permissions.items()})
        event = machine.temporary / "_github_workflow" / "event.json"
        event.parent.mkdir()
        event.write_text(json.dumps(self.start.github["event"]))
        github = {**contexts.values["github"], "token": token, "workspace": str(machine.workspace), "event_path": str(event)}
        values = {
            **contexts.values,
            "github": github,
            "secrets": {**contexts.values["secrets"], "GITHUB_TOKEN": token},
            "runner": {"os": "Linux", "arch": "X64", "temp": str(machine.temporary), "name": "player"},
            "job": {"status": "success", "workflow_sha": tree.sha, "workflow_repository": tree.repository},
            "strategy": {},
        }
        stage = Stage(machine, self.world.actions, self.world.library, tree, title, self.progress)
        environment = {
            key: text_of(evaluated(value, Contexts(values)))
            for level in (definition.document.content.get("env", {}), job.get("env", {}))
            for key, value in level.items()
        }
        try:
            steps, known = play_steps(job["steps"], stage, values, environment)
        finally:
            machine.end()
        result: Result = "failure" if any(step.conclusion == "failure" for step in steps) else "success"
        if any(step.conclusion == "cancelled" for step in steps):
            result = "cancelled"
        if result == "success":
            for post in reversed(machine.posts):
                post()
        output_contexts = Contexts({**values, "steps": known, "env": {**environment, **machine.environment}})
        outputs = {key: text_of(evaluated(value, output_contexts)) for key, value in job.get("outputs", {}).items()}
        played = JobResult(title, result, tuple(steps), outputs, dict(definition.permissions), "".join(stage.summaries))
        return _Job(result, outputs, (played,))


def _needs(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


def _ordered(jobs: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Each job after those that it needs; raises `StartupFailure` if that is impossible."""
    scheduled: set[str] = set()
    while len(scheduled) < len(jobs):
        ready = [name for name, job in jobs.items() if name not in scheduled and set(_needs(job)) <= scheduled]
        if not ready:
            raise StartupFailure("jobs need each other in a circle, or one that is not there")
        yield from ready
        scheduled |= set(ready)


def _granted(job: Mapping[str, Any], content: Mapping[str, Any], limit: Permissions | None, document: Document, name: str) -> Permissions:
    """A job's permissions; raises `StartupFailure` if a called workflow's job requests more than its caller grants."""
    requested = job.get("permissions", content.get("permissions"))
    if requested is None:
        return dict(limit) if limit is not None else dict(_DEFAULT)
    if not isinstance(requested, dict):
        raise NotSupported(f"{document.path}: {name}: permissions: {requested}")
    for key, level in requested.items():
        if limit is not None and _LEVELS[level] > _LEVELS[limit.get(key, "none")]:
            allowed = limit.get(key, "none")
            raise StartupFailure(f"{document.path}: job {name} requests {key}: {level}, but is only allowed {key}: {allowed}")
    return dict(requested)


def _reduced(level: str, *, read_only: bool) -> str:
    return "read" if read_only and level == "write" else level


def _matrix(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    matrix: Mapping[str, Any] = job.get("strategy", {}).get("matrix", {})
    if not all(isinstance(values, list) for values in matrix.values()) or {"include", "exclude"} & set(matrix):
        raise NotSupported("a matrix that is not plain lists")
    return [dict(zip(matrix, chosen, strict=True)) for chosen in itertools.product(*matrix.values())]


def _inputs(declared: Mapping[str, Any], given: Mapping[str, Any], called: Document) -> dict[str, Any]:
    """The inputs of a called workflow, with defaults; raises `StartupFailure` if one is unknown or missing."""
    unknown = set(given) - set(declared)
    missing = {key for key, one in declared.items() if one.get("required") and key not in given}
    if unknown or missing:
        raise StartupFailure(f"{called.path}: inputs: unknown {sorted(unknown)}, missing {sorted(missing)}")
    empty: dict[str, object] = {"boolean": False, "number": 0.0, "string": ""}
    kinds: dict[str, type | tuple[type, ...]] = {"boolean": bool, "number": (int, float), "string": str}
    given = {key: text_of(value) if declared[key].get("type", "string") == "string" else value for key, value in given.items()}
    for key, value in given.items():
        kind = declared[key].get("type", "string")
        if not isinstance(value, kinds[kind]):
            raise StartupFailure(f"{called.path}: input {key}: {value!r} is no {kind}")
    return {key: given.get(key, one.get("default", empty[one.get("type", "string")])) for key, one in declared.items()}
