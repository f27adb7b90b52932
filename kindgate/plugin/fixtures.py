"""The fixtures that tests request. Only the first test that needs the cluster creates it.

Each fixture is called `kindgate_NAME`, and NAME for short. Fixtures here request only the long names: a project may
define its own `app` or `cluster`, which then takes precedence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from kindgate.pipeline.environment import DeployedApplication, MonitoredApplication, RunningCluster
from kindgate.plugin.application import Application
from kindgate.plugin.cluster import Cluster
from kindgate.plugin.provisioning_access import environment_at, load_lock_of
from kindgate.plugin.session_state import OUTCOMES, SETTINGS
from kindgate.settings import Settings

if TYPE_CHECKING:
    from kindgate.observe.resource_summary import ResourceSummary
    from kindgate.plugin.burst import Bursts
    from kindgate.plugin.chaos import Chaos
    from kindgate.plugin.duet import Duet
    from kindgate.plugin.ingress import Ingress
    from kindgate.plugin.kind_cluster import KindCluster
    from kindgate.plugin.policy import Policies
    from kindgate.plugin.prometheus import Prometheus
    from kindgate.plugin.rollout import Rollouts
    from kindgate.plugin.scaling import Scaling
    from kindgate.plugin.slo import Slo


@pytest.fixture(scope="session")
def kindgate_settings(request: pytest.FixtureRequest) -> Settings:
    """All kindgate settings of this session."""
    return request.config.stash[SETTINGS]


@pytest.fixture(scope="session")
def kindgate_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The running cluster, without the application: `kubectl(...)`, `core`, `apps`, `api`, `kubeconfig`."""
    running = environment_at(request.config, RunningCluster)
    cluster = Cluster(running.address, running.kubectl)
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def kindgate_kind_cluster(request: pytest.FixtureRequest) -> Iterator[KindCluster]:
    """pytest-kind's fixture and its methods, on kindgate's cluster: `kubectl`, `port_forward`, `load_docker_image`, `api`."""
    running = environment_at(request.config, RunningCluster)
    if running.kind is None:
        pytest.skip("--kind-existing: the cluster was not created by kind")
    from kindgate.plugin.kind_cluster import KindCluster  # noqa: PLC0415  # imports pykube

    cluster = KindCluster(running.address, kind=running.kind, kubectl=running.kubectl)
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def kindgate_app(request: pytest.FixtureRequest) -> Application:
    """The application, deployed, ready and responding through the ingress: `hosts`, `namespaces`, `url`, `rendered`."""
    application = environment_at(request.config, DeployedApplication)
    return Application(application.address.ingress_url, application.rendered, application.entries)


@pytest.fixture(scope="session")
def kindgate_ingress(request: pytest.FixtureRequest) -> Iterator[Ingress]:
    """An HTTP client for the application's hosts: `ingress.get("foo.localhost", "/path")`."""
    from kindgate.plugin.ingress import Ingress  # noqa: PLC0415  # imports requests

    application = environment_at(request.config, DeployedApplication)
    with Ingress(application.address, application.entries) as client:
        yield client


@pytest.fixture(scope="session")
def kindgate_prometheus(request: pytest.FixtureRequest) -> Iterator[Prometheus]:
    """Prometheus in the application's cluster: `query(promql)`, `query_range(promql, window, step)`.

    With --prometheus=optional or off, tests that use it are skipped with the reason if Prometheus is missing.
    """
    monitored = environment_at(request.config, MonitoredApplication)
    if not monitored.has_prometheus:
        pytest.skip(monitored.missing_prometheus)
    from kindgate.plugin.prometheus import Prometheus  # noqa: PLC0415  # only tests that query need it

    with Prometheus(monitored.application.address) as client:
        yield client


@pytest.fixture
def kindgate_namespace(request: pytest.FixtureRequest, kindgate_cluster: Cluster) -> Iterator[str]:
    """The name of a namespace for this test only, with Pod Security `restricted`; deleted afterward.

    With --kind-keep=on-failure or always, the namespace of a failed test is kept.
    """
    from kindgate.plugin.namespaces import Cleanup, cleanup_after, namespace_for  # noqa: PLC0415  # only tests that make objects need it

    keep = request.config.stash[SETTINGS].keep

    def cleanup() -> Cleanup:
        return cleanup_after(request.node.stash.get(OUTCOMES, {}), keep)

    with namespace_for(kindgate_cluster, request.node.name, cleanup) as name:
        yield name
        if cleanup() is Cleanup.KEEP:
            command = f"kubectl --kubeconfig {kindgate_cluster.kubeconfig} --namespace {name} get all"
            request.node.add_report_section("teardown", "namespace", f"namespace {name} was kept: {command}")


@pytest.fixture
def kindgate_burst(request: pytest.FixtureRequest) -> Bursts:
    """Load for the application: call it with `rate=1000, duration=10` to send one burst."""
    from kindgate.plugin.burst import Bursts  # noqa: PLC0415  # libcurl and numpy are loaded only for load

    application = environment_at(request.config, DeployedApplication)
    settings = request.config.stash[SETTINGS]
    return Bursts(application, settings.load, load_lock_of(request.config), settings.root)


@pytest.fixture
def kindgate_slo(request: pytest.FixtureRequest) -> Slo:
    """The objectives of this test, from its `slo` markers, or from the SLO file if it has none. `slo.check()` judges them."""
    from kindgate.plugin.item_objectives import slo_of  # noqa: PLC0415  # the statistics are loaded only for verdicts

    return slo_of(request.config, request.node, environment_at(request.config, DeployedApplication))


@pytest.fixture
def kindgate_duet(request: pytest.FixtureRequest) -> Duet:
    """The application alongside its baseline; `duet.check()` compares them as the SLO file defines.

    Tests that use it are deselected unless --slo-base or --slo-base-image is given.
    """
    from kindgate.plugin.duet import duet_of  # noqa: PLC0415  # see `slo`

    return duet_of(request.node, environment_at(request.config, MonitoredApplication))


@pytest.fixture(scope="session")
def kindgate_resources(request: pytest.FixtureRequest, kindgate_app: Application, kindgate_prometheus: Prometheus) -> ResourceSummary:
    """Resource use of the application's workloads during the objectives' bursts; runs one round of bursts if none has run."""
    from kindgate.plugin.item_objectives import resources_of  # noqa: PLC0415  # see `slo`

    application = environment_at(request.config, DeployedApplication)
    return resources_of(request.config, kindgate_app, application, kindgate_prometheus)


@pytest.fixture
def kindgate_rollout(request: pytest.FixtureRequest) -> Rollouts:
    """Rollouts of the application under load: `rollout.check()` restarts it and judges what was lost; `update(...)`, `bad_image()`.

    With --kind-existing, tests that use it are skipped unless --scenario-allow names `rollout`.
    """
    _skip_unless_allowed(request.config, "rollout", "rollouts replace pods of your cluster")
    from kindgate.plugin.rollout import Rollouts  # noqa: PLC0415  # see `slo`
    from kindgate.plugin.scenario_fixture import fixture_of  # noqa: PLC0415  # see `slo`

    return fixture_of(Rollouts, request.node, environment_at(request.config, DeployedApplication))


@pytest.fixture
def kindgate_chaos(request: pytest.FixtureRequest) -> Chaos:
    """Faults under load: `chaos.check()` kills a pod of each workload and judges what was lost; `kill_container()`, `drain()` and others.

    With --kind-existing, tests that use it are skipped unless --scenario-allow names `chaos`.
    """
    _skip_unless_allowed(request.config, "chaos", "faults kill pods of your cluster")
    from kindgate.plugin.chaos import Chaos  # noqa: PLC0415  # see `slo`
    from kindgate.plugin.scenario_fixture import fixture_of  # noqa: PLC0415  # see `slo`

    return fixture_of(Chaos, request.node, environment_at(request.config, DeployedApplication))


@pytest.fixture
def kindgate_policy(request: pytest.FixtureRequest) -> Policies:
    """What policies allow, proven by connecting: `policy.check()` judges every connection by rules; `matrix()` returns them.

    With --kind-existing, tests that use it are skipped: connections are tried inside the nodes that kindgate created.
    """
    if request.config.stash[SETTINGS].cluster.existing is not None:
        pytest.skip("--kind-existing: connections are tried inside nodes that kindgate created")
    from kindgate.plugin.policy import policies_of  # noqa: PLC0415  # see `slo`

    return policies_of(request.node, environment_at(request.config, DeployedApplication))


@pytest.fixture
def kindgate_scaling(request: pytest.FixtureRequest) -> Scaling:
    """Autoscalers under load: `scaling.check()` scales out and in, and judges both; `scale_out()`, `scale_in()`.

    Tests that use it are skipped if the manifests have no HorizontalPodAutoscaler, and with --kind-existing unless
    --scenario-allow names `scaling`.
    """
    _skip_unless_allowed(request.config, "scaling", "autoscalers add and remove pods of your cluster")
    from kindgate.plugin.scaling import Scaling  # noqa: PLC0415  # see `slo`
    from kindgate.plugin.scenario_fixture import fixture_of  # noqa: PLC0415  # see `slo`
    from kindgate.scenarios.autoscalers import KIND  # noqa: PLC0415  # see `slo`

    application = environment_at(request.config, DeployedApplication)
    if not any(application.rendered.of_kind(KIND)):
        pytest.skip(f"the application's manifests have no {KIND}")
    return fixture_of(Scaling, request.node, application)


def _skip_unless_allowed(config: pytest.Config, scenario: str, effect: str) -> None:
    """Skip the test on an existing cluster whose user did not allow the scenario."""
    settings = config.stash[SETTINGS]
    if settings.cluster.existing is not None and scenario not in settings.scenario.allow:
        pytest.skip(f"--kind-existing: {effect}; --scenario-allow={scenario} allows them")
