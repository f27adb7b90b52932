"""The pipeline of a run: prepare, start the cluster, deploy, wait for Prometheus; finally clean up.

A stage is reached once, on demand; the resulting environment is plain data. After any failure, `close` leaves behind
only what was requested.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from kindgate.errors import ClusterError, KindgateError, SettingsError
from kindgate.model import ClusterAddress, Window
from kindgate.pipeline.cleanup import RunCleanup
from kindgate.pipeline.cluster_start import ClusterStart
from kindgate.pipeline.deployment import Deployment
from kindgate.pipeline.deployment_readiness import wait_for_prometheus
from kindgate.pipeline.environment import (
    DeployedApplication,
    Environment,
    MonitoredApplication,
    RunningCluster,
    StageT,
    VersionSwap,
    cluster_of,
    find_stage,
    stage_of,
)
from kindgate.pipeline.failure_evidence import bundle_record, gather_evidence, gather_node_evidence
from kindgate.pipeline.inputs import Inputs, check_artifacts_folder, prepare
from kindgate.pipeline.judged_series import run_setup
from kindgate.pipeline.own_processes import find_own_processes
from kindgate.pipeline.phases import PhaseLog
from kindgate.pipeline.run_objectives import SloFile, read_slo_file
from kindgate.pipeline.version_swap import AppliedVersions
from kindgate.progress import Progress
from kindgate.report.run_report import FailureBundle
from kindgate.scenarios.undo import undo_leftovers
from kindgate.settings import Settings
from kindgate.slo.objectives import Objectives

INSPECT_SECONDS = 20.0


class Pipeline:
    """The pipeline of the process that owns the run.

    `hook_configuration` returns the hooks' additions to the kind configuration; called when the cluster is created.
    `slo_file` returns the content of the SLO file if this process has another reader of it; by default the file is read when
    it is first needed.
    """

    def __init__(
        self,
        settings: Settings,
        run_id: str,
        progress: Progress,
        hook_configuration: Callable[[], Mapping[str, Any]] = dict,
        slo_file: Callable[[], SloFile] | None = None,
    ) -> None:
        self.settings = settings
        self.run_id = run_id
        self.log = PhaseLog(progress, time.time())
        self.cleanup = RunCleanup(settings, run_id, self.log)
        self.inputs: Inputs | None = None
        self.environment: Environment | None = None
        self.error: KindgateError | None = None
        self.bundles: list[FailureBundle] = []
        self._hook_configuration = hook_configuration
        self._read_slo_file = slo_file or partial(read_slo_file, settings)
        self._versions: AppliedVersions | None = None
        self._swap: VersionSwap | None = None

    @cached_property
    def slo_file(self) -> SloFile:
        """The content of the SLO file, read once per run; raises `SloError` for a file that cannot be used."""
        return self._read_slo_file()

    @property
    def objectives(self) -> Objectives:
        """The objectives in the SLO file."""
        return self.slo_file.objectives

    @property
    def measurements(self) -> Path:
        """Folder for bursts during the run; outside the artifacts, which the user might delete."""
        return self.cleanup.folder / "measurements"

    @property
    def artifacts(self) -> Path:
        """Folder for the run's output files."""
        return self.settings.path(self.settings.report.artifacts)

    @property
    def address(self) -> ClusterAddress | None:
        """The address of the run's cluster; None until it is usable."""
        return cluster_of(self.environment).address if self.environment is not None else None

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the report: about the cluster, changes to the manifests, Prometheus, a swap, and the judged paths."""
        application = find_stage(self.environment, DeployedApplication)
        monitored = find_stage(self.environment, MonitoredApplication)
        lines = [
            self.cleanup.cluster_note,
            *(note for _, part in (self.inputs.parts if self.inputs is not None else ()) for note in part.notes),
            monitored.missing_prometheus if monitored is not None else "",
            f"before the comparison's confirmation round, {self._swap.done}" if self._swap is not None else "",
            *(application.notes if application is not None else ()),
        ]
        return tuple(line for line in lines if line)

    def reach(self, stage: type[StageT]) -> Environment:
        """Run the missing phases up to `stage`, and return the environment, which may have reached a later one.

        Raises the `KindgateError` of a failed phase, and stores it in `error`.
        """
        with self._errors_recorded():
            inputs = self._prepare()
            while self.environment is None or find_stage(self.environment, stage) is None:
                self.environment = self._next_stage(inputs, self.environment)
            return self.environment

    def environment_at(self, stage: type[StageT]) -> StageT:
        """The environment at `stage`, like `reach`."""
        return stage_of(self.reach(stage), stage)

    def swap_versions(self) -> VersionSwap:
        """Swap the application and its baseline, as required before a confirmation round; raises like `reach`."""
        with self._errors_recorded():
            if self.inputs is None or self.address is None or self._versions is None:
                raise SettingsError("no two versions to swap", next_step="set a baseline with --slo-base")
            self._swap = self._deployment(self.inputs).swap(self._versions, self.address)
            return self._swap

    def _prepare(self) -> Inputs:
        if self.inputs is None:
            with self.log.phase("prepare"):
                check_artifacts_folder(self.artifacts)
                self.cleanup.claim_folder()
                self.inputs = prepare(self.settings, self.slo_file, self.cleanup.folder, self.log.report)
        return self.inputs

    def _next_stage(self, inputs: Inputs, environment: Environment | None) -> Environment:
        match environment:
            case None:
                return self._start_cluster(inputs)
            case RunningCluster():
                application, self._versions = self._deployment(inputs).deploy(environment)
                setup = run_setup(application, self.settings.load)
                if setup is not None:
                    self.cleanup.add_teardown(partial(setup.tear_down, self.measurements))
                return application
            case DeployedApplication():
                with self.log.phase("wait for Prometheus"):
                    return wait_for_prometheus(self.settings.metrics, environment)
            case MonitoredApplication():
                return environment  # the last stage

    def _start_cluster(self, inputs: Inputs) -> RunningCluster:
        start = ClusterStart(
            self.settings, self.log, self.cleanup, hook_configuration=self._hook_configuration, on_failure=self._gather_nodes
        )
        address = start.start(inputs)
        engine = inputs.supply.engine if inputs.supply is not None else None
        for leftover in undo_leftovers(address, inputs.tools.kubectl, engine):
            self.log.report(f"{leftover.what}, of an interrupted run: {leftover.error or 'undone'}")
        return RunningCluster(
            address=address,
            rendered=inputs.rendered,
            namespaces=inputs.namespaces,
            base=inputs.base,
            kubectl=inputs.tools.kubectl,
            kind=inputs.tools.kind,
            engine=engine,
            own_cpu=find_own_processes(engine, address.nodes, self.cleanup.deadline(INSPECT_SECONDS)) if engine is not None else None,
            artifacts=self.artifacts,
            measurements=self.measurements,
            workload=inputs.workload,
        )

    def _deployment(self, inputs: Inputs) -> Deployment:
        return Deployment(inputs, self.settings, self.log, self.cleanup)

    @contextmanager
    def _errors_recorded(self) -> Iterator[None]:
        """Store the error of a failed phase, and gather evidence."""
        try:
            yield
        except KindgateError as error:
            self.error = error
            self._gather(error)
            raise

    def _gather(self, error: KindgateError) -> None:
        """Collect the cluster's state after a failed phase, while it still exists."""
        if self.environment is None or self.cleanup.stopped:
            return
        phase = self.log.phases[-1]
        window = Window(phase.started, max(phase.started, time.time()))
        with self.log.phase("gather evidence"):
            bundle = gather_evidence(self.environment, phase.name, window, str(error))
        self.bundles.append(bundle_record(phase.name, bundle, self.artifacts))

    def _gather_nodes(self, address: ClusterAddress, error: ClusterError) -> None:
        """Collect the node logs of a cluster that could not be created or used, and kind's output."""
        supply = self.inputs.supply if self.inputs is not None else None
        if supply is None or self.cleanup.stopped:
            return  # interrupted: nothing has failed, and there is no time
        name = "create the cluster"
        bundle = gather_node_evidence(supply.engine, address, self.artifacts, name, error)
        self.bundles.append(bundle_record(name, bundle, self.artifacts))
