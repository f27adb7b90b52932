"""What policies allow a run's application and its baseline, tried before anything else of the run uses the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

from kindgate.cluster.api_client import connect
from kindgate.deploy.baseline import application_namespaces
from kindgate.errors import ScenarioError
from kindgate.model import Manifest, ObjectRef, Rendered
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.load_lock import LoadLock
from kindgate.progress import Progress
from kindgate.scenarios.admission_policies import try_workloads
from kindgate.scenarios.connection_matrix import PolicyScene, Version, probing
from kindgate.scenarios.permissions import accounts_of, judge_permissions, powers_of
from kindgate.scenarios.pod_admission import Level, try_pods
from kindgate.scenarios.targets import ROLLED_OUT
from kindgate.slo.connections import Connection
from kindgate.slo.policy_judge import PolicyResult


@dataclass(frozen=True)
class TriedConnections:
    """The connections of the application, and those of its baseline, empty without one."""

    connections: tuple[Connection, ...]
    base: tuple[Connection, ...] = ()


def try_connections(application: DeployedApplication, lock: LoadLock, progress: Progress = lambda _: None) -> TriedConnections:
    """Try the connections of the application, and of its baseline if there is one.

    Raises `ScenarioError` in a cluster that kindgate did not create, and `KindgateError` if they cannot be tried.
    """
    cluster = application.cluster
    if cluster.engine is None or cluster.address.existing:
        raise ScenarioError("connections are tried only in a cluster that kindgate created", next_step="run without --kind-existing")
    scene = PolicyScene(cluster.address, cluster.engine, cluster.kubectl)
    versions = [version_of(application.rendered)]
    if cluster.base is not None:
        versions.append(version_of(cluster.base.rendered, {new: old for old, new in cluster.base.namespaces.items()}))
    with lock.exclusive(), probing(scene, versions, time.sleep) as prober:
        progress("trying connections between pods")
        tried = [prober.connections(version) for version in versions]
    return TriedConnections(*tried)


def try_pod_security(application: DeployedApplication, lock: LoadLock, level: Level) -> PolicyResult:
    """Whether Pod Security at `level` would admit the application's pods; raises `KindgateError` if that cannot be tried."""
    cluster = application.cluster
    with lock.exclusive(), connect(cluster.address) as api:
        return try_pods(api, cluster.address, cluster.kubectl, own_objects(application.rendered), level)


def try_admission(application: DeployedApplication, lock: LoadLock) -> PolicyResult:
    """Whether the shipped admission policies would admit the application's workloads; raises `KindgateError` if that cannot be tried."""
    cluster = application.cluster
    with lock.exclusive(), connect(cluster.address) as api:
        return try_workloads(api, cluster.address, cluster.kubectl, own_objects(application.rendered))


def try_permissions(application: DeployedApplication, lock: LoadLock) -> PolicyResult:
    """What the application's service accounts may do, compared with its baseline's if there is one; raises `KindgateError`."""
    base = application.cluster.base
    with lock.exclusive(), connect(application.address) as api:
        powers = {account: powers_of(api, account) for account in accounts_of(own_objects(application.rendered))}
        if base is None:
            return judge_permissions(powers)
        return judge_permissions(powers, {account: powers_of(api, account) for account in accounts_of(own_objects(base.rendered))})


def own_objects(rendered: Rendered) -> tuple[Manifest, ...]:
    """The objects in the application's own namespaces."""
    names = application_namespaces(rendered)
    return tuple(item for item in rendered.objects if ObjectRef.of(item).namespace in names)


def version_of(rendered: Rendered, shown: dict[str, str] | None = None) -> Version:
    """The workloads of the application's own namespaces; `shown` renames a baseline's namespaces to the application's."""
    names = {name: (shown or {}).get(name, name) for name in application_namespaces(rendered)}
    workloads = (ref for item in rendered.of_kind(*ROLLED_OUT) if (ref := ObjectRef.of(item)).namespace in names)
    return Version(tuple(workloads), names)
