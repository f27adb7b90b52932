"""kindgate's markers, with their text for `pytest --markers`, and the default selection of e2e tests."""

from __future__ import annotations

import re

import pytest

from kindgate.plugin.generated_suite import runs_generated_suite

MARKERS = (
    "e2e: needs a real cluster; deselected unless requested by -m, -k, or the path of a file or folder of e2e tests. Provided by kindgate.",
    "smoke: a quick check that the application is up. Provided by kindgate.",
    (
        "slo(*thresholds, abortOnFail=False, delayAbortEval=None): judges thresholds in k6's grammar, such as 'p(95)<200' or "
        "'http_req_failed: rate<0.01'; "
        "without arguments, the thresholds of the SLO file. Provided by kindgate."
    ),
    "resources: checks CPU, memory and network use under load. Provided by kindgate.",
    "scenario: changes the cluster under load (such as a rollout or a killed pod). Provided by kindgate.",
)


def register_markers(config: pytest.Config) -> None:
    """Register the markers, so --strict-markers accepts them."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)


def exempt_inconclusive_warnings(config: pytest.Config) -> None:
    """Keep an inconclusive objective a warning even with `filterwarnings = error`; --slo-inconclusive=fail makes it a failure."""
    config.addinivalue_line("filterwarnings", "always::kindgate.plugin.inconclusive.InconclusiveWarning")


DESELECTED_BY_DEFAULT = pytest.StashKey[bool]()
"""Marks an e2e test that this run did not request, in the test's stash."""

_KINDGATE_MARKERS = re.compile(r"\b(e2e|smoke|slo|resources|scenario)\b")


def deselect_e2e_by_default(config: pytest.Config) -> None:
    """Deselect e2e tests unless the run requests them; a selection by the suite's own markers does not.

    `-m "not slow"`, which many suites have in addopts, must not create a cluster. kindgate adds no addopts
    for this, because `pytest tests/e2e`, a node id or -k would then deselect everything.
    """
    named = config.args_source is pytest.Config.ArgsSource.ARGS or runs_generated_suite(config)
    if config.option.keyword or named or config.getoption("lf", default=False):  # --lf: see `leave_out_those_that_passed`
        return
    expression = config.option.markexpr
    if not expression:
        config.option.markexpr = "not e2e"
    elif not _KINDGATE_MARKERS.search(expression):
        config.option.markexpr = f"({expression}) and not e2e"


def deselect_passed(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect e2e tests that did not fail, in a run with only --lf: without failed tests left, pytest would run everything."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS or runs_generated_suite(config)
    if config.getoption("lf", default=False) and not (config.option.keyword or named or _KINDGATE_MARKERS.search(config.option.markexpr)):
        failed = _failed_before(config)
        _deselect(config, items, [item for item in items if item.get_closest_marker("e2e") and item.nodeid not in failed])


def deselect_in_mixed_folders(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect e2e tests of a named folder that also holds other tests: `pytest tests` is not `pytest tests/e2e`.

    With --lf, failed tests count as requested.
    """
    if config.option.keyword or config.args_source is not pytest.Config.ArgsSource.ARGS or _KINDGATE_MARKERS.search(config.option.markexpr):
        return
    named = [config.invocation_params.dir / argument.partition("::")[0] for argument in config.args]
    others = {item.path for item in items if not item.get_closest_marker("e2e")}
    requested = [path.resolve() for path in named if path.is_file() or not any(other.is_relative_to(path.resolve()) for other in others)]
    failed = _failed_before(config)
    e2e = [item for item in items if item.get_closest_marker("e2e") and item.nodeid not in failed]
    _deselect(config, items, [item for item in e2e if not any(item.path.is_relative_to(path) for path in requested)])


def _deselect(config: pytest.Config, items: list[pytest.Item], deselected: list[pytest.Item]) -> None:
    if deselected:
        for item in deselected:
            item.stash[DESELECTED_BY_DEFAULT] = True
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]


def _failed_before(config: pytest.Config) -> frozenset[str]:
    """Node ids of the tests that --lf selects; empty without it."""
    cache = getattr(config, "cache", None)
    if cache is None or not config.getoption("lf", default=False):
        return frozenset()
    return frozenset(cache.get("cache/lastfailed", {}))


def wants_cluster(config: pytest.Config) -> bool:
    """Whether the suite or the marker expression selects e2e tests, so reports are written by default."""
    expression = str(config.option.markexpr)
    return "not e2e" not in expression and ("e2e" in expression or runs_generated_suite(config))
