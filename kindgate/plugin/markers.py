"""The markers that kindgate knows, with their text for `pytest --markers`, and what they select by default."""

from __future__ import annotations

import pytest

MARKERS = (
    "e2e: needs a real cluster; deselected unless asked for by -m, -k or a path. Provided by kindgate.",
    "smoke: the quickest proof that the application is up. Provided by kindgate.",
    (
        "slo(*thresholds): judges thresholds in k6's grammar, such as 'p(95)<200' or 'http_req_failed: rate<0.01'; "
        "without arguments, those of the SLO file. Provided by kindgate."
    ),
    "resources: looks at CPU, memory and network during load. Provided by kindgate.",
    "scenario: changes the cluster under load (a rollout, a dead pod). Provided by kindgate.",
)


def register_markers(config: pytest.Config) -> None:
    """Make the markers known, so that --strict-markers accepts them."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)


def leave_out_e2e(config: pytest.Config) -> None:
    """Deselect e2e tests in a run that asks for nothing.

    This is not done by addopts, because `pytest tests/e2e`, a node id or -k would then deselect everything.
    """
    asked = config.option.markexpr or config.option.keyword or config.args_source is pytest.Config.ArgsSource.ARGS
    if not asked:
        config.option.markexpr = "not e2e"


def wants_cluster(config: pytest.Config) -> bool:
    """Whether the marker expression asks for e2e tests: then reports are written by default."""
    expression = str(config.option.markexpr)
    return "e2e" in expression and "not e2e" not in expression
