"""Where this plugin keeps its state: keys of `config.stash`."""

from __future__ import annotations

import pytest

from kindgate.pipeline.lease import Lease
from kindgate.pipeline.stages import Provisioned
from kindgate.plugin.provider import Provider
from kindgate.settings import Settings

SETTINGS = pytest.StashKey[Settings]()
PROVIDER = pytest.StashKey[Provider]()
LEASE = pytest.StashKey[Lease]()
STANDING = pytest.StashKey[Provisioned]()
"""What this process last reached; missing in one that never asked for the cluster."""

OUTCOMES = pytest.StashKey[dict[str, str]]()
"""In a test's own stash: how its phases ended so far, by the name of the phase."""

DEPLOYED_AGAIN = pytest.StashKey[float]()
"""In a test's own stash: when the test had versions deployed again (seconds since the epoch); the start of pods explains no failure."""

WORKER_INPUT = "kindgate"
"""Key of xdist's workerinput under which a worker finds the controller's address, key and run id."""

BUNDLE_PROPERTY = "failure_bundle"
CAUSE_PROPERTY = "failure_cause"
"""User properties that a test's report carries when a failure bundle was collected for it."""

SCENARIO_PROPERTY = "scenario"
"""User property of a test marked `scenario`: what it does to the cluster, in the first line of its docstring."""

USES_APP = "kindgate-uses-app"
"""Keyword of a test that asks for the application; it travels in the test's reports, also from workers."""

E2E = "kindgate-e2e"
"""Keyword of an e2e test; it travels in the test's reports as `USES_APP` does."""

CLUSTER_FIXTURES = frozenset(f"kindgate_{name}" for name in ("cluster", "kind_cluster", "app", "ingress", "prometheus", "namespace"))
BURST_FIXTURES = frozenset(f"kindgate_{name}" for name in ("burst", "slo", "duet", "resources"))
"""Long names, which a test has among its fixtures also when it requests the short ones, and a project's own `app` has not."""
