"""Play the steps of a job or composite action in order."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.player.actions import Call, Outcome
from tests.player.artifacts import ActionFailed
from tests.player.documents import Document, Library, NotSupported, Tree, read_action
from tests.player.files import CommandFiles, hash_files
from tests.player.machine import Machine
from tests.player.results import Result, StepResult
from tests.tools.expressions import Contexts, condition, evaluate, interpolate, text_of

_KEYS = frozenset({"name", "id", "if", "env", "uses", "with", "run", "shell", "working-directory", "continue-on-error", "timeout-minutes"})


@dataclass
class Progress:
    """The progress of a run. It is canceled during step `cancel_at` (`check / step`), which otherwise never ends."""

    cancel_at: str = ""
    cancelled: bool = False


@dataclass(frozen=True)
class Stage:
    """The setting of steps: machine, actions, and the tree that resolves `$/`."""

    machine: Machine
    actions: Mapping[str, Callable[[Call], Outcome]]
    library: Library
    tree: Tree
    job: str = ""
    progress: Progress = field(default_factory=Progress)
    summaries: list[str] = field(default_factory=list)


def evaluated(text: object, contexts: Contexts) -> Any:
    """A value with its expressions evaluated; one that is a single expression keeps its type."""
    if not isinstance(text, str):
        return text
    expression = re.fullmatch(r"\s*\$\{\{((?:(?!\$\{\{).)*)\}\}\s*", text, re.DOTALL)
    return evaluate(expression[1], contexts) if expression else interpolate(text, contexts)


def play_steps(
    steps: Sequence[Mapping[str, Any]], stage: Stage, values: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[list[StepResult], dict[str, Any]]:
    """Play steps in order; return their results and the resulting `steps` context."""
    results: list[StepResult] = []
    known: dict[str, Any] = {}
    for index, step in enumerate(steps):
        if set(step) - _KEYS:
            raise NotSupported(f"{stage.job}: step {step.get('name', index)}: {sorted(set(step) - _KEYS)}")
        name = str(step.get("name") or step.get("uses") or step.get("run"))
        failed = any(result.conclusion == "failure" for result in results)
        step_values = {**values, "steps": known, "env": {**environment, **stage.machine.environment}}
        contexts = Contexts(
            step_values, failed=failed, cancelled=stage.progress.cancelled, hash_files=partial(hash_files, stage.machine.workspace)
        )
        result = _play(name, step, stage, contexts, environment)
        results.append(result)
        if "id" in step:
            known[step["id"]] = {"outcome": result.outcome, "conclusion": result.conclusion, "outputs": dict(result.outputs)}
    return results, known


def _play(name: str, step: Mapping[str, Any], stage: Stage, contexts: Contexts, environment: Mapping[str, str]) -> StepResult:
    if not condition(step.get("if"), contexts):
        return StepResult(name, "skipped", "skipped")
    if stage.progress.cancel_at == f"{stage.job} / {name}":
        stage.progress.cancelled = True
        return StepResult(name, "cancelled", "cancelled")
    own = {key: text_of(evaluated(value, contexts)) for key, value in step.get("env", {}).items()}
    inner = Contexts(
        {**contexts.values, "env": {**contexts.values["env"], **own}}, contexts.failed, contexts.cancelled, hash_files=contexts.hash_files
    )
    variables = {**environment, **own}
    try:
        outcome, outputs, log = (_run if "run" in step else _use)(step, stage, inner, variables)
    except ActionFailed as error:
        outcome, outputs, log = "failure", {}, f"error: {error}"
    forgiven = evaluated(step.get("continue-on-error", False), inner) in {True, "true"}
    return StepResult(name, outcome, "success" if outcome == "failure" and forgiven else outcome, log, outputs)


_Played = tuple[Result, Mapping[str, str], str]


def _run(step: Mapping[str, Any], stage: Stage, contexts: Contexts, variables: Mapping[str, str]) -> _Played:
    shell = step.get("shell", "")
    if shell not in {"", "bash"}:
        raise NotSupported(f"shell: {shell}")
    machine = stage.machine
    files = CommandFiles.create(machine.temporary / "_commands" / uuid.uuid4().hex)
    folder = machine.workspace / interpolate(str(step.get("working-directory", ".")), contexts)
    if not folder.is_dir():
        return "failure", {}, f"error: no such folder: {folder}"
    github = contexts.values["github"]
    code, log = machine.shell(
        interpolate(step["run"], contexts),
        shell=shell,
        folder=folder,
        variables={**_github_variables(github, machine), **variables, **files.variables},
    )
    machine.environment |= files.assignments("GITHUB_ENV")
    machine.paths += files.lines("GITHUB_PATH")
    if files.summary:
        stage.summaries.append(files.summary)
    return "failure" if code else "success", files.assignments("GITHUB_OUTPUT"), log + (f"[exit code {code}]\n" if code else "")


def _use(step: Mapping[str, Any], stage: Stage, contexts: Contexts, variables: Mapping[str, str]) -> _Played:
    uses = str(step["uses"])
    given = {key: text_of(evaluated(value, contexts)) for key, value in step.get("with", {}).items()}
    name = uses.partition("@")[0]
    if name in stage.actions:
        outcome = stage.actions[name](Call(stage.machine, given, contexts.values["github"]))
        return "success", outcome.outputs, outcome.log
    tree = Tree(stage.machine.workspace, "", "") if uses.startswith("./") else stage.tree
    action = read_action(*stage.library.find(uses, tree))
    return _composite(action, stage, contexts, given, variables)


def _composite(action: Document, stage: Stage, contexts: Contexts, given: Mapping[str, str], variables: Mapping[str, str]) -> _Played:
    """Play a composite action with its own `inputs` and `steps`, and the job's `github`, `runner` and machine."""
    declared: Mapping[str, Any] = action.content.get("inputs") or {}
    unknown = set(given) - set(declared)
    if unknown:
        raise NotSupported(f"{action.reference} has no input {unknown.pop()}")
    inputs = {key: given.get(key, text_of(one.get("default", ""))) for key, one in declared.items()}
    folder = str(action.tree.root / action.path)
    github = {**contexts.values["github"], "action_path": folder}
    values = {"github": github, "runner": contexts.values["runner"], "inputs": inputs, "job": contexts.values.get("job", {})}
    results, known = play_steps(
        action.content["runs"]["steps"], replace(stage, tree=action.tree), values, {**variables, "GITHUB_ACTION_PATH": folder}
    )
    outputs_of = Contexts({**values, "steps": known})
    outputs = {key: text_of(evaluated(one["value"], outputs_of)) for key, one in (action.content.get("outputs") or {}).items()}
    log = "\n".join(f"--- {result.name} [{result.outcome}]\n{result.log}" for result in results)
    failed = any(result.conclusion == "failure" for result in results)
    return "cancelled" if stage.progress.cancelled else "failure" if failed else "success", outputs, log


def _github_variables(github: Mapping[str, Any], machine: Machine) -> dict[str, str]:
    """The GITHUB_* variables that the runner sets, which do not include the token."""
    names = (
        "actor api_url base_ref event_name event_path head_ref job ref ref_name repository repository_owner run_attempt run_id run_number "
        "server_url sha triggering_actor workflow workflow_ref workflow_sha"
    )
    known = {f"GITHUB_{name.upper()}": text_of(github.get(name)) for name in names.split()}
    return {**known, "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(Path(machine.workspace))}
