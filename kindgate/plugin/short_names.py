"""The fixtures under their short names, which a project can override with its own: see `fixtures`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate.observe.resource_summary import ResourceSummary
    from kindgate.plugin.application import Application
    from kindgate.plugin.burst import Bursts
    from kindgate.plugin.chaos import Chaos
    from kindgate.plugin.cluster import Cluster
    from kindgate.plugin.duet import Duet
    from kindgate.plugin.ingress import Ingress
    from kindgate.plugin.kind_cluster import KindCluster
    from kindgate.plugin.policy import Policies
    from kindgate.plugin.prometheus import Prometheus
    from kindgate.plugin.rollout import Rollouts
    from kindgate.plugin.scaling import Scaling
    from kindgate.plugin.slo import Slo


@pytest.fixture(scope="session")
def cluster(kindgate_cluster: Cluster) -> Cluster:
    """`kindgate_cluster` under its short name."""
    return kindgate_cluster


@pytest.fixture(scope="session")
def kind_cluster(kindgate_kind_cluster: KindCluster) -> KindCluster:
    """`kindgate_kind_cluster` under its short name."""
    return kindgate_kind_cluster


@pytest.fixture(scope="session")
def app(kindgate_app: Application) -> Application:
    """`kindgate_app` under its short name."""
    return kindgate_app


@pytest.fixture(scope="session")
def ingress(kindgate_ingress: Ingress) -> Ingress:
    """`kindgate_ingress` under its short name."""
    return kindgate_ingress


@pytest.fixture(scope="session")
def prometheus(kindgate_prometheus: Prometheus) -> Prometheus:
    """`kindgate_prometheus` under its short name."""
    return kindgate_prometheus


@pytest.fixture
def namespace(kindgate_namespace: str) -> str:
    """`kindgate_namespace` under its short name."""
    return kindgate_namespace


@pytest.fixture
def burst(kindgate_burst: Bursts) -> Bursts:
    """`kindgate_burst` under its short name."""
    return kindgate_burst


@pytest.fixture
def slo(kindgate_slo: Slo) -> Slo:
    """`kindgate_slo` under its short name."""
    return kindgate_slo


@pytest.fixture
def duet(kindgate_duet: Duet) -> Duet:
    """`kindgate_duet` under its short name."""
    return kindgate_duet


@pytest.fixture(scope="session")
def resources(kindgate_resources: ResourceSummary) -> ResourceSummary:
    """`kindgate_resources` under its short name."""
    return kindgate_resources


@pytest.fixture
def rollout(kindgate_rollout: Rollouts) -> Rollouts:
    """`kindgate_rollout` under its short name."""
    return kindgate_rollout


@pytest.fixture
def chaos(kindgate_chaos: Chaos) -> Chaos:
    """`kindgate_chaos` under its short name."""
    return kindgate_chaos


@pytest.fixture
def policy(kindgate_policy: Policies) -> Policies:
    """`kindgate_policy` under its short name."""
    return kindgate_policy


@pytest.fixture
def scaling(kindgate_scaling: Scaling) -> Scaling:
    """`kindgate_scaling` under its short name."""
    return kindgate_scaling
