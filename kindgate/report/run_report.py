"""`RunReport`: all results of a run in one versioned document, from which every page and comment is made.

It is written to `report.json`; `docs/report.schema.json` is its schema. A reader accepts only its own version.
"""

from __future__ import annotations

import enum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kindgate.report.answer_records import ANSWERS_LIMIT, AnswersRow
from kindgate.report.burst_records import Burst
from kindgate.report.capacity_records import CAPACITY_LIMIT, CapacityRow
from kindgate.report.episode_records import EPISODES_LIMIT, EpisodeRecord
from kindgate.report.failure_causes import EndedContainer
from kindgate.report.frozen_record import Count, Epoch, Line, Name, Record, RelativePath, Seconds, Sha, Text, WebAddress
from kindgate.report.judged import COMPARISON_LIMIT, OBJECTIVES_LIMIT, Judged
from kindgate.report.measurements import BURSTS_LIMIT, BurstFigures
from kindgate.report.objective_records import ComparisonRow, GateChanges, ThresholdOutcome, ValidityRow
from kindgate.report.policy_records import POLICY_LIMIT, PolicyRecord
from kindgate.report.recomputation import Recomputation
from kindgate.report.resource_records import ResourceWindow
from kindgate.report.scenario_records import SCENARIO_OBJECTIVES_LIMIT, SCENARIOS_LIMIT, ScenarioRecord

SCHEMA_VERSION: Literal[1] = 1

LINKS = 20
"""Maximum links in a report."""

BUNDLE_FILES = 200
"""Maximum files that a report names per evidence folder."""


class Outcome(enum.StrEnum):
    """The outcome of a run."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"
    SETUP_FAILED = "setup-failed"
    INTERRUPTED = "interrupted"
    NO_VERDICT = "no-verdict"


class Run(Record):
    """The run itself; `command` repeats it on another machine, so it contains no path of this one."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    started: Epoch
    seconds: Seconds
    command: Line = ""


class PhaseTiming(Record):
    """One step of the pipeline."""

    name: Name
    started: Epoch
    seconds: Seconds
    ok: bool = True
    note: Line = ""


class Cluster(Record):
    """The cluster that the application ran in."""

    name: Name
    nodes: Count
    node_image: Name = ""
    server_version: Name = ""
    origin: Literal["created", "reused", "existing"] = "created"


class RunEnvironment(Record):
    """The machine, on which latencies depend; `memory` in bytes."""

    os: Name = ""
    cpu_model: Name = ""
    cpus: Count = 0
    memory: Count = 0
    engine: Name = ""
    versions: Annotated[dict[Name, Name], Field(max_length=60)] = Field(default_factory=dict)


class PullRequest(Record):
    """The judged commit and pull request on GitHub; unknown fields are empty or `None`.

    A publisher replaces this part and `RunReport.links` of an untrusted report with GitHub's own data.
    """

    repository: Annotated[str, Field(max_length=200, pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9_.-]+)?$")] = ""
    number: Count | None = None
    head_sha: Sha = ""
    base_sha: Sha = ""
    merge_sha: Sha = ""
    run_id: Count | None = None
    attempt: Count | None = None
    run_url: WebAddress = ""


class Link(Record):
    """A link of kindgate's: to the HTML page, the artifacts, a re-run."""

    name: Name
    url: WebAddress


class TestResult(Record):
    """One test. `cause` is the classified root cause, `bundle` its evidence folder, `base` its outcome on the baseline.

    `scenario` describes the effect of a scenario test on the cluster under load; it is empty for others. `e2e` is False for
    other tests of the same run: their passing proves nothing about the application.
    """

    __test__ = False

    node_id: Line
    outcome: Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]
    seconds: Seconds
    started: Epoch | None = None
    phase: Literal["setup", "call", "teardown"] = "call"
    error: Line = ""
    cause: Line = ""
    details: Text = ""
    bundle: RelativePath = ""
    scenario: Line = ""
    base: Literal["", "passed", "failed"] = ""
    e2e: bool = True


class FailureBundle(Record):
    """A folder of evidence on one failure."""

    name: Line
    path: RelativePath
    cause: Line = ""
    files: Annotated[tuple[RelativePath, ...], Field(max_length=BUNDLE_FILES)] = ()


class SetupError(Record):
    """Why nothing could be judged: one of kindgate's errors, in its own words."""

    phase: Name
    message: Line
    waited: Seconds | None = None
    last_state: Text = ""
    next_step: Line = ""


class Artifact(Record):
    """A file that the run produced."""

    name: Name
    path: RelativePath


class RunReport(Record):
    """All results of a run; `deselected` counts collected e2e tests that a filter deselected.

    `workload` is the file that describes the load; empty if only GET requests of the paths that the manifests route were sent.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    run: Run
    outcome: Outcome
    exit_code: Annotated[int, Field(ge=0, le=255)]
    environment: RunEnvironment = RunEnvironment()
    cluster: Cluster | None = None
    pull_request: PullRequest | None = None
    setup_error: SetupError | None = None
    phases: Annotated[tuple[PhaseTiming, ...], Field(max_length=100)] = ()
    objectives: Annotated[tuple[ThresholdOutcome, ...], Field(max_length=OBJECTIVES_LIMIT)] = ()
    gates: Annotated[tuple[ValidityRow, ...], Field(max_length=500)] = ()
    comparison: Annotated[tuple[ComparisonRow, ...], Field(max_length=COMPARISON_LIMIT)] = ()
    judged: Annotated[tuple[Judged, ...], Field(max_length=OBJECTIVES_LIMIT + COMPARISON_LIMIT)] = ()
    figures: Annotated[tuple[BurstFigures, ...], Field(max_length=BURSTS_LIMIT)] = ()
    answers: Annotated[tuple[AnswersRow, ...], Field(max_length=ANSWERS_LIMIT)] = ()
    scenarios: Annotated[tuple[ScenarioRecord, ...], Field(max_length=SCENARIOS_LIMIT)] = ()
    episodes: Annotated[tuple[EpisodeRecord, ...], Field(max_length=EPISODES_LIMIT)] = ()
    policy: Annotated[tuple[PolicyRecord, ...], Field(max_length=POLICY_LIMIT)] = ()
    capacity: Annotated[tuple[CapacityRow, ...], Field(max_length=CAPACITY_LIMIT)] = ()
    workload: Name = ""
    bursts: Annotated[tuple[Burst, ...], Field(max_length=500)] = ()
    resources: Annotated[tuple[ResourceWindow, ...], Field(max_length=500)] = ()
    ended_containers: Annotated[tuple[EndedContainer, ...], Field(max_length=100)] = ()
    tests: Annotated[tuple[TestResult, ...], Field(max_length=20_000)] = ()
    deselected: Count = 0
    failures: Annotated[tuple[FailureBundle, ...], Field(max_length=1000)] = ()
    gate_changes: GateChanges = GateChanges()
    artifacts: Annotated[tuple[Artifact, ...], Field(max_length=1000)] = ()
    links: Annotated[tuple[Link, ...], Field(max_length=LINKS)] = ()
    notes: Annotated[tuple[Line, ...], Field(max_length=100)] = ()
    recomputation: Recomputation | None = None
    """Set where the report is published; a run leaves it empty, and an artifact's value is never trusted."""

    @model_validator(mode="after")
    def _judged_within_bounds(self) -> Self:
        if sum(len(entry.thresholds) for entry in self.judged) > OBJECTIVES_LIMIT:
            raise ValueError(f"more than {OBJECTIVES_LIMIT} objectives were judged")
        if sum(len(entry.tolerances) for entry in self.judged) > COMPARISON_LIMIT:
            raise ValueError(f"more than {COMPARISON_LIMIT} figures were compared")
        if sum(len(entry.objectives) for entry in self.scenarios) > SCENARIO_OBJECTIVES_LIMIT:
            raise ValueError(f"more than {SCENARIO_OBJECTIVES_LIMIT} objectives about scenarios were judged")
        return self
