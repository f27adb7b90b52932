"""Keys of `config.stash`, where the plugin keeps its state."""

from __future__ import annotations

import pytest

from kindgate.pipeline.environment import Environment
from kindgate.pipeline.load_lock import LoadLock
from kindgate.plugin.provider import Provider
from kindgate.settings import Settings

SETTINGS = pytest.StashKey[Settings]()
PROVIDER = pytest.StashKey[Provider]()
LOAD_LOCK = pytest.StashKey[LoadLock]()
ENVIRONMENT = pytest.StashKey[Environment]()
"""The environment this process last received, at the last stage that the run had reached; missing if it never requested the cluster."""

OUTCOMES = pytest.StashKey[dict[str, str]]()
"""In a test's own stash: the outcomes of its phases so far, by phase name."""

REDEPLOYED = pytest.StashKey[float]()
"""In a test's own stash: when the test redeployed the versions (seconds since the epoch), because starting pods explain no failure."""

WORKER_INPUT = "kindgate"
"""Key of xdist's workerinput with the controller's address, key and run id."""

BUNDLE_PROPERTY = "failure_bundle"
CAUSE_PROPERTY = "failure_cause"
"""User properties of a test's report if a failure bundle was collected for it."""

SCENARIO_PROPERTY = "scenario"
"""User property of a scenario's test: its effect on the cluster, from the first line of its docstring."""

USES_APP = "kindgate-uses-app"
"""Keyword of a test that requests the application; the test's reports carry it, also from workers."""

E2E = "kindgate-e2e"
"""Keyword of an e2e test; the test's reports carry it like `USES_APP`."""

CLUSTER_FIXTURES = frozenset(f"kindgate_{name}" for name in ("cluster", "kind_cluster", "app", "ingress", "prometheus", "namespace"))
BURST_FIXTURES = frozenset(f"kindgate_{name}" for name in ("burst", "slo", "duet", "resources"))
SCENARIO_FIXTURES = frozenset(f"kindgate_{name}" for name in ("rollout", "chaos", "scaling", "policy"))
"""Long names: tests that request the short ones have them too, but tests with a project's own `app` do not."""
