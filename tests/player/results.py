"""The results of a run: its jobs and their steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Result = Literal["success", "failure", "cancelled", "skipped"]


@dataclass(frozen=True)
class StepResult:
    """The result of a step: `outcome` before `continue-on-error`, `conclusion` after it."""

    name: str
    outcome: Result
    conclusion: Result
    log: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JobResult:
    """The result of a job. `name` is that of its check: `caller / job` for a job of a called workflow."""

    name: str
    result: Result
    steps: tuple[StepResult, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    permissions: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""

    def step(self, name: str) -> StepResult:
        """A step by name."""
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True)
class RunResult:
    """The result of a workflow's run."""

    conclusion: str
    jobs: tuple[JobResult, ...] = ()
    problem: str = ""
    referenced: tuple[str, ...] = ()
    """Called workflows, as `owner/name/path@ref`."""

    def job(self, name: str) -> JobResult:
        """A job by the name of its check."""
        return next(job for job in self.jobs if job.name == name)

    @property
    def checks(self) -> dict[str, Result]:
        """Conclusions by check, as branch protection sees them."""
        return {job.name: job.result for job in self.jobs}

    @property
    def log(self) -> str:
        """The whole output, with the names of jobs and steps."""
        return "\n".join(f"=== {job.name}: {step.name} [{step.outcome}]\n{step.log}" for job in self.jobs for step in job.steps)


def conclusion_of(results: Iterable[Result]) -> Result:
    """Combine several results, as GitHub derives a run's conclusion from its jobs."""
    found = set(results)
    for word in ("failure", "cancelled", "success"):
        if word in found:
            return word
    return "skipped"
