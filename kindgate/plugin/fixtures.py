"""The fixtures that tests request. Only the first test that needs the cluster creates it.

Each fixture is called `kindgate_NAME`, and NAME for short. Fixtures here request only the long names: a project may
define its own `app` or `cluster`, which then takes precedence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from kindgate.pipeline.environment import Stage
from kindgate.plugin.application import Application
from kindgate.plugin.cluster import Cluster
from kindgate.plugin.provisioning_access import environment_at, load_lock_of
from kindgate.plugin.session_state import OUTCOMES, SETTINGS
from kindgate.settings import Settings

if TYPE_CHECKING:
    from kindgate.observe.resource_summary import ResourceSummary
    from kindgate.plugin.burst import Bursts
    from kindgate.plugin.duet import Duet
    from kindgate.plugin.ingress import Ingress
    from kindgate.plugin.kind_cluster import KindCluster
    from kindgate.plugin.prometheus import Prometheus
    from kindgate.plugin.slo import Slo


@pytest.fixture(scope="session")
def kindgate_settings(request: pytest.FixtureRequest) -> Settings:
    """All kindgate settings of this session."""
    return request.config.stash[SETTINGS]


@pytest.fixture(scope="session")
def kindgate_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The running cluster, without the application: `kubectl(...)`, `core`, `apps`, `api`, `kubeconfig`."""
    env = environment_at(request.config, Stage.CLUSTER)
    cluster = Cluster(env.address, env.kubectl)
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def kindgate_kind_cluster(request: pytest.FixtureRequest) -> Iterator[KindCluster]:
    """pytest-kind's fixture and its methods, on kindgate's cluster: `kubectl`, `port_forward`, `load_docker_image`, `api`."""
    env = environment_at(request.config, Stage.CLUSTER)
    if env.kind is None:
        pytest.skip("--kind-existing: the cluster was not created by kind")
    from kindgate.plugin.kind_cluster import KindCluster  # noqa: PLC0415  # imports pykube

    cluster = KindCluster(env.address, kind=env.kind, kubectl=env.kubectl)
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def kindgate_app(request: pytest.FixtureRequest) -> Application:
    """The application, deployed, ready and responding through the ingress: `hosts`, `namespaces`, `url`, `rendered`."""
    env = environment_at(request.config, Stage.APP)
    return Application(env.address.ingress_url, env.rendered, env.entries)


@pytest.fixture(scope="session")
def kindgate_ingress(request: pytest.FixtureRequest) -> Iterator[Ingress]:
    """An HTTP client for the application's hosts: `ingress.get("foo.localhost", "/path")`."""
    from kindgate.plugin.ingress import Ingress  # noqa: PLC0415  # imports requests

    env = environment_at(request.config, Stage.APP)
    with Ingress(env.address, env.entries) as client:
        yield client


@pytest.fixture(scope="session")
def kindgate_prometheus(request: pytest.FixtureRequest) -> Iterator[Prometheus]:
    """Prometheus in the application's cluster: `query(promql)`, `query_range(promql, window, step)`.

    With --prometheus=optional or off, tests that use it are skipped with the reason if Prometheus is missing.
    """
    env = environment_at(request.config, Stage.MONITORING)
    if not env.monitoring:
        pytest.skip(env.monitoring_note)
    from kindgate.plugin.prometheus import Prometheus  # noqa: PLC0415  # only tests that query need it

    with Prometheus(env.address) as client:
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

    env = environment_at(request.config, Stage.APP)
    settings = request.config.stash[SETTINGS]
    return Bursts(env.address, env.entries, settings.load, load_lock_of(request.config), env.measurements, own_cpu=env.own_cpu)


@pytest.fixture
def kindgate_slo(request: pytest.FixtureRequest) -> Slo:
    """The objectives of this test, from its `slo` markers, or from the SLO file if it has none. `slo.check()` judges them."""
    from kindgate.plugin.item_objectives import slo_of  # noqa: PLC0415  # the statistics are loaded only for verdicts

    env = environment_at(request.config, Stage.APP)
    return slo_of(request.config, request.node, env)


@pytest.fixture
def kindgate_duet(request: pytest.FixtureRequest) -> Duet:
    """The application alongside its baseline; `duet.check()` compares them as the SLO file defines.

    Tests that use it are deselected unless --slo-base or --slo-base-image is given.
    """
    from kindgate.plugin.duet import duet_of  # noqa: PLC0415  # see `slo`

    env = environment_at(request.config, Stage.MONITORING)
    return duet_of(request.node, env)


@pytest.fixture(scope="session")
def kindgate_resources(request: pytest.FixtureRequest, kindgate_app: Application, kindgate_prometheus: Prometheus) -> ResourceSummary:
    """Resource use of the application's workloads during the objectives' bursts; runs one round of bursts if none has run."""
    from kindgate.plugin.item_objectives import resources_of  # noqa: PLC0415  # see `slo`

    env = environment_at(request.config, Stage.MONITORING)
    return resources_of(request.config, kindgate_app, env, kindgate_prometheus)
