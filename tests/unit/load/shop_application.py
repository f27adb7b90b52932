"""The shop's server as a deployed application, with and without a workload."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from kindgate.deploy.entries import Entry, PathSource
from kindgate.model import ClusterAddress, ObjectRef, Rendered
from kindgate.pipeline.environment import DeployedApplication, RunningCluster
from kindgate.workload.burst_plan import LoadedWorkload
from kindgate.workload.data_files import read_data_files
from kindgate.workload.document import parse_workload
from tests.unit.load.conftest import Server
from tests.unit.load.shop_server import Shop


@contextmanager
def shop_application(shop: Shop, folder: Path) -> Iterator[DeployedApplication]:
    """The application with one host, as long as the block runs."""
    with closing(Server(shop.handle)) as server:
        address = ClusterAddress("test", Path("kubeconfig"), "test", server.url.rstrip("/"))
        cluster = RunningCluster(address, Rendered(Path("o"), ()), Path("kubectl"), folder, folder / "measurements")
        ingress = ObjectRef("Ingress", "shop", "shop")
        entry = Entry("shop.localhost", "/products", tls=False, source=PathSource.ROUTE, object=ingress, service=None, route_path="/")
        yield DeployedApplication(cluster, (entry,))


def with_workload(application: DeployedApplication, text: str) -> DeployedApplication:
    """The application of an SLO file with this workload."""
    workload = parse_workload(text)
    loaded = LoadedWorkload(workload, read_data_files(workload, {}))
    return replace(application, cluster=replace(application.cluster, workload=loaded))
