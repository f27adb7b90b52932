"""Deploy the application, and its baseline if there is one: apply, wait until ready, wait until every entry responds."""

from __future__ import annotations

from functools import partial

from kindgate.deploy.apply import apply
from kindgate.deploy.authority import Authority, with_certificates, write_trusted
from kindgate.deploy.monitoring import split_monitoring
from kindgate.deploy.node_placement import baseline_placed_like_head, pods_of
from kindgate.deploy.readiness import wait_ready
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.cleanup import RunCleanup
from kindgate.pipeline.deployment_readiness import entry_notes, placement_difference, wait_for_entries
from kindgate.pipeline.environment import DeployedApplication, RunningCluster, VersionSwap
from kindgate.pipeline.inputs import Inputs
from kindgate.pipeline.phases import PhaseLog
from kindgate.pipeline.version_swap import AppliedVersions, swap_versions
from kindgate.settings import Settings
from kindgate.waiting import Deadline


class Deployment:
    """Deploys the manifests of one run into its cluster; everything applied is registered in `cleanup`."""

    def __init__(self, inputs: Inputs, settings: Settings, log: PhaseLog, cleanup: RunCleanup) -> None:
        self._inputs = inputs
        self._settings = settings
        self._log = log
        self._cleanup = cleanup

    def deploy(self, cluster: RunningCluster) -> tuple[DeployedApplication, AppliedVersions | None]:
        """Deploy everything; also returns both versions as applied if there is a baseline. Raises `DeployError`."""
        inputs, address, base = self._inputs, cluster.address, self._inputs.base
        deadline = self._deadline()
        run = self._settings.cluster_name if not address.existing else self._cleanup.run_id
        authority = self._authority(address)
        applied = []
        for name, part in inputs.parts:
            placed = part
            if base is not None and part is base.rendered:
                placed = baseline_placed_like_head(base, pods_of(base.namespaces, address, deadline))
            rendered = with_certificates(placed, authority) if authority is not None else placed
            self._apply(name, rendered, address, run, deadline)
            applied.append(rendered)
        with self._log.phase("wait until the ingress answers"):
            responses = wait_for_entries(inputs, address, deadline)
            placement = placement_difference(base, address, deadline) if base is not None else ""
            notes = entry_notes(inputs, responses, address, deadline)
            for note in notes:
                self._log.report(f"note: {note}")
        application = DeployedApplication(cluster, inputs.entries, placement, notes)
        if base is None:
            return application, None
        *_, head, applied_base = applied
        add_certificates = partial(with_certificates, authority=authority) if authority is not None else None
        return application, AppliedVersions(head, applied_base, base, run, add_certificates)

    def swap(self, versions: AppliedVersions, address: ClusterAddress) -> VersionSwap:
        """Swap both versions, and wait until they respond; raises `DeployError`."""
        deadline = self._deadline()
        with self._log.phase("swap both versions"):
            done = swap_versions(versions, address, deadline, self._log.report)
            wait_for_entries(self._inputs, address, deadline)
            swap = VersionSwap(done, placement_difference(versions.baseline, address, deadline))
        self._log.report(f"note: {done}")
        return swap

    def _apply(self, name: str, rendered: Rendered, address: ClusterAddress, run: str, deadline: Deadline) -> None:
        """Apply one part, only what has changed in a reused cluster, and wait until it is ready."""
        self._cleanup.add_applied(rendered)
        with self._log.phase(f"apply {name}"):
            only_changed = address.reused and self._settings.cluster.reuse
            applied = apply(rendered, address, run=run, deadline=deadline, only_changed=only_changed, progress=self._log.report)
            if only_changed:
                self._log.report(f"{name}: {len(applied)} of {len(rendered.objects)} objects changed")
        with self._log.phase(f"wait until {name} is ready"):
            application, _ = split_monitoring(rendered)
            wait_ready(application, address, deadline, self._log.report)

    def _authority(self, address: ClusterAddress) -> Authority | None:
        """Write the certificates that verify the entries, and return the CA for this cluster; None on an existing cluster."""
        if address.existing or address.ca_file is None:
            return None
        authority = Authority(address.ca_file.parent)
        write_trusted((part for _, part in self._inputs.parts), authority, address.ca_file)
        return authority

    def _deadline(self) -> Deadline:
        return self._cleanup.deadline(self._settings.deploy.timeout)
