"""The end of a run: everything that must be closed, undone or handed over, in one place."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from kindgate.cluster.lifecycle import OpenCluster
from kindgate.cluster.run_folder import claim_run_folder, remove_run_folder, run_folder
from kindgate.cluster.watchdog_client import WatchdogClient
from kindgate.deploy.removal import delete_run_objects
from kindgate.model import ClusterAddress, Rendered
from kindgate.pipeline.phases import PhaseLog
from kindgate.settings import Settings
from kindgate.waiting import Deadline, StoppableClock


class RunCleanup:
    """What a run must end: its waits, its private folder, its cluster, the objects it applied to an existing cluster.

    Everything is registered as it comes into being. `close` ends it as the settings request, `release` keeps it for a later
    step, and `interrupt` leaves a created cluster to its watchdog.
    """

    def __init__(self, settings: Settings, run_id: str, log: PhaseLog) -> None:
        self.run_id = run_id
        self._settings = settings
        self._log = log
        self._clock = StoppableClock()
        self._watchdog: WatchdogClient | None = None
        self._cluster: OpenCluster | None = None
        self._if_kept: tuple[str, ...] = ()
        self._existing: ClusterAddress | None = None
        self._applied: list[Rendered] = []
        self._teardown: Callable[[], Sequence[str]] | None = None

    @property
    def folder(self) -> Path:
        """The run's private folder, removed when the run ends."""
        return run_folder(self.run_id)

    @property
    def stopped(self) -> bool:
        """Whether `stop` or `interrupt` has ended every wait of the run."""
        return self._clock.stopped

    @property
    def cluster_note(self) -> str:
        """A note on how the cluster in use was obtained; empty if there is nothing to note."""
        return self._cluster.note if self._cluster is not None else ""

    def deadline(self, seconds: float) -> Deadline:
        """A deadline `seconds` from now that also ends on `stop` and `interrupt`."""
        return Deadline.after(seconds, self._clock)

    def claim_folder(self) -> None:
        """Create the run's private folder."""
        claim_run_folder(self.run_id)

    def add_watchdog(self, watchdog: WatchdogClient) -> None:
        """Register the watchdog of a cluster that is about to be created."""
        self._watchdog = watchdog

    def add_cluster(self, cluster: OpenCluster, if_kept: Sequence[str] = ()) -> None:
        """Register the cluster in use; `if_kept` are the lines about it for the user of a cluster that is kept."""
        self._cluster = cluster
        self._if_kept = tuple(if_kept)

    def add_existing(self, address: ClusterAddress) -> None:
        """Register a cluster that kindgate did not create: the objects applied to it are deleted at the end."""
        self._existing = address

    def add_applied(self, rendered: Rendered) -> None:
        """Register manifests that are about to be applied."""
        self._applied.append(rendered)

    def add_teardown(self, teardown: Callable[[], Sequence[str]]) -> None:
        """Register what removes the data of a workload's setup; it returns a line for each failure.

        It runs only if the application outlives the run.
        """
        self._teardown = teardown

    def close(self, *, failed: bool) -> tuple[str, ...]:
        """Delete what the run created, unless it is to be kept; return lines about a kept cluster.

        Raises `DeployError` for objects and `ClusterError` for a cluster that cannot be deleted.
        """
        if self._teardown is not None and (self._cluster is None or self._settings.keep != "never"):
            with self._log.phase("tear down the workload"):
                for line in self._teardown():
                    self._log.report(f"note: {line}")
        remove_run_folder(self.folder)
        if self._existing is not None:
            with self._log.phase("delete the applied objects"):
                for rendered in reversed(self._applied):
                    deadline = Deadline.after(self._settings.deploy.timeout)
                    delete_run_objects(rendered, self._existing, run=self.run_id, deadline=deadline)
        if self._cluster is None:
            return ()
        cluster, self._cluster = self._cluster, None
        with self._log.phase("close the cluster"):
            kept = cluster.close(failed=failed)
        return self._if_kept if kept else ()

    def release(self) -> None:
        """Release the cluster but keep everything in it, for a later step to build on."""
        if self._cluster is not None:
            cluster, self._cluster = self._cluster, None
            cluster.close(failed=False)
        remove_run_folder(self.folder)

    def stop(self) -> None:
        """End the waits of other threads."""
        self._clock.stop()

    def interrupt(self) -> None:
        """End the waits of other threads, and leave deletion of a created cluster to its watchdog: there is no time left."""
        self.stop()
        if self._watchdog is not None and (self._cluster is None or self._settings.keep == "never"):
            self._cluster = None
            self._watchdog.hand_over()

    def wait_deleted(self, seconds: float) -> bool:
        """After `interrupt`, wait for the watchdog to delete the cluster; return whether it has."""
        if self._watchdog is None or self._cluster is not None:
            return True
        return self._watchdog.wait(seconds)


def kept_lines(address: ClusterAddress, namespaces: Sequence[str], kubectl: str, command: str) -> tuple[str, ...]:
    """Lines on how to inspect a kept cluster, rerun on it, and delete it; `command` is the command of this run."""
    name = shlex.quote(address.name)
    in_first_namespace = f" --namespace {namespaces[0]}" if namespaces else ""
    kubectl_command = shlex.quote(kubectl)
    return (
        f"cluster {address.name} was kept. To inspect it:",
        f"  export KUBECONFIG={shlex.quote(str(address.kubeconfig))}",
        f"  {kubectl_command} get pods --all-namespaces",
        f"  {kubectl_command}{in_first_namespace} get events --sort-by=.lastTimestamp",
        f"  {kubectl_command} get namespaces --selector kindgate.dev/test    # of failed tests",
        f"or, with KUBECONFIG and kubectl set up:  kindgate shell --cluster-name {name}",
        f"to rerun on it:  {command}",
        f"to delete it:  kindgate down --cluster-name {name}",
    )
