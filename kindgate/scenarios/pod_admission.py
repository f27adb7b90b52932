"""Which of the application's pods Pod Security would refuse: created as a dry run in a namespace that enforces a level."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from kindgate.cluster.api_client import Api, is_worth_retrying
from kindgate.cluster.api_retry import request_if_exists, retried
from kindgate.deploy.pod_security import ENFORCE_LABEL
from kindgate.errors import ApiError, ScenarioError
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.pod_templates import PodTemplate, pod_templates
from kindgate.process import ProcessName
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.undo import undone_afterward
from kindgate.scenarios.undo_journal import UndoRecord
from kindgate.slo.policy_judge import PolicyResult
from kindgate.waiting import Deadline, Pending, Ready, wait_for

Level = Literal["baseline", "restricted"]

TRIAL_SECONDS = 60.0

_VIOLATIONS = re.compile(r'violates PodSecurity "[^"]*": (.*)', re.DOTALL)

_OF_A_NAMESPACE = frozenset({"serviceAccountName", "serviceAccount", "nodeName"})
"""Fields that name objects of a pod's own namespace, or bind it to a node; Pod Security does not look at them."""


@contextmanager
def trial_namespace(api: Api, address: ClusterAddress, kubectl: Path, labels: Mapping[str, str]) -> Iterator[str]:
    """Create a namespace for dry runs, and delete it afterward, also if this process is killed in the block.

    Raises `ScenarioError` if it cannot be deleted, and `KindgateError` if it cannot be used.
    """
    deadline = Deadline.after(TRIAL_SECONDS)
    name = f"kindgate-trial-{secrets.token_hex(3)}"
    record = UndoRecord(
        episode=name,
        what="policy: a namespace for dry runs",
        cluster=address.name,
        existing=address.existing,
        kubectl=kubectl,
        kubeconfig=address.kubeconfig,
        context=address.context,
        process=ProcessName.current(),
        steps=(UndoStep(("delete", "namespace", name, "--ignore-not-found", "--wait=false")),),
    )
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
    with undone_afterward(record) as undo:
        retried(lambda: api.request("POST", "/api/v1/namespaces", deadline, body=body), f"namespace {name} cannot be created", deadline)

        def probe() -> Ready[None] | Pending:
            account = request_if_exists(api, "GET", f"/api/v1/namespaces/{name}/serviceaccounts/default", deadline)
            return Ready(None) if account is not None else Pending("it has no service account `default`")

        wait_for(f"namespace {name} to accept pods", probe, deadline)
        yield name
    if undo.error:
        raise ScenarioError(f"namespace {name} is not deleted", last_state=undo.error, next_step="run `kindgate scenario undo`")


def try_pods(api: Api, address: ClusterAddress, kubectl: Path, objects: Iterable[Manifest], level: Level) -> PolicyResult:
    """The result for the pods that `objects` create, at a level of Pod Security; nothing is created but an empty namespace."""
    missed, unknown, judged = [], [], 0
    with trial_namespace(api, address, kubectl, {ENFORCE_LABEL: level}) as namespace:
        for workload, template in ((item, template) for item in objects for template in pod_templates(item)):
            ref = ObjectRef.of(workload)
            judged += 1
            message = dry_run(api, trial_pod(template, namespace, claims_of(workload)))
            violations = violations_in(message)
            if violations:
                missed.append(f"{ref}: {violations}")
            elif message:
                unknown.append(f"{ref}: {message}")
    return PolicyResult(f"Pod Security {level} admits the pods", "pod", judged, tuple(missed), tuple(unknown), len(missed))


def claims_of(item: Manifest) -> tuple[str, ...]:
    """The volumes that a StatefulSet's controller adds to its pods, by name."""
    return tuple(claim["metadata"]["name"] for claim in (item.get("spec") or {}).get("volumeClaimTemplates") or ())


def trial_pod(template: PodTemplate, namespace: str, claims: Iterable[str] = ()) -> dict[str, Any]:
    """A pod of the template with volumes for `claims`, without what only the namespace of its workload has."""
    spec = {key: value for key, value in template.spec.items() if key not in _OF_A_NAMESPACE}
    added = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "trial",
            "namespace": namespace,
            "labels": dict(template.labels),
            "annotations": dict(template.annotations),
        },
        "spec": {**spec, "volumes": [*(spec.get("volumes") or ()), *added]} if added else spec,
    }


def dry_run(api: Api, item: Manifest) -> str:
    """The API server's objection to creating an object, which it does not do; empty if it admits it. Raises `DeployError`."""
    deadline = Deadline.after(TRIAL_SECONDS)

    def send() -> str:
        try:
            path = api.object_path(item, deadline).rpartition("/")[0]
            api.request("POST", path, deadline, query=[("dryRun", "All")], body=item)
        except ApiError as error:
            if is_worth_retrying(error):
                raise
            return error.message
        return ""

    return retried(send, f"{ObjectRef.of(item)} cannot be tried", deadline)


def violations_in(message: str) -> str:
    """What Pod Security objects to; empty if the message is not its."""
    match = _VIOLATIONS.search(message)
    return match[1] if match is not None else ""
