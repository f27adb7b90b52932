"""Swap two versions before the confirmation round of their comparison.

For minutes one of two equal deployments can be slower than the other: because of the core shared by its pod, or the
order of deployment. Redeployed in the opposite order, each on the other's nodes, the versions draw new conditions, so
the advantage that one had during the looks does not persist.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kindgate.deploy.apply import apply
from kindgate.deploy.baseline import Baseline
from kindgate.deploy.monitoring import split_monitoring
from kindgate.deploy.node_placement import baseline_placed_like_head, head_placed_like_baseline, pods_of
from kindgate.deploy.readiness import wait_ready
from kindgate.deploy.removal import application_part, remove_versions
from kindgate.deploy.restart import restarted
from kindgate.model import ClusterAddress, Rendered
from kindgate.progress import Progress
from kindgate.waiting import Deadline

REDEPLOYED = "both versions were removed with their volumes and redeployed in the opposite order, each on the other's nodes"


@dataclass(frozen=True)
class AppliedVersions:
    """Both versions as applied; `run` is the label of the run that applied them.

    `head` is the pull request's version and can include cluster-wide objects, which stay. `add_certificates` adds certificates to
    the manifests; None if the cluster's owner provides them.
    """

    head: Rendered
    base: Rendered
    baseline: Baseline
    run: str
    add_certificates: Callable[[Rendered], Rendered] | None = None


def swap_versions(versions: AppliedVersions, address: ClusterAddress, deadline: Deadline, progress: Progress) -> str:
    """Redeploy both versions in the opposite order; if they cannot be removed, only replace their pods.

    Returns a description of what was done. Raises `DeployError`.
    """
    parts, done = _redeployment(versions, address, deadline)
    for part in parts:
        apply(part, address, run=versions.run, deadline=deadline, progress=progress)
        application, _ = split_monitoring(part)
        wait_ready(application, address, deadline, progress)
    return done


def _redeployment(versions: AppliedVersions, address: ClusterAddress, deadline: Deadline) -> tuple[Sequence[Rendered], str]:
    """Remove both versions if allowed; return the manifests to apply, in order, and a description of what was done."""
    baseline = versions.baseline
    head = application_part(versions.head, baseline.namespaces)
    reason = _reason_to_keep(address)
    if reason:
        moment = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        return [restarted(versions.base, moment), restarted(head, moment)], f"both versions only got new pods: {reason}"
    heads, bases = (pods_of(names, address, deadline) for names in (baseline.namespaces.keys(), baseline.namespaces.values()))
    remove_versions((head, versions.base), address, deadline)
    parts = [baseline_placed_like_head(baseline, heads), head_placed_like_baseline(head, baseline.namespaces, bases)]
    return [versions.add_certificates(part) if versions.add_certificates is not None else part for part in parts], REDEPLOYED


def _reason_to_keep(address: ClusterAddress) -> str:
    """Why nothing may be removed from the cluster; empty if this run created it."""
    if address.existing:
        return "kindgate deletes nothing from an existing cluster during a run"
    return "an earlier run kept the cluster, and its volumes may hold data" if address.reused else ""
