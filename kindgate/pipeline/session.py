"""One run of the pipeline: prepare, create, load images, deploy, watch; and in the end delete.

A stage is reached once, on demand; what stands is plain data. Whatever fails, `close` leaves nothing behind that was
not asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kindgate.cluster.existing import open_existing
from kindgate.cluster.life import Blueprint, OpenCluster, open_cluster
from kindgate.deploy.apply import apply
from kindgate.deploy.cleanup import delete
from kindgate.deploy.ingress import wait_answering
from kindgate.deploy.readiness import wait_ready
from kindgate.errors import ClusterError, KindgateError
from kindgate.host.directories import state_dir
from kindgate.images.load import load_archives
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.phases import PhaseLog, Progress
from kindgate.pipeline.preparation import Prepared, Supply, prepare
from kindgate.pipeline.stages import Provisioned, Stage
from kindgate.pipeline.watching import Monitoring, watch
from kindgate.settings import Settings
from kindgate.waiting import Deadline

IMAGE_SECONDS = 3600.0
"""Without a seed, every program of the cluster is compiled: about 25 minutes on two cores."""


class Pipeline:
    """The pipeline of the process that owns the run.

    `hook_configuration` gives what hooks add to the kind configuration; it is asked when the cluster is created.
    """

    def __init__(
        self, settings: Settings, run_id: str, progress: Progress, hook_configuration: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        self.settings = settings
        self.run_id = run_id
        self.log = PhaseLog(progress, time.time())
        self.prepared: Prepared | None = None
        self.address: ClusterAddress | None = None
        self.kept = False
        self._hook_configuration = hook_configuration
        self._progress = progress
        self._open: OpenCluster | None = None
        self._applied: list[Rendered] = []
        self._deployed = False
        self._monitoring: Monitoring | None = None

    @property
    def artifacts(self) -> Path:
        """Where the run leaves its files."""
        return self.settings.path(self.settings.report.artifacts)

    def reach(self, stage: Stage) -> Provisioned:
        """Do what is missing up to `stage`; raises the `KindgateError` of the phase that failed."""
        prepared = self._prepare()
        address = self._cluster(prepared)
        if stage >= Stage.APP and not self._deployed:
            self._deploy(prepared, address)
        if stage >= Stage.MONITORING and self._monitoring is None:
            with self.log.phase("wait for Prometheus"):
                self._monitoring = watch(self.settings.metrics, prepared.rendered, address)
        monitoring = self._monitoring
        return Provisioned(
            address=address,
            rendered=prepared.rendered,
            kubectl=prepared.tools.kubectl,
            artifacts=self.artifacts,
            measurements=state_dir() / "measurements" / self.run_id,
            monitoring=monitoring.available if monitoring is not None else None,
            monitoring_note=monitoring.note if monitoring is not None else "",
        )

    def close(self, *, failed: bool) -> None:
        """End the run's use of the cluster: what was created is deleted, unless it is to be kept."""
        if self.address is not None and self.address.existing:
            with self.log.phase("delete what was applied"):
                for rendered in reversed(self._applied):
                    delete(rendered, self.address, run=self.run_id, deadline=Deadline.after(self.settings.deploy.timeout))
        if self._open is not None:
            opened, self._open = self._open, None
            with self.log.phase("close the cluster"):
                self.kept = opened.close(failed=failed)
            if self.kept:
                self._progress(f"cluster {opened.address.name} is kept: KUBECONFIG={opened.address.kubeconfig}; `kindgate down` deletes it")

    def _prepare(self) -> Prepared:
        if self.prepared is None:
            with self.log.phase("prepare"):
                self.prepared = prepare(self.settings, self._progress)
        return self.prepared

    def _cluster(self, prepared: Prepared) -> ClusterAddress:
        if self.address is None:
            if prepared.supply is None:
                with self.log.phase("reach the existing cluster"):
                    self.address = open_existing(self.settings.cluster, deadline=Deadline.after(self.settings.cluster.timeout))
            else:
                self.address = self._create(prepared, prepared.supply)
        return self.address

    def _create(self, prepared: Prepared, supply: Supply) -> ClusterAddress:
        """Create the cluster and give its nodes the images, which are made ready while kind works."""
        if prepared.tools.kind is None:
            raise ClusterError("there is no kind to create a cluster with")
        plan = supply.plan.without(supply.missing)
        deadline = Deadline.after(IMAGE_SECONDS)
        with self.log.phase("provide the node image"):
            node_image = supply.source.provide_node(plan, self._progress, deadline)
        with ThreadPoolExecutor(2, thread_name_prefix="images") as pool:
            archives = pool.submit(self._archives, supply, deadline)
            loads: list[Future[None]] = []
            blueprint = Blueprint(
                settings=self.settings,
                engine=supply.engine,
                kind=prepared.tools.kind,
                node_image=node_image,
                changes=(self._hook_configuration(),),
                versions={"image source": supply.source.name},
                before_ready=lambda address: loads.append(pool.submit(self._load, supply, archives, address)),
            )
            with self.log.phase("create the cluster"):
                self._open = open_cluster(blueprint, deadline=Deadline.after(self.settings.cluster.timeout), progress=self._progress)
            address = self._open.address
            if self._open.note:
                self._progress(self._open.note)
            for load in loads or [pool.submit(self._load, supply, archives, address)]:
                load.result()
        return address

    def _archives(self, supply: Supply, deadline: Deadline) -> tuple[Path, ...]:
        with self.log.phase("provide the workload images"):
            return supply.archives(deadline, self._progress)

    def _load(self, supply: Supply, archives: Future[tuple[Path, ...]], address: ClusterAddress) -> None:
        ready = archives.result()
        with self.log.phase("load the images into the nodes"):
            load_archives(supply.engine, ready, address.nodes, supply.plan.without(supply.missing).names, self._progress)

    def _deploy(self, prepared: Prepared, address: ClusterAddress) -> None:
        deadline = Deadline.after(self.settings.deploy.timeout)
        run = self.settings.cluster_name if not address.existing else self.run_id
        try:
            for rendered in (*prepared.prerequisites, prepared.rendered):
                self._applied.append(rendered)
                with self.log.phase(f"apply {rendered.overlay.name}"):
                    apply(rendered, address, run=run, deadline=deadline)
                with self.log.phase(f"wait until {rendered.overlay.name} is ready"):
                    wait_ready(rendered, address, deadline, self._progress)
            with self.log.phase("wait until the ingress answers"):
                wait_answering(prepared.rendered, address, deadline)
        except KindgateError:
            self.failed_window = (self.log.started, time.time())
            raise
        self._deployed = True
