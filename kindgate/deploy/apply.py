"""Server-side apply in dependency order: objects of one rank do not depend on each other and are applied in parallel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from kindgate.cluster.api_client import Api, connect, is_worth_retrying
from kindgate.cluster.api_retry import request_if_exists, retried, wait_or_raise
from kindgate.deploy.last_applied import is_unchanged, with_hash
from kindgate.deploy.recreate import deletion_command, immutable_fields, is_failed_job, loss_on_recreation, recreate
from kindgate.errors import ApiError, DeployError
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered, kind_of
from kindgate.progress import Progress
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready

FIELD_MANAGER = "kindgate"

RUN_LABEL = "kindgate.dev/run"
"""The label of every applied object; its value is the caller's name for the run."""


PARALLEL_REQUESTS = 8
"""Concurrent requests within a rank: more do not make the API server of a small cluster faster."""

_RANKS: tuple[frozenset[str], ...] = (
    frozenset({"Namespace"}),
    frozenset({"CustomResourceDefinition", "PriorityClass", "StorageClass", "RuntimeClass", "IngressClass", "GatewayClass"}),
    frozenset({"ServiceAccount", "ClusterRole", "Role", "ResourceQuota", "LimitRange"}),
    frozenset({"ClusterRoleBinding", "RoleBinding", "ConfigMap", "Secret", "PersistentVolume", "PersistentVolumeClaim"}),
    frozenset({"Service", "NetworkPolicy"}),
    frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob", "ReplicationController"}),
    frozenset({"Ingress", "PodDisruptionBudget", "HorizontalPodAutoscaler"}),
)
_CUSTOM = len(_RANKS)

_LAST = frozenset(
    {"APIService", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy"}
    | {"MutatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"}
)


def apply(
    rendered: Rendered,
    address: ClusterAddress,
    *,
    run: str,
    deadline: Deadline,
    only_changed: bool = False,
    progress: Progress = lambda _: None,
) -> tuple[ObjectRef, ...]:
    """Apply all objects in order, with the field manager `kindgate` and the label `kindgate.dev/run: RUN`.

    In an existing cluster, cluster-scoped objects are skipped, fields of another manager are left alone, and an object
    that already exists without the label belongs to someone else: an error. In other clusters, an object that Kubernetes
    cannot change in place is recreated if nothing is lost. `only_changed` skips objects that an earlier run applied from
    the same manifest and that are unchanged since, except failed Jobs: they run again. Returns the applied objects.
    Raises `DeployError` that names object, file and cause for a rejection, the deadline or an unreachable API server.
    """
    with connect(address) as api:
        selected = rendered.objects
        if address.existing:
            selected = tuple(manifest for manifest in selected if _is_allowed_in_existing(api, manifest, rendered, deadline))
            _in_parallel(selected, lambda manifest, _: _refuse_foreign(api, manifest, run, deadline))
        to_apply: list[Manifest] = [with_hash(with_run_label(manifest, run)) for manifest in selected]
        if only_changed:
            to_apply = _changed_manifests(api, to_apply, deadline)
        applier = _Applier(api, rendered, address, deadline, progress)
        for group in grouped_by_rank(to_apply):
            _in_parallel(group, applier.apply)
    return tuple(ObjectRef.of(manifest) for manifest in to_apply)


def with_run_label(manifest: Manifest, run: str) -> dict[str, Any]:
    """Return the manifest with the run's label. Pod templates stay unchanged, so another run restarts no pod."""
    metadata = dict(manifest.get("metadata") or {})
    metadata["labels"] = {**(metadata.get("labels") or {}), RUN_LABEL: run}
    return {**manifest, "metadata": metadata}


def rank(manifest: Manifest) -> int:
    """Return an object's position in the order, 0 first. Custom resources follow the workloads that might serve them.

    Objects that can reject others come last: they would reject everything until their own server runs.
    """
    kind = kind_of(manifest)
    for number, kinds in enumerate(_RANKS):
        if kind in kinds:
            return number
    return _CUSTOM + 1 if kind in _LAST else _CUSTOM


def grouped_by_rank(manifests: Iterable[Manifest]) -> list[tuple[Manifest, ...]]:
    """Return the objects in groups: the objects of a group can be applied in parallel, after the groups before it."""
    return [tuple(group) for _, group in groupby(sorted(manifests, key=rank), key=rank)]


def _changed_manifests(api: Api, manifests: Sequence[Manifest], deadline: Deadline) -> list[Manifest]:
    """Return the manifests whose live objects are missing or differ, in the same order."""

    def matches_live(manifest: Manifest) -> bool:
        try:
            path = api.object_path(manifest, deadline)
        except ApiError:
            return False  # the cluster does not know the kind yet
        live = request_if_exists(api, "GET", path, deadline)
        return live is not None and is_unchanged(manifest, live) and not is_failed_job(manifest, live)

    with ThreadPoolExecutor(PARALLEL_REQUESTS, thread_name_prefix="compare") as pool:
        matching = list(pool.map(matches_live, manifests))
    return [manifest for manifest, is_matching in zip(manifests, matching, strict=True) if not is_matching]


def _in_parallel(manifests: Sequence[Manifest], work: Callable[[Manifest, threading.Event], object]) -> None:
    """Call `work` on all manifests in parallel. The first error is raised, and the event stops the others."""
    failed = threading.Event()
    with ThreadPoolExecutor(PARALLEL_REQUESTS, thread_name_prefix="apply") as pool:
        tasks = [pool.submit(work, manifest, failed) for manifest in manifests]
        done, _ = wait(tasks, return_when=FIRST_EXCEPTION)
        errors = [error for task in tasks if task in done and (error := task.exception()) is not None]
        if errors:
            failed.set()
            pool.shutdown(cancel_futures=True)
            raise errors[0]


@dataclass(frozen=True)
class _Applier:
    """Applies the objects of `rendered` one by one, from several threads."""

    api: Api
    rendered: Rendered
    address: ClusterAddress
    deadline: Deadline
    progress: Progress

    def apply(self, manifest: Manifest, failed: threading.Event) -> None:
        """Apply one object, retrying errors that can pass by themselves (a webhook that is not up, a CRD just created)."""
        force = "false" if self.address.existing else "true"
        query = [("fieldManager", FIELD_MANAGER), ("force", force), ("fieldValidation", "Strict")]

        def attempt() -> Ready[None] | Pending | PermanentFailure:
            if failed.is_set():
                return PermanentFailure("stopped because another object was rejected")
            try:
                path = self.api.object_path(manifest, self.deadline)
                self._delete_failed_job(path, manifest)
                self.api.request("PATCH", path, self.deadline, query=query, body=manifest, content_type="application/apply-patch+yaml")
            except ApiError as error:
                if is_worth_retrying(error) or _is_about_to_exist(error):
                    return Pending(error.message)
                return (
                    self._recreate_if_lossless(path, manifest, error)
                    if error.status in {403, 422}
                    else PermanentFailure(error.message, _next_step(error))
                )
            return Ready(None)

        wait_or_raise(f"{_with_origin(manifest, self.rendered)} cannot be applied", attempt, self.deadline)

    def _delete_failed_job(self, path: str, manifest: Manifest) -> None:
        """Delete an earlier run's failed Job in a cluster that kindgate created."""
        if self.address.existing or not self.address.reused or kind_of(manifest) != "Job":
            return
        live = request_if_exists(self.api, "GET", path, self.deadline)
        if live is not None and is_failed_job(manifest, live) and _is_created_by_kindgate(live):
            self._recreate(path, live, "it failed in an earlier run")

    def _recreate_if_lossless(self, path: str, manifest: Manifest, error: ApiError) -> Pending | PermanentFailure:
        """Delete an object that cannot be changed in place; a permanent failure for other errors, or if something would be lost."""
        live = request_if_exists(self.api, "GET", path, self.deadline)
        fields = immutable_fields(error, manifest, live) if live is not None else ()
        if live is None or not fields:
            return PermanentFailure(error.message, _next_step(error))
        reason = f"{', '.join(fields)} cannot be changed in place"
        lost = loss_on_recreation(manifest, live)
        if self.address.existing:
            lost = "kindgate deletes nothing from an existing cluster during a run"
        elif not _is_created_by_kindgate(live):
            lost = "kindgate did not create it"
        if lost:
            command = deletion_command(path, manifest, live, self.rendered.objects, self.address)
            return PermanentFailure(f"{reason}, but {lost}", f"delete it and rerun: {command}")
        self._recreate(path, live, reason)
        return Pending(reason)

    def _recreate(self, path: str, live: Manifest, reason: str) -> None:
        recreate(self.api, path, live, self.deadline)
        self.progress(f"recreating {ObjectRef.of(live)}: {reason}")


def _is_created_by_kindgate(live: Manifest) -> bool:
    return RUN_LABEL in (live["metadata"].get("labels") or {})


def _with_origin(manifest: Manifest, rendered: Rendered) -> str:
    ref = ObjectRef.of(manifest)
    origin = rendered.origins.get(ref)
    return f"{ref} ({origin})" if origin else str(ref)


def _is_about_to_exist(error: ApiError) -> bool:
    """Return whether the cluster is about to create what is missing: a new CRD's resource, or the default ServiceAccount."""
    if error.status == 404:
        return "the cluster does not know" in error.message or "page not found" in error.message or "could not find" in error.message
    return error.status == 403 and "error looking up service account" in error.message


def _next_step(error: ApiError) -> str:
    if error.reason == "Conflict":
        return "another field manager owns these fields: remove them from the manifest, or let their owner set them"
    if "admission webhook" in error.message or "violates PodSecurity" in error.message:
        return "a cluster policy rejects the object: change the manifest or the policy"
    if "is being terminated" in error.message:
        return "wait until the namespace is deleted, or use another one"
    return ""


def _is_allowed_in_existing(api: Api, manifest: Manifest, rendered: Rendered, deadline: Deadline) -> bool:
    """Return whether the object is namespaced. Raises `DeployError` if its namespace does not exist."""
    described = _with_origin(manifest, rendered)
    if not retried(lambda: api.is_namespaced(manifest, deadline), f"{described} cannot be applied", deadline):
        return False
    namespace = ObjectRef.of(manifest).namespace or "default"
    if request_if_exists(api, "GET", f"/api/v1/namespaces/{namespace}", deadline) is None:
        raise DeployError(
            f"{described}: the existing cluster has no namespace {namespace}",
            next_step=f"run `kubectl create namespace {namespace}`: kindgate creates no cluster-scoped objects in an existing cluster",
        )
    return True


def _refuse_foreign(api: Api, manifest: Manifest, run: str, deadline: Deadline) -> None:
    ref = ObjectRef.of(manifest)
    live = request_if_exists(api, "GET", api.object_path(manifest, deadline), deadline)
    owner = ((live or {}).get("metadata", {}).get("labels") or {}).get(RUN_LABEL)
    if live is not None and owner != run:
        ownership = f"belongs to run {owner}" if owner else "was not created by kindgate"
        raise DeployError(f"{ref} already exists in the cluster and {ownership}", next_step="use another namespace, or delete the object")
