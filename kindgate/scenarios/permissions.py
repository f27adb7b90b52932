"""What the application's service accounts may do beyond least privilege, according to the API server's own authorizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kindgate.cluster.api_client import Api
from kindgate.cluster.api_retry import retried
from kindgate.model import Manifest, ObjectRef
from kindgate.pod_templates import pod_templates
from kindgate.slo.policy_judge import PolicyResult
from kindgate.waiting import Deadline

REVIEW_SECONDS = 60.0

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

REQUIREMENT = "service accounts have no wildcard permission, and cannot read Secrets or create pods"


@dataclass(frozen=True)
class Power:
    """A permission that gives more than an application should need: `verb` on `resource` of an API `group`; `*` is all."""

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        """`get secrets`, `* pods`, `anything`."""
        return "do anything" if (self.verb, self.resource) == ("*", "*") else f"{self.verb} {self.resource}"


POWERS = (
    Power("*", "*", "*"),
    Power("get", "", "secrets"),
    Power("list", "", "secrets"),
    Power("create", "", "pods"),
    Power("create", "", "pods/exec"),
    Power("impersonate", "", "serviceaccounts"),
    *(Power("*", group, resource) for group, resource in (("", "pods"), ("", "configmaps"), ("apps", "deployments"))),
    Power("escalate", "rbac.authorization.k8s.io", "roles"),
)
"""What is asked for each account, in its namespace; a wildcard verb is granted only by a wildcard."""


def accounts_of(objects: Iterable[Manifest]) -> tuple[ObjectRef, ...]:
    """The service accounts that the pods of `objects` run as, sorted."""
    found = {
        ObjectRef("ServiceAccount", ref.namespace, str(template.spec.get("serviceAccountName") or "default"))
        for item in objects
        if (ref := ObjectRef.of(item)).namespace
        for template in pod_templates(item)
    }
    return tuple(sorted(found))


def powers_of(api: Api, account: ObjectRef) -> tuple[Power, ...]:
    """Which of `POWERS` an account has in its namespace; raises `DeployError`."""
    deadline = Deadline.after(REVIEW_SECONDS)
    granted = [power for power in POWERS if _is_granted(api, account, power, deadline)]
    return tuple(granted[:1]) if POWERS[0] in granted else tuple(granted)


def judge_permissions(powers: Mapping[ObjectRef, Iterable[Power]], base: Mapping[ObjectRef, Iterable[Power]] | None = None) -> PolicyResult:
    """The result for accounts with these powers; with `base`, those that the account of the same name had there are no miss."""
    before = {(ref.name, power) for ref, owned in (base or {}).items() for power in owned}
    new = {ref: [power for power in owned if (ref.name, power) not in before] for ref, owned in powers.items()}
    missed = tuple(f"{ref} may {', '.join(map(str, owned))}" for ref, owned in new.items() if owned)
    requirement = REQUIREMENT if base is None else f"{REQUIREMENT}, unless they do on the base"
    return PolicyResult(requirement, "service account", len(powers), missed, (), len(missed))


def _is_granted(api: Api, account: ObjectRef, power: Power, deadline: Deadline) -> bool:
    body = review(account, power)
    answer = retried(lambda: api.request("POST", REVIEWS, deadline, body=body), f"the permissions of {account} are unknown", deadline)
    return bool((answer.get("status") or {}).get("allowed"))


def review(account: ObjectRef, power: Power) -> dict[str, Any]:
    """The question whether an account may do something in its namespace."""
    resource, _, subresource = power.resource.partition("/")
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{account.namespace}:{account.name}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{account.namespace}", "system:authenticated"],
            "resourceAttributes": {
                "namespace": account.namespace,
                "verb": power.verb,
                "group": power.group,
                "resource": resource,
                **({"subresource": subresource} if subresource else {}),
            },
        },
    }
