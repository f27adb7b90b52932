"""The pipeline of a run: prepare, create, load images, deploy, monitor; finally delete.

A stage is reached once, on demand; the resulting environment is plain data. After any failure, `close` leaves behind
only what was requested.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from kindgate.cluster.attach import attach_existing
from kindgate.cluster.lifecycle import ClusterSpec, OpenCluster, open_cluster
from kindgate.cluster.reaper import reap
from kindgate.cluster.run_folder import claim_run_folder, remove_run_folder, run_folder
from kindgate.cluster.watchdog_client import WatchdogClient
from kindgate.deploy.apply import apply
from kindgate.deploy.authority import Authority, with_certificates, write_trusted
from kindgate.deploy.monitoring import split_monitoring
from kindgate.deploy.node_placement import baseline_placed_like_head, pods_of
from kindgate.deploy.readiness import wait_ready
from kindgate.deploy.removal import delete_run_objects
from kindgate.errors import ClusterError, KindgateError, SettingsError
from kindgate.images.node_import import load_archive
from kindgate.load.own_cpu import OwnCpu
from kindgate.model import ClusterAddress, Rendered, Window
from kindgate.pipeline.deployment_readiness import (
    Monitoring,
    entry_notes,
    placement_difference,
    wait_for_entries,
    wait_for_prometheus,
)
from kindgate.pipeline.environment import Environment, Stage, VersionSwap, kept_lines
from kindgate.pipeline.failure_evidence import bundle_record, gather_evidence, gather_node_evidence
from kindgate.pipeline.image_supply import ImageSupply
from kindgate.pipeline.inputs import Inputs, check_artifacts_folder, prepare
from kindgate.pipeline.own_processes import find_own_processes
from kindgate.pipeline.phases import PhaseLog, rerun_command
from kindgate.pipeline.run_objectives import read_objectives
from kindgate.pipeline.version_swap import Deployed, swap_versions
from kindgate.progress import Progress
from kindgate.report.run_report import FailureBundle
from kindgate.settings import Settings
from kindgate.slo.objectives import Objectives
from kindgate.waiting import Deadline, StoppableClock

IMAGE_SECONDS = 3600.0
"""Without a seed, every program of the cluster is compiled: about 25 minutes on two cores."""

REAP_SECONDS = 120.0

INSPECT_SECONDS = 20.0

LOAD_SECONDS = 300.0
"""An archive of a hundred megabytes takes some seconds; slow disks and large images take longer."""


class Pipeline:
    """The pipeline of the process that owns the run.

    `hook_configuration` returns the hooks' additions to the kind configuration; called when the cluster is created.
    """

    def __init__(
        self, settings: Settings, run_id: str, progress: Progress, hook_configuration: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        self.settings = settings
        self.run_id = run_id
        self.log = PhaseLog(progress, time.time())
        self.inputs: Inputs | None = None
        self.address: ClusterAddress | None = None
        self.error: KindgateError | None = None
        self.kept = False
        self.bundles: list[FailureBundle] = []
        self._hook_configuration = hook_configuration
        self._progress = progress
        self._open: OpenCluster | None = None
        self._applied: list[Rendered] = []
        self._deployed = False
        self._placement = ""
        self._swapped: VersionSwap | None = None
        self._own_cpu: OwnCpu | None = None
        self._entry_notes: tuple[str, ...] = ()
        self._monitoring: Monitoring | None = None
        self._clock = StoppableClock()
        self._watchdog: WatchdogClient | None = None

    @cached_property
    def objectives(self) -> Objectives:
        """The objectives in the SLO file, read once per run; raises `SloError` for a file that cannot be used."""
        return read_objectives(self.settings)

    @property
    def measurements(self) -> Path:
        """Folder for bursts during the run; outside the artifacts, which the user might delete."""
        return self.folder / "measurements"

    @property
    def folder(self) -> Path:
        """The run's private folder, removed when the run ends."""
        return run_folder(self.run_id)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the report: about the cluster, changes to the manifests, and monitoring."""
        lines = [self._open.note] if self._open is not None and self._open.note else []
        if self.inputs is not None:
            lines += [note for _, part in self.inputs.parts for note in part.notes]
        if self._monitoring is not None and self._monitoring.note:
            lines.append(self._monitoring.note)
        if self._swapped is not None:
            lines.append(f"before the comparison's confirmation round, {self._swapped.done}")
        return (*lines, *self._entry_notes)

    @property
    def artifacts(self) -> Path:
        """Folder for the run's output files."""
        return self.settings.path(self.settings.report.artifacts)

    def reach(self, stage: Stage) -> Environment:
        """Run the missing phases up to `stage`; raises the `KindgateError` of a failed phase, and stores it in `error`."""
        with self._errors_recorded():
            return self._reach(stage)

    def swap_versions(self) -> VersionSwap:
        """Swap the application and its baseline, as required before a confirmation round; raises like `reach`."""
        with self._errors_recorded():
            return self._swap_versions()

    @contextmanager
    def _errors_recorded(self) -> Iterator[None]:
        """Store the error of a failed phase, and gather evidence."""
        try:
            yield
        except KindgateError as error:
            self.error = error
            self._gather(error)
            raise

    def _reach(self, stage: Stage) -> Environment:
        inputs = self._prepare()
        address = self._cluster(inputs)
        if stage >= Stage.APP and not self._deployed:
            self._deploy(inputs, address)
        if stage >= Stage.MONITORING and self._monitoring is None:
            with self.log.phase("wait for Prometheus"):
                self._monitoring = wait_for_prometheus(self.settings.metrics, inputs.rendered, address)
        return self._current_environment(inputs, address)

    def _current_environment(self, inputs: Inputs, address: ClusterAddress) -> Environment:
        monitoring = self._monitoring
        return Environment(
            address=address,
            rendered=inputs.rendered,
            kubectl=inputs.tools.kubectl,
            kind=inputs.tools.kind,
            engine=inputs.supply.engine if inputs.supply is not None else None,
            deployed=self._deployed,
            base=inputs.base,
            entries=inputs.entries,
            placement=self._placement,
            own_cpu=self._own_cpu,
            artifacts=self.artifacts,
            measurements=self.measurements,
            monitoring=monitoring.available if monitoring is not None else None,
            monitoring_note=monitoring.note if monitoring is not None else "",
        )

    def _gather(self, error: KindgateError) -> None:
        """Collect the cluster's state after a failed phase, while it still exists."""
        if self.inputs is None or self.address is None or self._clock.stopped:
            return
        env = self._current_environment(self.inputs, self.address)
        phase = self.log.phases[-1]
        with self.log.phase("gather evidence"):
            bundle = gather_evidence(env, phase.name, Window(phase.started, max(phase.started, time.time())), str(error))
        self.bundles.append(bundle_record(phase.name, bundle, self.artifacts))

    def _set_watchdog(self, watchdog: WatchdogClient) -> None:
        self._watchdog = watchdog

    def _gather_nodes(self, supply: ImageSupply, address: ClusterAddress, error: ClusterError) -> None:
        """Collect the node logs of a cluster that could not be created or used, and kind's output."""
        if self._clock.stopped:
            return  # interrupted: nothing has failed, and there is no time
        name = "create the cluster"
        bundle = gather_node_evidence(supply.engine, address, self.artifacts, name, error)
        self.bundles.append(bundle_record(name, bundle, self.artifacts))

    def close(self, *, failed: bool) -> tuple[str, ...]:
        """Release the cluster: delete it if this run created it, unless it is to be kept; return lines about a kept cluster."""
        remove_run_folder(self.folder)
        if self.address is not None and self.address.existing:
            with self.log.phase("delete the applied objects"):
                for rendered in reversed(self._applied):
                    delete_run_objects(rendered, self.address, run=self.run_id, deadline=Deadline.after(self.settings.deploy.timeout))
        if self._open is not None:
            opened, self._open = self._open, None
            with self.log.phase("close the cluster"):
                self.kept = opened.close(failed=failed)
            if self.kept and self.inputs is not None:
                kubectl = str(self.inputs.tools.kubectl)
                return kept_lines(opened.address, self.inputs.rendered.namespaces, kubectl, rerun_command())
        return ()

    def interrupt(self) -> None:
        """Stop work in other threads, and leave deletion of a created cluster to its watchdog: there is no time left."""
        self._clock.stop()
        if self._watchdog is not None and (self._open is None or self.settings.keep == "never"):
            self._open = None
            self._watchdog.hand_over()

    def wait_deleted(self, seconds: float) -> bool:
        """After `interrupt`, wait for the watchdog to delete the cluster; return whether it has."""
        if self._watchdog is None or self._open is not None:
            return True
        return self._watchdog.wait(seconds)

    def release(self) -> None:
        """Release the cluster but keep everything, for a later step to build on."""
        if self._open is not None:
            opened, self._open = self._open, None
            opened.close(failed=False)
        remove_run_folder(self.folder)

    def _deadline(self, seconds: float) -> Deadline:
        """A deadline that also ends on `interrupt`."""
        return Deadline.after(seconds, self._clock)

    def _prepare(self) -> Inputs:
        if self.inputs is None:
            with self.log.phase("prepare"):
                check_artifacts_folder(self.artifacts)
                claim_run_folder(self.run_id)
                self.inputs = prepare(self.settings, self.objectives, self.folder, self._progress)
        return self.inputs

    def _cluster(self, inputs: Inputs) -> ClusterAddress:
        if self.address is None:
            if inputs.supply is None:
                with self.log.phase("reach the existing cluster"):
                    self.address = attach_existing(self.settings.cluster, deadline=self._deadline(self.settings.cluster.timeout))
            else:
                self.address = self._create(inputs, inputs.supply)
                self._own_cpu = find_own_processes(inputs.supply.engine, self.address.nodes, self._deadline(INSPECT_SECONDS))
        return self.address

    def _create(self, inputs: Inputs, supply: ImageSupply) -> ClusterAddress:
        """Create the cluster and load the images into its nodes; the images are prepared while kind works."""
        if inputs.tools.kind is None:
            raise ClusterError("no kind program to create a cluster with")
        deadline = self._deadline(IMAGE_SECONDS)
        for reaped in reap(supply.engine, deadline=self._deadline(REAP_SECONDS)):
            self._progress(f"cluster {reaped.cluster} of another run: {reaped.error or 'deleted'} ({reaped.reason})")
        with self.log.phase("provide the node image"):
            node_image = supply.source.provide_node(supply.plan, self._progress, deadline)
        with ThreadPoolExecutor(3, thread_name_prefix="images") as pool, self._threads_stopped_on_error():
            archive = pool.submit(self._archive, supply, deadline)
            loads: list[Future[None]] = []
            spec = ClusterSpec(
                settings=self.settings,
                engine=supply.engine,
                kind=inputs.tools.kind,
                node_image=node_image,
                changes=(self._hook_configuration(),),
                versions={"image source": supply.source.name},
                on_failure=lambda address, error: self._gather_nodes(supply, address, error),
                on_watchdog=self._set_watchdog,
                folder=self.folder,
                on_nodes=lambda address: loads.append(pool.submit(self._load, supply, archive, address)),
            )
            with self.log.phase("create the cluster"):
                self._open = open_cluster(spec, deadline=self._deadline(self.settings.cluster.timeout), progress=self._progress)
            address = self._open.address
            if self._open.note:
                self._progress(self._open.note)
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
            self._clock.stop()
            raise

    def _archive(self, supply: ImageSupply, deadline: Deadline) -> Path | None:
        with self.log.phase("provide the workload images"):
            return supply.archive(deadline, self._progress)

    def _load(self, supply: ImageSupply, archive: Future[Path | None], address: ClusterAddress) -> None:
        file = archive.result()
        if file is not None:
            with self.log.phase("load the images into the nodes"):
                deadline = self._deadline(LOAD_SECONDS)
                load_archive(supply.engine, address.nodes, file, supply.names, deadline, is_new_cluster=not address.reused)

    def _authority(self, inputs: Inputs, address: ClusterAddress) -> Authority | None:
        """Write the certificates that verify the entries, and return the CA for this cluster; None on an existing cluster."""
        if address.existing or address.ca_file is None:
            return None
        authority = Authority(address.ca_file.parent)
        write_trusted((part for _, part in inputs.parts), authority, address.ca_file)
        return authority

    def _deploy(self, inputs: Inputs, address: ClusterAddress) -> None:
        deadline = self._deadline(self.settings.deploy.timeout)
        run = self._label(address)
        base = inputs.base
        authority = self._authority(inputs, address)
        for name, part in inputs.parts:
            is_baseline = base is not None and part is base.rendered
            rendered = (
                baseline_placed_like_head(base, pods_of(base.namespaces, address, deadline)) if base is not None and is_baseline else part
            )
            rendered = with_certificates(rendered, authority) if authority is not None else rendered
            self._applied.append(rendered)
            with self.log.phase(f"apply {name}"):
                only_changed = address.reused and self.settings.cluster.reuse
                applied = apply(rendered, address, run=run, deadline=deadline, only_changed=only_changed, progress=self._progress)
                if only_changed:
                    self._progress(f"{name}: {len(applied)} of {len(rendered.objects)} objects changed")
            with self.log.phase(f"wait until {name} is ready"):
                application, _ = split_monitoring(rendered)
                wait_ready(application, address, deadline, self._progress)
        with self.log.phase("wait until the ingress answers"):
            responses = wait_for_entries(inputs, address, deadline)
            self._entry_notes = entry_notes(inputs, responses, address, deadline)
            for note in self._entry_notes:
                self._progress(f"note: {note}")
            if base is not None:
                self._placement = placement_difference(base, address, deadline)
        self._deployed = True

    def _swap_versions(self) -> VersionSwap:
        inputs, address = self.inputs, self.address
        if inputs is None or inputs.base is None or address is None or not self._deployed:
            raise SettingsError("no two versions to swap", next_step="set a baseline with --slo-base")
        deadline = self._deadline(self.settings.deploy.timeout)
        authority = self._authority(inputs, address)
        add_certificates = partial(with_certificates, authority=authority) if authority is not None else None
        *_, head, base = self._applied
        deployed = Deployed(head, base, inputs.base, self._label(address), add_certificates)
        with self.log.phase("swap both versions"):
            done = swap_versions(deployed, address, deadline, self._progress)
            wait_for_entries(inputs, address, deadline)
            self._swapped = VersionSwap(done, placement_difference(inputs.base, address, deadline))
        self._progress(f"note: {done}")
        return self._swapped

    def _label(self, address: ClusterAddress) -> str:
        """Label value of the objects that this run applies."""
        return self.settings.cluster_name if not address.existing else self.run_id
