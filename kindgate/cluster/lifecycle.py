"""The lifecycle of a run's cluster: created or reused, verified, and finally kept or deleted."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kindgate.cluster.api_client import server_version
from kindgate.cluster.create import LOOPBACK, CreationFailed, HostPortStolen, IngressPorts, create_nodes
from kindgate.cluster.delete import CONTEXT_PREFIX, SETTLE_SECONDS, delete_cluster
from kindgate.cluster.forwarding import add_forwarding_rule
from kindgate.cluster.kind_config import KindConfig, fingerprint, kind_config, node_count, read_config_file, with_ingress
from kindgate.cluster.node_readiness import wait_usable
from kindgate.cluster.owner_container import claim, inspect_cluster, liveness_of, replace_owner, require_owner, state_path
from kindgate.cluster.ownership_rules import ClusterState, Owner, Recreate, Reuse, plan_opening
from kindgate.cluster.reaper import CleanupTask
from kindgate.cluster.watchdog_client import WatchdogClient
from kindgate.errors import ClusterError, CommandFailed, CommandTimeout, KindgateError, OwnershipError, SettingsError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress
from kindgate.process import ProcessName
from kindgate.progress import Progress
from kindgate.settings import Settings
from kindgate.waiting import Deadline

AddressHook = Callable[[ClusterAddress], object]
FailureHook = Callable[[ClusterAddress, ClusterError], object]

TRUSTED_FILE = "trusted.pem"
"""File in a cluster's state folder with the certificates that verify its ingress; missing until an ingress has TLS."""

DELETE_SECONDS = 120.0
_REUSE_SECONDS = 20.0
"""If a kept cluster needs longer than this, recreating it is faster."""


@dataclass(frozen=True)
class ClusterSpec:
    """The cluster that a run requests.

    `node_image` must be in the engine. `changes` are hook contributions to the kind configuration. `versions` holds
    what distinguishes clusters in addition to configuration and node image (kind's version, the images' source).
    `on_nodes` is called when the containers of all nodes exist, once per creation attempt: kind may still be running,
    and nodes may not be ready. `on_failure` is called before a failed cluster is deleted, to gather its logs. `folder`
    is the run's private folder, which the watchdog removes too; `on_watchdog` receives the watchdog client before anything
    is created.
    """

    settings: Settings
    engine: Engine
    kind: Path
    node_image: str
    changes: Sequence[KindConfig] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    on_nodes: AddressHook | None = None
    on_failure: FailureHook | None = None
    folder: Path | None = None
    on_watchdog: Callable[[WatchdogClient], object] | None = None


class OpenCluster:
    """A cluster in use by this run. Call `close`, or `hand_over` if there is no time left.

    `address` is how to reach it, `created` is whether this run created it, and `note` describes how it was obtained.
    """

    def __init__(
        self, address: ClusterAddress, engine: Engine, owner: Owner, *, owner_container: str, watchdog: WatchdogClient | None, note: str
    ) -> None:
        self.address = address
        self.note = note
        self.created = watchdog is not None
        self._owner = owner
        self._owner_container = owner_container
        self._engine = engine
        self._watchdog = watchdog

    def close(self, *, failed: bool, deadline: Deadline | None = None) -> bool:
        """End this run's use of the cluster; return whether it was kept.

        A reused cluster is left as it was found. A created one is kept if --kind-keep requests it, otherwise deleted.
        Raises `ClusterError` if it cannot be deleted; the watchdog then retries.
        """
        deadline = deadline or Deadline.after(DELETE_SECONDS)
        keep = self._owner.keep == "always" or (self._owner.keep == "on-failure" and failed)
        try:
            if self._watchdog is None or keep:
                replace_owner(self._engine, self._owner_container, self._owner.released(), deadline)
                kept = True
            else:
                delete_cluster(self._engine, ClusterState(self._owner.cluster, self._owner, self._owner_container), self._owner, deadline)
                kept = False
        except BaseException:
            self.hand_over()
            raise
        if self._watchdog is not None:
            self._watchdog.dismiss()
        return kept

    def hand_over(self) -> None:
        """Leave the deletion of a created cluster to the watchdog immediately: for a run that is being killed."""
        if self._watchdog is not None:
            self._watchdog.hand_over()


def open_cluster(spec: ClusterSpec, *, deadline: Deadline, progress: Progress) -> OpenCluster:
    """Create the cluster, or reuse a kept one with the same fingerprint, and verify that it is usable.

    Leaves nothing of this run behind on an error. Raises `SettingsError` (configuration, host port), `OwnershipError`
    (the name is in use or the cluster is not kindgate's) and `ClusterError` (kind failed, the cluster is unusable).
    """
    settings, engine = spec.settings, spec.engine
    config = _config(spec)
    requested = _requested_owner(spec, config, deadline)
    state = inspect_cluster(engine, settings.cluster_name, deadline)
    plan = plan_opening(state, requested, liveness_of(state.owner), time.time())
    if isinstance(plan, Reuse):
        try:
            return _reuse(engine, state, plan.owner.taken_over_by(requested), deadline.at_most(_REUSE_SECONDS), progress)
        except OwnershipError:
            raise
        except ClusterError as error:
            plan = Recreate(f"it is no longer usable: {error.message}")
            state = inspect_cluster(engine, settings.cluster_name, deadline)
    note = ""
    if isinstance(plan, Recreate):
        note = f"recreating cluster {requested.cluster}: {plan.reason}"
        progress(note)
        delete_cluster(engine, state, require_owner(state), deadline)
    return _create(spec, config, replace(requested, created=time.time()), note=note, deadline=deadline, progress=progress)


def address_of(owner: Owner, nodes: Sequence[str]) -> ClusterAddress:
    """The address of the owner's cluster."""
    return ClusterAddress(
        name=owner.cluster,
        kubeconfig=owner.kubeconfig,
        context=CONTEXT_PREFIX + owner.cluster,
        ingress_url=f"http://{LOOPBACK}:{owner.host_port}",
        ingress_tls_url=f"https://{LOOPBACK}:{owner.tls_port}",
        ca_file=state_path(owner.cluster) / TRUSTED_FILE,
        nodes=tuple(nodes),
        node_image=owner.node_image,
    )


def _config(spec: ClusterSpec) -> dict[str, Any]:
    settings = spec.settings
    file = settings.cluster.config
    user = read_config_file(settings.path(file)) if file is not None else None
    return kind_config(settings.cluster, cgroup_version=spec.engine.cgroup_version, user=user, changes=spec.changes)


def _requested_owner(spec: ClusterSpec, config: KindConfig, deadline: Deadline) -> Owner:
    """The owner of the requested cluster, with the requested ports."""
    settings = spec.settings
    kubeconfig_option = settings.cluster.kubeconfig
    kubeconfig = settings.path(kubeconfig_option) if kubeconfig_option is not None else state_path(settings.cluster_name) / "kubeconfig"
    parts = {
        **spec.versions,
        "node image": spec.node_image,
        "node image id": _image_id(spec, deadline),
        "kubeconfig": str(kubeconfig),
    }
    now = time.time()
    return Owner(
        cluster=settings.cluster_name,
        run_id=uuid.uuid4().hex,
        process=ProcessName.current(),
        created=now,
        deadline=now + settings.cluster.lifetime,
        fingerprint=fingerprint(config, parts),
        keep=settings.keep,
        kept=False,
        host_port=settings.cluster.host_port,
        tls_port=settings.cluster.host_tls_port,
        root=settings.root.resolve(),
        kubeconfig=kubeconfig,
        node_image=spec.node_image,
    )


def _image_id(spec: ClusterSpec, deadline: Deadline) -> str:
    try:
        return spec.engine.run("image", "inspect", "--format", "{{.Id}}", spec.node_image, deadline=deadline).stdout.strip()
    except CommandFailed as error:
        raise ClusterError(
            f"node image {spec.node_image} was not found in the engine", last_state=error.stderr, next_step="pull it or build it first"
        ) from error


def _reuse(engine: Engine, state: ClusterState, owner: Owner, deadline: Deadline, progress: Progress) -> OpenCluster:
    owner_container = replace_owner(engine, state.owner_container, owner, deadline)
    address = _verified(address_of(owner, state.kubernetes_nodes), engine, deadline, progress)
    return OpenCluster(
        replace(address, reused=True),
        engine,
        owner,
        owner_container=owner_container,
        watchdog=None,
        note=f"reusing cluster {owner.cluster}",
    )


def _create(spec: ClusterSpec, config: KindConfig, requested: Owner, *, note: str, deadline: Deadline, progress: Progress) -> OpenCluster:
    """Create the cluster; retry once if the port was taken before the engine bound it, or kubeadm failed as on a busy machine."""

    def attempt(ports: IngressPorts, note: str) -> OpenCluster:
        owner = replace(requested, host_port=ports.http, tls_port=ports.tls)
        return _create_on_ports(spec, config, owner, note=note, deadline=deadline, progress=progress)

    requested_ports = IngressPorts(requested.host_port, requested.tls_port)
    _refuse_foreign_kubeconfig(requested)
    chosen = requested_ports.chosen()
    try:
        return attempt(chosen, note)
    except HostPortStolen as error:
        requested_ports.refuse_stolen(chosen, error.last_state)
        progress(f"{error.message}: retrying with another port")
    except CreationFailed as error:
        if not error.is_transient or deadline.remaining < (error.waited or 0.0):
            raise
        progress(f"{error.message}: retrying")
        note = f"cluster {requested.cluster} was created on the second attempt: {error.message}"
    return attempt(requested_ports.chosen(), note)


def _create_on_ports(
    spec: ClusterSpec, config: KindConfig, owner: Owner, *, note: str, deadline: Deadline, progress: Progress
) -> OpenCluster:
    engine = spec.engine
    watchdog = WatchdogClient.start(CleanupTask(owner.cluster, owner.run_id, engine, spec.folder))
    if spec.on_watchdog is not None:
        spec.on_watchdog(watchdog)
    try:
        owner_container = claim(engine, owner, deadline)
    except KindgateError:
        watchdog.dismiss()
        raise
    except BaseException:
        watchdog.hand_over()
        raise
    address = address_of(owner, ())
    try:
        address = _run_kind(spec, config, owner, deadline=deadline, progress=progress)
        address = _verified(address, engine, deadline, progress)
        if owner.keep == "always":
            owner = replace(owner, kept=True)
            owner_container = replace_owner(engine, owner_container, owner, deadline)
    except KeyboardInterrupt:
        watchdog.hand_over()  # an interrupted CI job is killed ten seconds later, and the report needs those seconds
        raise
    except BaseException as error:
        try:
            if spec.on_failure is not None and isinstance(error, ClusterError):
                spec.on_failure(address, error)
            kind_exited = isinstance(error, ClusterError) and not isinstance(error.__cause__, CommandTimeout)
            state = ClusterState(owner.cluster, owner, owner_container)
            delete_cluster(engine, state, owner, Deadline.after(DELETE_SECONDS), settle_seconds=0.0 if kind_exited else SETTLE_SECONDS)
        except BaseException:
            watchdog.hand_over()
            raise
        watchdog.dismiss()
        raise
    return OpenCluster(address, engine, owner, owner_container=owner_container, watchdog=watchdog, note=note)


def _run_kind(spec: ClusterSpec, config: KindConfig, owner: Owner, *, deadline: Deadline, progress: Progress) -> ClusterAddress:
    engine = spec.engine

    def on_nodes() -> None:
        if spec.on_nodes is not None:
            spec.on_nodes(address_of(owner, inspect_cluster(engine, owner.cluster, deadline).kubernetes_nodes))

    ingress = with_ingress(config, owner.host_port, owner.tls_port)
    create_nodes(spec.kind, engine, ingress, owner, deadline=deadline, progress=progress, on_nodes=on_nodes)
    return address_of(owner, _all_nodes(engine, owner, node_count(config), deadline))


def _all_nodes(engine: Engine, owner: Owner, expected: int, deadline: Deadline) -> tuple[str, ...]:
    nodes = inspect_cluster(engine, owner.cluster, deadline).kubernetes_nodes
    if len(nodes) != expected:
        raise ClusterError(f"kind reported success, but only {len(nodes)} of {expected} nodes exist: {', '.join(nodes)}")
    return nodes


def _verified(address: ClusterAddress, engine: Engine, deadline: Deadline, progress: Progress) -> ClusterAddress:
    report = add_forwarding_rule(engine, address.name, deadline) if len(address.nodes) > 1 else ""
    if report:
        progress(report)
    wait_usable(address, engine, deadline)
    return replace(address, server_version=server_version(address, deadline))


def _refuse_foreign_kubeconfig(owner: Owner) -> None:
    """Refuse an existing file: kind would merge into it, and the deletion could not remove only that part."""
    if owner.kubeconfig.exists() and owner.kubeconfig.stat().st_size > 0 and owner.kubeconfig.parent != state_path(owner.cluster):
        raise SettingsError(
            f"--kubeconfig {owner.kubeconfig}: the file already exists and belongs to something else",
            next_step="use a file that does not exist",
        )
