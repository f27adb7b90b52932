"""An application under `--app-pod-security=baseline`: what is rejected in addition to its pods, and the label that enforces the level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate import assets
from kindgate.deploy.confinement import RESERVED, confinement_findings, with_enforcement
from kindgate.deploy.pod_security import ENFORCE_LABEL
from kindgate.model import ObjectRef
from tests.unit.deploy.objects import Object, deployment, ingress, manifest, rendered, service
from tests.unit.deploy.pods import REJECTED_PODS

RBAC = "rbac.authorization.k8s.io/v1"
NAMESPACE = manifest("Namespace", "shop", namespace="")


def findings(*objects: Object) -> list[str]:
    """Return the location of every rejected field."""
    return [finding.path for finding in confinement_findings((rendered(NAMESPACE, *objects),))]


def role(*rules: dict[str, list[str]], kind: str = "Role", name: str = "ours", **more: Any) -> Object:
    """A Role or ClusterRole with these rules."""
    return manifest(kind, name, namespace="shop" if kind == "Role" else "", api_version=RBAC, rules=list(rules), **more)


def rule(verbs: str, resources: str) -> dict[str, list[str]]:
    """A rule for resources of the core group."""
    return {"apiGroups": [""], "verbs": verbs.split(), "resources": resources.split()}


def binding(kind: str, role_kind: str = "ClusterRole", name: str = "ours") -> Object:
    """A binding for the application's service account."""
    subjects = [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name}
    return manifest(kind, "ours", namespace="shop" if kind == "RoleBinding" else "", api_version=RBAC, subjects=subjects, roleRef=reference)


def test_an_ordinary_application_is_allowed() -> None:
    """Rights in the application's own namespace and read access to non-secret objects elsewhere are allowed."""
    own_role = role(rule("get list watch create delete", "pods configmaps secrets pods/exec"))
    reader = role(rule("get list watch", "nodes namespaces pods"), kind="ClusterRole", name="reader")
    bindings = (binding("RoleBinding", "Role"), binding("ClusterRoleBinding", name="reader"), binding("RoleBinding", name="edit"))

    assert findings(deployment(), service(), ingress(), own_role, reader, *bindings) == []


def test_a_pod_that_mounts_the_node_is_rejected_with_file_and_field() -> None:
    """A pod that mounts the node could change the run's own results."""
    item = deployment()
    item["spec"]["template"]["spec"] |= REJECTED_PODS["hostPath"]

    (finding,) = confinement_findings((rendered(NAMESPACE, item),))

    assert (finding.file, finding.level) == ("app/web.yaml", "error")
    assert str(finding).count("hostPath") == 1


@pytest.mark.parametrize(
    "item",
    [
        manifest("PersistentVolume", "node", namespace="", spec={"hostPath": {"path": "/"}}),
        manifest("StorageClass", "ours", namespace="", api_version="storage.k8s.io/v1"),
        manifest("MutatingWebhookConfiguration", "ours", namespace="", api_version="admissionregistration.k8s.io/v1"),
        manifest("ValidatingAdmissionPolicyBinding", "ours", namespace="", api_version="admissionregistration.k8s.io/v1"),
        manifest("APIService", "v1.ours", namespace="", api_version="apiregistration.k8s.io/v1"),
        manifest("Namespace", "weak", namespace="") | {"metadata": {"name": "weak", "labels": {ENFORCE_LABEL: "privileged"}}},
        manifest("Namespace", "kube-system", namespace=""),
        manifest("ConfigMap", "coredns", namespace="kube-system"),
        deployment(namespace="ingress"),
    ],
    ids=lambda item: f"{item['kind']} {item['metadata']['name']}",
)
def test_objects_outside_the_applications_namespaces_are_rejected(item: Object) -> None:
    """A volume on the node, a webhook that changes other pods and a namespace without the level are rejected."""
    assert len(findings(item)) == 1


@pytest.mark.parametrize(
    "objects",
    [
        [role(rule("*", "pods"))],
        [role(rule("escalate", "roles"))],
        [role(rule("impersonate", "users"), kind="ClusterRole")],
        [role(rule("update", "*"))],
        [role(rule("patch", "namespaces"))],
        [role(kind="ClusterRole", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]})],
        [binding("ClusterRoleBinding", name="cluster-admin")],
        [binding("ClusterRoleBinding", name="edit")],
        [binding("RoleBinding", name="cluster-admin")],
        [binding("RoleBinding", "Role", name="missing")],
        [role(rule("create", "pods"), kind="ClusterRole"), binding("ClusterRoleBinding")],
        [role(rule("get", "secrets"), kind="ClusterRole"), binding("ClusterRoleBinding")],
        [role(rule("get", "pods/exec"), kind="ClusterRole"), binding("ClusterRoleBinding")],
        [role(rule("get", "nodes/proxy"), kind="ClusterRole"), binding("ClusterRoleBinding")],
        [role(rule("get list", "*"), kind="ClusterRole"), binding("ClusterRoleBinding")],
    ],
    ids=str,
)
def test_permissions_that_could_weaken_the_level_are_rejected(objects: list[Object]) -> None:
    """Rights over namespaces, other pods or RBAC itself are rejected."""
    assert len(findings(*objects)) == 1


def test_the_namespaces_of_all_bundled_components_are_reserved() -> None:
    """Component namespaces are reserved: they run privileged pods and have no level."""
    files = assets.manifests().glob("components/*/*.yaml")
    bundled_namespaces = {item["metadata"]["name"] for file in files for item in documents(file) if item.get("kind") == "Namespace"}

    assert bundled_namespaces
    assert bundled_namespaces <= RESERVED


def documents(file: Path) -> list[dict[str, Any]]:
    """Return the objects of a file."""
    return [item for item in yaml.safe_load_all(file.read_text()) if item]


def test_only_the_applications_namespaces_get_the_enforcement_label() -> None:
    """A stricter level is kept; the namespace `default`, which is in no manifest, is labeled too."""
    strong = manifest("Namespace", "strong", namespace="") | {"metadata": {"name": "strong", "labels": {ENFORCE_LABEL: "restricted"}}}
    own = manifest("Namespace", "ingress", namespace="")
    part = with_enforcement(rendered(NAMESPACE, strong, own, deployment(namespace="default")), {ObjectRef.of(own)})

    levels = {item["metadata"]["name"]: item["metadata"].get("labels", {}).get(ENFORCE_LABEL) for item in part.of_kind("Namespace")}
    assert levels == {"shop": "baseline", "strong": "restricted", "ingress": None, "default": "baseline"}


def test_kindgates_own_objects_are_exempt() -> None:
    """The bundled ingress controller is exempt: it uses ports of the node."""
    item = deployment("traefik", namespace="ingress")
    item["spec"]["template"]["spec"] |= {"hostNetwork": True}

    assert confinement_findings((rendered(item),), {ObjectRef.of(item)}) == []
    assert len(confinement_findings((rendered(item),))) == 2
