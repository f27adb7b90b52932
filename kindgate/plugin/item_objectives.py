"""Build the `slo` and `resources` fixtures from a test's markers, the SLO file and the running environment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kindgate.model import Window
from kindgate.observe.resource_summary import ResourceSummary, resource_summary
from kindgate.pipeline.burst_conversion import burst_record
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.capacity import MeasuredCapacity, capacity_measurement
from kindgate.pipeline.ended_containers import ended_containers
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.evaluation import MeasuredJudgement
from kindgate.pipeline.judged_series import objectives_series
from kindgate.pipeline.report_builder import Measurement
from kindgate.pipeline.run_objectives import SloFile, read_slo_file
from kindgate.plugin.application import Application
from kindgate.plugin.prometheus import Prometheus
from kindgate.plugin.provisioning_access import load_lock_of, provider_of
from kindgate.plugin.session_state import SETTINGS
from kindgate.plugin.slo import Slo
from kindgate.report.junit_properties import load_properties, slo_properties
from kindgate.report.verdict_rows import objective_records
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from kindgate.waiting import Deadline

_SLO_FILE = pytest.StashKey[SloFile]()
"""The content of the SLO file; missing until a test needs it."""

RESOURCE_SECONDS = 60.0
"""cAdvisor samples each container every 10 to 15 s, and Prometheus scrapes cAdvisor every 5 s."""


def slo_file_of(config: pytest.Config) -> SloFile:
    """The content of the SLO file, read once per process; raises `SloError` for a file that cannot be used."""
    if _SLO_FILE not in config.stash:
        config.stash[_SLO_FILE] = read_slo_file(config.stash[SETTINGS])
    return config.stash[_SLO_FILE]


def slo_of(config: pytest.Config, item: pytest.Item, application: DeployedApplication) -> Slo:
    """The objectives of `item`: its markers' thresholds, or the SLO file's if no marker has any."""
    settings = config.stash[SETTINGS]
    from_file = slo_file_of(config).objectives
    objectives = objectives_of(item, from_file)
    burst_series = burst_series_of(config, objectives, application)
    provider = provider_of(config)

    def record(result: MeasuredJudgement | MeasuredCapacity) -> None:
        if isinstance(result, MeasuredCapacity):
            measured, measurement = result.measured, capacity_measurement(result, application, settings.slo, item.nodeid)
        else:
            ended = ended_containers(result.judgement, result.bursts, application, item.nodeid)
            measured, measurement = result, Measurement(item.nodeid, judgement=result.judgement, ended_containers=ended)
        provider.record(replace(measurement, origin=replace(measured.origin, own=objectives is not from_file)))
        bursts = [burst_record(str(number), result) for number, result in enumerate(measured.bursts, 1)]
        item.user_properties += [*slo_properties(objective_records(measured.judgement)), *load_properties(bursts)]
        if measured.judgement.abort:
            item.session.shouldfail = "an objective with abortOnFail was missed"

    return Slo(objectives, burst_series, settings.slo, record)


def objectives_of(item: pytest.Item, from_file: Objectives) -> Objectives:
    """Thresholds of all `slo` markers of a test, with the file's burst sizes; without any, the file's objectives.

    A capacity is limited by the file's thresholds if none of the test's own does.
    """
    markers = [marker for marker in item.iter_markers("slo") if marker.args]
    thresholds = [threshold for marker in markers for threshold in parse_marker(marker.args, item.nodeid, marker.kwargs)]
    return replace(from_file, thresholds=tuple(thresholds), within=from_file.thresholds) if thresholds else from_file


def burst_series_of(config: pytest.Config, objectives: Objectives, application: DeployedApplication) -> BurstSeries:
    """The series of bursts for objectives of this size, shared by all tests of the run."""
    return objectives_series(config.stash[SETTINGS].load, objectives, application, load_lock_of(config))


def resources_of(config: pytest.Config, app: Application, application: DeployedApplication, prometheus: Prometheus) -> ResourceSummary:
    """Resource use of the application from the first to the last burst of the SLO file's load."""
    settings = config.stash[SETTINGS]
    objectives = slo_file_of(config).objectives
    burst_series = burst_series_of(config, objectives, application)
    bursts = burst_series.bursts() or burst_series.extend(1 if settings.slo.quick else objectives.bursts.count or settings.slo.bursts)
    window = Window(bursts[0].window.start, bursts[-1].window.end)
    deadline = Deadline.after(RESOURCE_SECONDS)
    summary = resource_summary(prometheus.client, window, app.namespaces, app.rendered, deadline)
    provider_of(config).record(Measurement("load", resources=(summary,)))
    return summary
