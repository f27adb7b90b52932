"""Build a report from results of other packages: nothing is measured or judged here, only recorded within bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kindgate.errors import KindgateError
from kindgate.load.result import BurstResult
from kindgate.model import ClusterAddress, Phase
from kindgate.observe.resource_summary import ResourceSummary, WorkloadUse
from kindgate.pipeline.burst_conversion import burst_record
from kindgate.report.answer_records import answers_records, judged_rows, kept_rows
from kindgate.report.baseline_outcome import baseline_figures, with_baseline_outcomes
from kindgate.report.capacity_records import CAPACITY_LIMIT, CapacityRow
from kindgate.report.decision import outcome_of
from kindgate.report.failure_causes import EndedContainer
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT, TEXT_LIMIT
from kindgate.report.judged import COMPARISON_LIMIT, OBJECTIVES_LIMIT, JudgedResult, Origin, judged_figures
from kindgate.report.judged_scenarios import JudgedEpisodes, scenario_figures
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import GateChanges
from kindgate.report.policy_records import JudgedPolicy, policy_records, policy_rows
from kindgate.report.resource_records import ResourceSeries, ResourceWindow, WorkloadResources
from kindgate.report.run_report import (
    LINKS,
    Artifact,
    Cluster,
    FailureBundle,
    Link,
    PhaseTiming,
    PullRequest,
    Run,
    RunEnvironment,
    RunReport,
    SetupError,
    TestResult,
)
from kindgate.report.scenario_records import scenario_objectives
from kindgate.report.verdict_rows import comparison_records, objective_records, validity_rows
from kindgate.slo.compare import Comparison
from kindgate.slo.judgement import Judgement
from kindgate.slo.sample import BurstSample

MEGABYTE = 1e6

BURSTS = 500
TESTS = 20_000
"""Maximum numbers of bursts and tests in a report."""


@dataclass(frozen=True)
class Measurement:
    """Results of one test: its bursts, verdicts, and the application's resource use meanwhile.

    `origin` names the bursts behind its verdicts; `ended_containers` explain missed ones. `scenarios` are episodes with the
    judgments about them, `policy` are judgments about policies, and `capacity` is what a search found.
    """

    test: str
    bursts: tuple[BurstResult, ...] = ()
    judgement: Judgement | None = None
    comparison: Comparison | None = None
    origin: Origin | None = None
    resources: tuple[ResourceSummary, ...] = field(default=())
    ended_containers: tuple[EndedContainer, ...] = ()
    scenarios: tuple[JudgedEpisodes, ...] = ()
    policy: tuple[JudgedPolicy, ...] = ()
    capacity: CapacityRow | None = None


def build_report(
    run: Run,
    *,
    exit_code: int,
    interrupted: bool = False,
    address: ClusterAddress | None = None,
    environment: RunEnvironment | None = None,
    pull_request: PullRequest | None = None,
    setup_error: SetupError | None = None,
    phases: Iterable[Phase] = (),
    measurements: Sequence[Measurement] = (),
    samples: Iterable[BurstSample] = (),
    tests: tuple[TestResult, ...] = (),
    deselected: int = 0,
    workload: str = "",
    failures: tuple[FailureBundle, ...] = (),
    gate_changes: GateChanges | None = None,
    artifacts: tuple[Artifact, ...] = (),
    links: tuple[Link, ...] = (),
    notes: Iterable[str] = (),
) -> RunReport:
    """The report of a run. Anything beyond the document's bounds is omitted, with a note.

    `samples` are the run's bursts as the judge takes them; those behind a measurement's verdicts are kept whole. `workload`
    names the file with the run's workload.
    """
    figures = baseline_figures(one.comparison for one in measurements if one.comparison)
    objectives = tuple(row for one in measurements if one.judgement for row in objective_records(one.judgement, one.test, figures))
    comparison = tuple(row for one in measurements if one.comparison for row in comparison_records(one.comparison, one.test))
    answers = kept_rows(row for one in measurements if one.comparison for row in answers_records(one.comparison, one.test))
    results = [
        JudgedResult(result, one.origin, one.test)
        for one in measurements
        for result in (one.judgement, one.comparison)
        if result is not None
    ]
    kept = judged_figures(results, samples)
    scenarios = scenario_figures((one.test, judged) for one in measurements for judged in one.scenarios)
    policy = policy_records((one.test, judged) for one in measurements for judged in one.policy)
    bursts = [(one.test, result) for one in measurements for result in one.bursts]
    windows = [(one.test, summary) for one in measurements for summary in one.resources]
    all_notes = [shortened(note, LINE_LIMIT) for note in notes]
    all_notes += [f"{len(bursts) - BURSTS} more bursts were omitted from the report"] if len(bursts) > BURSTS else []
    all_notes += (
        [f"the figures of {kept.left_out} judgments were omitted from the report, so it cannot be recomputed"] if kept.left_out else []
    )
    all_notes += [f"the episodes of {scenarios.left_out} judged scenarios were omitted from the report"] if scenarios.left_out else []
    all_notes += [f"{len(tests) - TESTS} more tests were omitted from the report"] if len(tests) > TESTS else []
    return RunReport(
        run=run,
        outcome=outcome_of(
            exit_code=exit_code,
            interrupted=interrupted,
            setup_error=setup_error,
            tests=tests,
            objectives=(*objectives, *comparison, *judged_rows(answers), *scenario_objectives(scenarios.scenarios), *policy_rows(policy)),
        ),
        exit_code=exit_code,
        environment=environment or RunEnvironment(),
        cluster=None if address is None else cluster_record(address),
        pull_request=pull_request,
        setup_error=setup_error,
        phases=phase_records(phases)[:100],
        objectives=objectives[:OBJECTIVES_LIMIT],
        gates=(*(record for one in results for record in validity_rows(one.result, one.test)), *scenarios.checks)[:500],
        comparison=comparison[:COMPARISON_LIMIT],
        answers=answers,
        capacity=tuple(one.capacity for one in measurements if one.capacity is not None)[:CAPACITY_LIMIT],
        judged=kept.judged,
        figures=kept.figures,
        scenarios=scenarios.scenarios,
        episodes=scenarios.episodes,
        policy=policy,
        workload=shortened(workload, NAME_LIMIT),
        bursts=tuple(burst_record(f"burst {place}", result, test) for place, (test, result) in enumerate(bursts[:BURSTS], 1)),
        resources=tuple(resource_record(summary, test or "load") for test, summary in windows[:BURSTS]),
        ended_containers=tuple(ended for one in measurements for ended in one.ended_containers)[:100],
        tests=with_baseline_outcomes(tests[:TESTS], objectives),
        deselected=deselected,
        failures=failures[:1000],
        gate_changes=gate_changes or GateChanges(),
        artifacts=artifacts[:1000],
        links=links[:LINKS],
        notes=tuple(all_notes[:100]),
    )


def resource_record(summary: ResourceSummary, name: str) -> ResourceWindow:
    """Report record of the workloads' resource use in a window."""
    return ResourceWindow(
        name=shortened(name, NAME_LIMIT),
        started=summary.window.start,
        seconds=summary.window.seconds,
        workloads=tuple(_workload(use) for use in summary.workloads[:200]),
        notes=tuple(shortened(note, LINE_LIMIT) for note in summary.notes),
    )


def phase_records(phases: Iterable[Phase]) -> tuple[PhaseTiming, ...]:
    """Report records of the pipeline's phases."""
    return tuple(
        PhaseTiming(
            name=shortened(phase.name, NAME_LIMIT),
            started=phase.started,
            seconds=phase.seconds,
            ok=phase.ok,
            note=shortened(phase.note, LINE_LIMIT),
        )
        for phase in phases
    )


def cluster_record(address: ClusterAddress) -> Cluster:
    """Report record of the cluster."""
    return Cluster(
        name=shortened(address.name, NAME_LIMIT),
        nodes=len(address.nodes),
        node_image=shortened(address.node_image, NAME_LIMIT),
        server_version=shortened(address.server_version, NAME_LIMIT),
        origin="existing" if address.existing else "reused" if address.reused else "created",
    )


def setup_error_record(error: KindgateError, phase: str, redact: Callable[[str], str]) -> SetupError:
    """Report record of the error that kept everything from being judged; redacted before it is cut, which could halve a secret."""
    return SetupError(
        phase=shortened(phase, NAME_LIMIT),
        message=shortened(redact(error.message), LINE_LIMIT),
        waited=error.waited,
        last_state=shortened(redact(error.last_state), TEXT_LIMIT),
        next_step=shortened(redact(error.next_step), LINE_LIMIT),
    )


def _workload(use: WorkloadUse) -> WorkloadResources:
    allowed = use.allowance
    return WorkloadResources(
        namespace=shortened(use.namespace, NAME_LIMIT),
        workload=shortened(use.workload, NAME_LIMIT),
        pods=use.pods,
        restarts=use.restarts,
        cpu_avg=_rounded(use.cpu_avg),
        cpu_max=_rounded(use.cpu_max),
        cpu_request=_for_all_pods(allowed.cpu_request, use.pods),
        cpu_limit=_for_all_pods(allowed.cpu_limit, use.pods),
        memory_max=_megabytes(use.memory_max),
        memory_request=_megabytes(_for_all_pods(allowed.memory_request, use.pods)),
        memory_limit=_megabytes(_for_all_pods(allowed.memory_limit, use.pods)),
        rx=_megabytes(use.received),
        tx=_megabytes(use.sent),
        throttled=use.throttled,
        series=ResourceSeries(
            times=tuple(round(time, 1) for time in use.series.times),
            cpu=tuple(_rounded(value) for value in use.series.cpu),
            memory=tuple(_megabytes(value) for value in use.series.memory),
        ),
    )


def _for_all_pods(of_one: float | None, pods: int) -> float | None:
    return None if of_one is None else of_one * pods


def _megabytes(amount: float | None) -> float | None:
    return None if amount is None else round(amount / MEGABYTE, 3)


def _rounded(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 5)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
