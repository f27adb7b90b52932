"""The markers that kindgate knows, with their text for `pytest --markers`, and what they select by default."""

from __future__ import annotations

import re

import pytest

from kindgate.plugin.suite import runs_a_suite

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
    """Make the markers known, so that --strict-markers accepts them."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)


def keep_warnings_apart(config: pytest.Config) -> None:
    """Let an undecided objective only warn, in suites with `filterwarnings = error` too; --slo-inconclusive=fail is there for more."""
    config.addinivalue_line("filterwarnings", "always::kindgate.plugin.undecided.InconclusiveWarning")


LEFT_OUT = pytest.StashKey[bool]()
"""In the stash of an e2e test that this run did not ask for."""

_OURS = re.compile(r"\b(e2e|smoke|slo|resources|scenario)\b")


def leave_out_e2e(config: pytest.Config) -> None:
    """Deselect e2e tests in a run that asks for nothing, or for tests by the suite's own markers alone.

    `-m "not slow"`, which many a suite has in its addopts, must create no cluster. This is not done by addopts of our
    own, because `pytest tests/e2e`, a node id or -k would then deselect everything.
    """
    named = config.args_source is pytest.Config.ArgsSource.ARGS or runs_a_suite(config)
    if config.option.keyword or named or config.getoption("lf", default=False):  # --lf: see `leave_out_those_that_passed`
        return
    expression = config.option.markexpr
    if not expression:
        config.option.markexpr = "not e2e"
    elif not _OURS.search(expression):
        config.option.markexpr = f"({expression}) and not e2e"


def leave_out_those_that_passed(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect e2e tests that did not fail, in a run by --lf alone: pytest runs everything where it finds no failed test any more."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS or runs_a_suite(config)
    if config.getoption("lf", default=False) and not (config.option.keyword or named or _OURS.search(config.option.markexpr)):
        failed = _failed_before(config)
        _deselect(config, items, [item for item in items if item.get_closest_marker("e2e") and item.nodeid not in failed])


def leave_out_of_wider_paths(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect e2e tests of a run that names a folder in which they lie beside others: `pytest tests` is no `pytest tests/e2e`.

    With --lf, those that failed are requested by name.
    """
    if config.option.keyword or config.args_source is not pytest.Config.ArgsSource.ARGS or _OURS.search(config.option.markexpr):
        return
    named = [config.invocation_params.dir / argument.partition("::")[0] for argument in config.args]
    others = {item.path for item in items if not item.get_closest_marker("e2e")}
    asked = [path.resolve() for path in named if path.is_file() or not any(other.is_relative_to(path.resolve()) for other in others)]
    failed = _failed_before(config)
    e2e = [item for item in items if item.get_closest_marker("e2e") and item.nodeid not in failed]
    _deselect(config, items, [item for item in e2e if not any(item.path.is_relative_to(path) for path in asked)])


def _deselect(config: pytest.Config, items: list[pytest.Item], left_out: list[pytest.Item]) -> None:
    if left_out:
        for item in left_out:
            item.stash[LEFT_OUT] = True
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _failed_before(config: pytest.Config) -> frozenset[str]:
    """The tests that --lf asks for, by their node ids; none without it."""
    cache = getattr(config, "cache", None)
    if cache is None or not config.getoption("lf", default=False):
        return frozenset()
    return frozenset(cache.get("cache/lastfailed", {}))


def wants_cluster(config: pytest.Config) -> bool:
    """Whether the suite or the marker expression is about e2e tests: then reports are written by default."""
    expression = str(config.option.markexpr)
    return "not e2e" not in expression and ("e2e" in expression or runs_a_suite(config))
