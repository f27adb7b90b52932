"""A runner for the `run:` steps of one job: its folder, its contexts, and commands started as GitHub's runner does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kindgate.host.container_engine import find_engine
from kindgate.waiting import Deadline
from tests.tools.expressions import Contexts, condition, interpolate

ROOT = Path(__file__).parents[2]
STEP_SECONDS = 3600.0
FOREIGN = ("GITHUB_", "ACTIONS_", "RUNNER_", "PYTEST_")
"""Prefixes of environment variables that this test run must not pass on."""


def run_steps(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step that runs a command, in workflows (`file: job: step`) and in our action (`action: step`)."""
    for file in sorted((root / ".github/workflows").glob("*.yml")):
        for job, content in yaml.safe_load(file.read_text())["jobs"].items():
            for step in content.get("steps", ()):
                if "run" in step:
                    yield f"{file.name}: {job}: {step['name']}", step | {"env": {**content.get("env", {}), **step.get("env", {})}}
    for file in sorted((root / ".github/actions").glob("*/action.yml")):
        for step in yaml.safe_load(file.read_text())["runs"]["steps"]:
            if "run" in step:
                yield f"{file.parent.name}: {step['name']}", step


@dataclass
class Runner:
    """A machine for one job in `workspace`; `contexts` are for expressions, `variables` are those that GitHub sets."""

    workspace: Path
    temporary: Path
    contexts: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, step: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run a step as the runner does (`bash -e`, with pipefail if the step names the shell); its condition must be true."""
        contexts = Contexts(
            {"github": {}, "inputs": {}, "steps": {}, "needs": {}, "vars": {}, "secrets": {}, "matrix": {}, **self.contexts}
        )
        assert condition(step.get("if"), contexts), f"{step['name']} would be skipped: {step.get('if')}"
        environment = {name: interpolate(str(value), contexts) for name, value in step.get("env", {}).items()}
        folder = self.workspace / interpolate(str(step.get("working-directory", ".")), contexts)
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"] if step.get("shell") == "bash" else ["bash", "-e", "-c"]
        self.temporary.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(
            [*shell, step["run"]],
            cwd=folder,
            env={**_own_environment(), "RUNNER_TEMP": str(self.temporary), **self.variables, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
        )
        print(f"$ {step['run']}\n{result.stdout[-4000:]}[exit code {result.returncode}]\n")
        return result


def _own_environment() -> dict[str, str]:
    """The local environment variables, with the engine on the PATH, as a runner has Docker."""
    engine = find_engine(Deadline.after(60))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN) and name != "VIRTUAL_ENV"}
    return {**kept, **engine.environment, "PATH": os.pathsep.join([str(engine.command.parent), kept["PATH"]])}
