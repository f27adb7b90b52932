"""Start a run's cluster: create it or take over a kept one, and load the images into its nodes; or reach an existing one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from kindgate.cluster.attach import attach_existing
from kindgate.cluster.kind_config import KindConfig
from kindgate.cluster.lifecycle import ClusterSpec, FailureHook, open_cluster
from kindgate.cluster.reaper import reap
from kindgate.errors import ClusterError
from kindgate.images.node_import import load_archive
from kindgate.model import ClusterAddress
from kindgate.pipeline.cleanup import RunCleanup, kept_lines
from kindgate.pipeline.image_supply import ImageSupply
from kindgate.pipeline.inputs import Inputs
from kindgate.pipeline.phases import PhaseLog, rerun_command
from kindgate.scenarios.undo import undo_node_faults
from kindgate.settings import Settings
from kindgate.waiting import Deadline

IMAGE_SECONDS = 3600.0
"""Without a seed, every program of the cluster is compiled: about 25 minutes on two cores."""

REAP_SECONDS = 120.0

LOAD_SECONDS = 300.0
"""An archive of a hundred megabytes takes some seconds; slow disks and large images take longer."""


class ClusterStart:
    """Starts the cluster of one run; whatever must end with the run is registered in `cleanup`.

    `hook_configuration` returns the hooks' additions to the kind configuration; `on_failure` is called before a failed
    cluster is deleted, to gather its logs.
    """

    def __init__(
        self,
        settings: Settings,
        log: PhaseLog,
        cleanup: RunCleanup,
        *,
        hook_configuration: Callable[[], KindConfig],
        on_failure: FailureHook,
    ) -> None:
        self._settings = settings
        self._log = log
        self._cleanup = cleanup
        self._hook_configuration = hook_configuration
        self._on_failure = on_failure

    def start(self, inputs: Inputs) -> ClusterAddress:
        """Create, take over or reach the cluster, and return its address; raises the `KindgateError` of the failed step."""
        if inputs.supply is not None:
            return self._open(inputs, inputs.supply)
        with self._log.phase("reach the existing cluster"):
            deadline = self._cleanup.deadline(self._settings.cluster.timeout)
            address = attach_existing(self._settings.cluster, deadline=deadline)
        self._cleanup.add_existing(address)
        return address

    def _open(self, inputs: Inputs, supply: ImageSupply) -> ClusterAddress:
        """Open the cluster and load the images into its nodes; the images are prepared while kind works."""
        if inputs.tools.kind is None:
            raise ClusterError("no kind program to create a cluster with")
        deadline = self._cleanup.deadline(IMAGE_SECONDS)
        for reaped in reap(supply.engine, deadline=self._cleanup.deadline(REAP_SECONDS)):
            self._log.report(f"cluster {reaped.cluster} of another run: {reaped.error or 'deleted'} ({reaped.reason})")
        with self._log.phase("provide the node image"):
            node_image = supply.source.provide_node(supply.plan, self._log.report, deadline)
        with ThreadPoolExecutor(3, thread_name_prefix="images") as pool, self._threads_stopped_on_error():
            archive = pool.submit(self._archive, supply, deadline)
            loads: list[Future[None]] = []
            spec = ClusterSpec(
                settings=self._settings,
                engine=supply.engine,
                kind=inputs.tools.kind,
                node_image=node_image,
                changes=(self._hook_configuration(),),
                versions={"image source": supply.source.name},
                on_failure=self._on_failure,
                on_watchdog=self._cleanup.add_watchdog,
                folder=self._cleanup.folder,
                on_nodes=lambda address: loads.append(pool.submit(self._load, supply, archive, address)),
            )
            undo_node_faults(self._settings.cluster_name, supply.engine)  # a kept cluster with a stopped node would be replaced
            with self._log.phase("create the cluster"):
                cluster = open_cluster(spec, deadline=self._cleanup.deadline(self._settings.cluster.timeout), progress=self._log.report)
                address = cluster.address
                if_kept = kept_lines(address, inputs.rendered.namespaces, str(inputs.tools.kubectl), rerun_command())
                self._cleanup.add_cluster(cluster, if_kept)
            if cluster.note:
                self._log.report(cluster.note)
            # a load begun by an earlier attempt ended with the nodes of that attempt
            load = loads[-1] if loads else pool.submit(self._load, supply, archive, address)
            load.result()
        return address

    @contextmanager
    def _threads_stopped_on_error(self) -> Iterator[None]:
        """Stop other threads if the block fails, because it waits for them."""
        try:
            yield
        except BaseException:
            self._cleanup.stop()
            raise

    def _archive(self, supply: ImageSupply, deadline: Deadline) -> Path | None:
        with self._log.phase("provide the workload images"):
            return supply.archive(deadline, self._log.report)

    def _load(self, supply: ImageSupply, archive: Future[Path | None], address: ClusterAddress) -> None:
        file = archive.result()
        if file is not None:
            with self._log.phase("load the images into the nodes"):
                deadline = self._cleanup.deadline(LOAD_SECONDS)
                load_archive(supply.engine, address.nodes, file, supply.names, deadline, is_new_cluster=not address.reused)
