"""What tests can ask for. The first test that needs the cluster has it created; nothing else ever does."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from kindgate.pipeline.lease import Lease, lease_of_run
from kindgate.pipeline.stages import Provisioned, Stage
from kindgate.plugin.application import Application
from kindgate.plugin.cluster import Cluster
from kindgate.plugin.ingress import Ingress
from kindgate.plugin.provider import Failure, Provider, RemoteProvider, StageUnreachable, later_line
from kindgate.plugin.state import LEASE, PROVIDER, SETTINGS, WORKER_INPUT
from kindgate.settings import Settings

if TYPE_CHECKING:
    pass

CLUSTER_FIXTURES = frozenset({"cluster", "kind_cluster", "app", "ingress", "prometheus", "namespace"})
BURST_FIXTURES = frozenset({"burst", "slo", "resources"})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let no burst begin beside a test that uses the cluster; a test that sends bursts takes the machine by itself."""
    names = set(getattr(item, "fixturenames", ()))
    if not names & CLUSTER_FIXTURES or names & BURST_FIXTURES:
        return (yield)
    with _lease(item.config).shared():
        return (yield)


def _lease(config: pytest.Config) -> Lease:
    if LEASE not in config.stash:
        config.stash[LEASE] = lease_of_run(config.workerinput[WORKER_INPUT]["run_id"])  # type: ignore[attr-defined]  # xdist adds it in workers
    return config.stash[LEASE]


def _provider(config: pytest.Config) -> Provider:
    if PROVIDER not in config.stash:
        given = config.workerinput[WORKER_INPUT]  # type: ignore[attr-defined]  # xdist adds it in workers
        remote = RemoteProvider(given["address"], bytes.fromhex(given["authkey"]))
        config.add_cleanup(remote.close)
        config.stash[PROVIDER] = remote
    return config.stash[PROVIDER]


class PhaseFailed(pytest.fail.Exception):
    """A test cannot be set up because the pipeline failed.

    pytest raises one and the same exception for every test that uses a failed session fixture; `told` keeps the
    whole story to the first of them.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.details if failure.first else later_line(failure), pytrace=False)
        self.failure = failure
        self.told = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a failed phase whole in one report, and as one line in those that follow."""
    report = yield
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, PhaseFailed):
        if error.told:
            report.longrepr = later_line(error.failure)
        error.told = True
    return report


def _reached(request: pytest.FixtureRequest, stage: Stage) -> Provisioned:
    try:
        return _provider(request.config).reach(stage)
    except StageUnreachable as error:
        failure = error.failure
    raise PhaseFailed(failure)


@pytest.fixture(scope="session")
def kindgate_settings(request: pytest.FixtureRequest) -> Settings:
    """All of kindgate's settings in this session."""
    return request.config.stash[SETTINGS]


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The running cluster, without the application: `kubectl(...)`, `core`, `apps`, `api`, `kubeconfig`."""
    reached = _reached(request, Stage.CLUSTER)
    made = Cluster(reached.address, reached.kubectl)
    yield made
    made.close()


@pytest.fixture(scope="session")
def app(request: pytest.FixtureRequest) -> Application:
    """The application, applied, ready and answering through the ingress: `hosts`, `namespaces`, `url`, `rendered`."""
    reached = _reached(request, Stage.APP)
    return Application(reached.address.ingress_url, reached.rendered)


@pytest.fixture(scope="session")
def ingress(app: Application) -> Iterator[Ingress]:
    """An HTTP client for the application's hosts: `ingress.get("foo.localhost", "/path")`."""
    with Ingress(app.url, app.hosts) as client:
        yield client
