"""kindgate's markers, with their text for `pytest --markers`, and the tests that need a cluster."""

from __future__ import annotations

import pytest

from kindgate.plugin.session_state import BURST_FIXTURES, CLUSTER_FIXTURES, SCENARIO_FIXTURES

MARKERS = (
    (
        "e2e: needs a real cluster; deselected unless requested by -m, -k, or the path of a file or folder of e2e tests. "
        "Tests that request kindgate's fixtures have it without writing it. Provided by kindgate."
    ),
    "smoke: a quick check that the application is up. Provided by kindgate.",
    (
        "slo(*thresholds, abortOnFail=False, delayAbortEval=None): judges thresholds in k6's grammar, such as 'p(95)<200' or "
        "'http_req_failed: rate<0.01'; "
        "without arguments, the thresholds of the SLO file. Provided by kindgate."
    ),
    "resources: checks CPU, memory and network use under load. Provided by kindgate.",
    "rollout: restarts or updates the application under load. Provided by kindgate.",
    "chaos: injects a fault under load. Provided by kindgate.",
    "scaling: changes the load, and so the number of pods. Provided by kindgate.",
    "canary: gives a new version a part of the requests. Provided by kindgate.",
    "policy: checks what the cluster's policies allow and refuse. Provided by kindgate.",
)

SCENARIOS = ("rollout", "chaos", "scaling", "canary", "policy")
"""Markers of tests that do something to the application; they run only if one of these markers, their file or their name is requested."""

TRAITS = frozenset({"smoke", "slo", "resources"})
"""Markers that select among e2e tests."""


def register_markers(config: pytest.Config) -> None:
    """Register the markers, so --strict-markers accepts them."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)


def scenarios_of(config: pytest.Config) -> frozenset[str]:
    """The names of scenarios that are kindgate's markers in this suite: a project's own marker of the same name is not."""
    own = {_name(line) for line in config.getini("markers") if line not in MARKERS}
    return frozenset(SCENARIOS) - own


def cluster_markers(config: pytest.Config) -> frozenset[str]:
    """Every marker of tests that need a cluster."""
    return scenarios_of(config) | {"e2e"}


def markers_among(item: pytest.Item, names: frozenset[str]) -> frozenset[str]:
    """The names of a test's markers among `names`."""
    return frozenset(marker.name for marker in item.iter_markers() if marker.name in names)


def mark_by_fixtures(item: pytest.Item) -> None:
    """Mark a test by the fixtures that it requests: as `rollout` for the one of that name, otherwise as `e2e`."""
    fixtures = set(getattr(item, "fixturenames", ()))
    if not fixtures & (CLUSTER_FIXTURES | BURST_FIXTURES | SCENARIO_FIXTURES):
        return
    names = cluster_markers(item.config)
    for name in {name.removeprefix("kindgate_") for name in SCENARIO_FIXTURES & fixtures} & names:
        item.add_marker(name)
    if not markers_among(item, names):
        item.add_marker("e2e")


def _name(line: str) -> str:
    return str(line).partition(":")[0].partition("(")[0].strip()


def exempt_inconclusive_warnings(config: pytest.Config) -> None:
    """Keep an inconclusive objective a warning even with `filterwarnings = error`; --slo-inconclusive=fail makes it a failure."""
    config.addinivalue_line("filterwarnings", "always::kindgate.plugin.inconclusive.InconclusiveWarning")
