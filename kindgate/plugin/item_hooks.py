"""Per-test hooks: reject invalid objectives, keep bursts apart, report a failed phase once."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import SloError
from kindgate.model import Window
from kindgate.pipeline.environment import cluster_of
from kindgate.plugin.generated_suite import is_other_suite, runs_generated_suite
from kindgate.plugin.markers import mark_by_fixtures, markers_among, scenarios_of
from kindgate.plugin.provider import repeated_failure_line
from kindgate.plugin.provisioning_access import PhaseFailed, load_lock_of, provider_of
from kindgate.plugin.requested_tests import deselect_unrequested
from kindgate.plugin.selection import OUTPUT, count_deselected, count_selected, for_controller
from kindgate.plugin.session_state import (
    BUNDLE_PROPERTY,
    BURST_FIXTURES,
    CAUSE_PROPERTY,
    CLUSTER_FIXTURES,
    ENVIRONMENT,
    OUTCOMES,
    REDEPLOYED,
    SCENARIO_FIXTURES,
    SCENARIO_PROPERTY,
    SETTINGS,
    USES_APP,
)

_USES_CLUSTER = CLUSTER_FIXTURES | BURST_FIXTURES | SCENARIO_FIXTURES


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip a generated suite in a run of other tests, which does not read its settings."""
    return True if is_other_suite(collection_path, config) else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark tests that request kindgate's fixtures, and as e2e tests all others of a generated suite but its scenarios."""
    mark_by_fixtures(item)
    if runs_generated_suite(item.config) and not markers_among(item, scenarios_of(item.config)):
        item.add_marker("e2e")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Deselect what the run does not request, and parse every marker's objectives before anything is created.

    Ends after pytest's own selection: deselected tests cost nothing.

    An xdist worker cannot end the run: it reports to the controller, which ends it before the first test.
    """
    collected = list(items)
    yield
    deselect_unrequested(config, collected, items)
    _deselect_comparisons(config, items)
    scenarios = scenarios_of(config)
    for item in items:
        if "kindgate_app" in getattr(item, "fixturenames", ()):
            item.keywords[USES_APP] = True
        if markers_among(item, scenarios):
            item.user_properties.append((SCENARIO_PROPERTY, _first_sentence(item)))
        for marker in item.iter_markers("slo"):
            try:
                _check(marker, item)
            except SloError as error:
                _reject(config, error)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count the e2e tests that a filter deselects."""
    if items:
        count_deselected(items[0].config, items)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send a worker's counts to the controller, which collects nothing itself."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[OUTPUT] = for_controller(session.config)


def _reject(config: pytest.Config, error: SloError) -> None:
    """End the run with the error's exit code; a worker does so through the controller."""
    if hasattr(config, "workerinput"):
        provider_of(config).reject(str(error), error.exit_code)
    else:
        pytest.exit(str(error), returncode=error.exit_code)


def _first_sentence(item: pytest.Item) -> str:
    """The first line of a test's docstring, or its name."""
    text = inspect.getdoc(getattr(item, "obj", None)) or item.name
    return text.splitlines()[0]


def _deselect_comparisons(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that compare two versions if the options name only one."""
    if config.stash[SETTINGS].slo.compares:
        return
    comparing = [item for item in items if "kindgate_duet" in getattr(item, "fixturenames", ())]
    if comparing:
        config.hook.pytest_deselected(items=comparing)
        items[:] = [item for item in items if item not in comparing]


def _check(marker: pytest.Mark, item: pytest.Item) -> None:
    from kindgate.slo.grammar import parse_marker  # noqa: PLC0415  # only suites with objectives need the grammar

    if marker.args or marker.kwargs:
        parse_marker(marker.args, item.nodeid, marker.kwargs)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Order scenarios last, and reject selected tests whose planned load could not confirm their objectives.

    Only now is the order final: `--ff` and `--nf` move tests forward at the end of pytest's selection. Nothing is created before.
    """
    _order_scenarios_last(session)
    count_selected(session.config, session.items)
    for item in session.items:
        names = getattr(item, "fixturenames", ())
        if "kindgate_slo" in names or "kindgate_duet" in names:
            try:
                _refuse_too_small_plan(item, compares="kindgate_duet" in names)
            except SloError as error:
                _reject(session.config, error)


def _order_scenarios_last(session: pytest.Session) -> None:
    """Sort the scenarios' tests behind all others, which measure an undisturbed application.

    Autoscalers need metrics, so the pipeline learns before the cluster is created that they are tested.
    """
    names = scenarios_of(session.config)
    scenarios = frozenset(item for item in session.items if markers_among(item, names))
    if scenarios:
        session.items.sort(key=scenarios.__contains__)
        if hasattr(session.config, "workerinput"):
            provider_of(session.config).announce_scenarios([item.nodeid for item in session.items if item in scenarios])
    if any("scaling" in markers_among(item, names) for item in scenarios):
        provider_of(session.config).request_autoscaling()


def _refuse_too_small_plan(item: pytest.Item, *, compares: bool) -> None:
    from kindgate.pipeline.run_objectives import refuse_too_small_plan  # noqa: PLC0415  # only suites with objectives need it
    from kindgate.plugin.item_objectives import objectives_of, slo_file_of  # noqa: PLC0415  # the same

    settings = item.config.stash[SETTINGS]
    slo_file = slo_file_of(item.config)
    from_file = slo_file.objectives
    judged = replace(from_file, thresholds=()) if compares else replace(objectives_of(item, from_file), compare=())
    refuse_too_small_plan(replace(slo_file, objectives=judged), settings)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keep bursts from starting during a test that uses the cluster; a test that sends bursts gets the machine to itself."""
    names = set(getattr(item, "fixturenames", ()))
    if not names & CLUSTER_FIXTURES or names & (BURST_FIXTURES | SCENARIO_FIXTURES):
        return (yield)
    with load_lock_of(item.config).shared():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a failed phase in full once and in one line after that; collect evidence of a failed test."""
    report = yield
    item.stash.setdefault(OUTCOMES, {})[report.when or "call"] = report.outcome
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, PhaseFailed):
        if error.reported:
            report.longrepr = repeated_failure_line(error.failure)
        error.reported = True
    elif report.failed and ENVIRONMENT in item.config.stash and _USES_CLUSTER & set(getattr(item, "fixturenames", ())):
        _gather(item, call, report)
    return report


def _gather(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Collect a failed test's evidence from the cluster, and report its cause and folder."""
    from kindgate.pipeline.failure_evidence import gather_evidence  # noqa: PLC0415  # only failing tests need it

    environment = item.config.stash[ENVIRONMENT]
    window = Window(item.stash.get(REDEPLOYED, call.start), call.stop)
    bundle = gather_evidence(environment, item.nodeid, window, report.longreprtext)
    folder = bundle.folder.relative_to(cluster_of(environment).artifacts).as_posix()
    item.user_properties += [(BUNDLE_PROPERTY, folder), (CAUSE_PROPERTY, bundle.cause)]
    report.user_properties = list(item.user_properties)
    report.sections.append(("evidence", f"{bundle.folder}" + (f"\ncause: {bundle.cause}" if bundle.cause else "")))
