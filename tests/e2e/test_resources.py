"""The application's resource usage under load stays within the limits of its manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Application, ResourceSummary


pytestmark = [pytest.mark.e2e, pytest.mark.resources]


def test_every_workload_of_the_application_is_measured(resources: ResourceSummary, app: Application) -> None:
    """Prometheus has data for each Deployment, so the limits below are really checked."""
    deployed = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in app.rendered.of_kind("Deployment")}

    assert deployed
    assert deployed <= {(use.namespace, use.workload) for use in resources.workloads}


def test_no_workload_exceeds_its_memory_limit(resources: ResourceSummary) -> None:
    """The peak working set of each workload's pods stays below their limits."""
    used = {use.workload: (use.memory_max, use.allowance.memory_limit, use.pods) for use in resources.workloads}

    exceeding = [name for name, (most, limit, pods) in used.items() if most is None or (limit is not None and most >= limit * pods)]

    assert exceeding == []


def test_nothing_restarts_under_load(resources: ResourceSummary) -> None:
    """No container of the application terminates under load."""
    assert {use.workload: use.restarts for use in resources.workloads if use.restarts} == {}
