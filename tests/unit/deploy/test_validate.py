"""Findings of validation before a cluster exists, and valid manifests that have none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kindgate.deploy.manifest_findings import Finding, with_strict_policy
from kindgate.deploy.validate import raise_for_errors, validate
from kindgate.errors import ManifestError
from kindgate.model import ObjectRef, Rendered
from tests.unit.deploy.objects import deployment, ingress, manifest, rendered, service

NAMESPACE = manifest("Namespace", "shop", namespace="")
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def messages(*objects: dict[str, Any], level: str = "error", **options: Any) -> list[str]:
    """Return the findings about objects in the namespace shop, without file and object."""
    findings = validate(rendered(NAMESPACE, *objects), **options)
    return [f"{finding.path}: {finding.message}" for finding in findings if finding.level == level]


def with_pod(**spec: Any) -> dict[str, Any]:
    """The Deployment with extra fields in its pod spec."""
    item = deployment()
    item["spec"]["template"]["spec"] |= spec
    return item


def test_a_sound_application_has_no_findings() -> None:
    """A matching Deployment, Service, Ingress and PodDisruptionBudget have no findings."""
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    all_objects = (deployment(), service(), ingress(), manifest("PodDisruptionBudget", "web", api_version="policy/v1", spec=budget))
    assert validate(rendered(NAMESPACE, *all_objects)) == ()


def test_an_unknown_field_is_named_with_file_and_place() -> None:
    """A misspelled field would otherwise be dropped silently."""
    item = deployment(container={"imagePulPolicy": "Always"})
    (finding,) = validate(rendered(NAMESPACE, item))
    assert str(finding).startswith("app/web.yaml: Deployment shop/web: spec.template.spec.containers[0]: unknown field")
    assert "imagePulPolicy" in finding.message


def test_a_wrong_type_is_found() -> None:
    """Types are checked against the schema of the cluster's Kubernetes version."""
    item = deployment()
    item["spec"]["replicas"] = "two"
    assert any("spec.replicas" in line and "'two'" in line for line in messages(item))


def test_a_missing_field_is_found() -> None:
    """A Deployment without a template is an error."""
    item = deployment()
    del item["spec"]["template"]
    assert messages(item) == ["spec: 'template' is a required property"]


def test_a_removed_api_version_is_found() -> None:
    """The cluster's version decides which API versions exist."""
    old = manifest("PodDisruptionBudget", "web", api_version="policy/v1beta1", spec={})
    assert messages(old) == ["kind: Kubernetes 1.37 has no policy/v1beta1 PodDisruptionBudget, and its CRD was not found in the manifests"]


@pytest.mark.parametrize("version", ["v1.37.2", "1.99", "1.30"])
def test_any_version_is_judged_by_the_nearest_schema(version: str) -> None:
    """A cluster version without a bundled schema is checked against the nearest one."""
    assert messages(deployment(), version=version) == []


def test_duplicates_are_found() -> None:
    """The second object would silently replace the first."""
    assert messages(deployment(), deployment()) == [": defined twice"]


def test_the_same_name_in_another_group_or_namespace_is_no_duplicate() -> None:
    """Objects are identified by group, kind, namespace and name."""
    assert messages(service(), service(namespace="default"), deployment(), deployment(namespace="default")) == []


def test_a_missing_namespace_is_found() -> None:
    """A missing namespace is an error unless every cluster has it or a prerequisite creates it."""
    other = manifest("ConfigMap", "c", namespace="other")
    assert messages(other) == ["metadata.namespace: namespace other was not found in the manifests"]
    assert messages(manifest("ConfigMap", "c", namespace="kube-system")) == []
    assert messages(other, provided=[rendered(manifest("Namespace", "other", namespace=""))]) == []


def test_a_custom_resource_needs_its_definition() -> None:
    """The CustomResourceDefinition can be in the overlay or in the prerequisites."""
    names = {"kind": "Widget", "plural": "widgets"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    crd_spec = {"group": "example.dev", "scope": "Namespaced", "names": names, "versions": [version]}
    definition = manifest(
        "CustomResourceDefinition", "widgets.example.dev", namespace="", api_version="apiextensions.k8s.io/v1", spec=crd_spec
    )
    widget = manifest("Widget", "w", api_version="example.dev/v1")
    assert messages(widget) == ["kind: Kubernetes 1.37 has no example.dev/v1 Widget, and its CRD was not found in the manifests"]
    assert messages(definition, widget) == []
    assert messages(widget, provided=[rendered(definition)]) == []


@pytest.mark.parametrize(
    ("group", "kind", "component"),
    [("gateway.networking.k8s.io", "HTTPRoute", "gateway-api"), ("traefik.io", "IngressRoute", "traefik-crds")],
)
def test_an_unknown_kind_names_the_component_that_provides_it(group: str, kind: str, component: str) -> None:
    """The finding names the --app-component argument that is missing."""
    (message,) = messages({**manifest(kind, "route"), "apiVersion": f"{group}/v1"})

    assert message.endswith(f"its CRD was not found in the manifests (--app-component {component} provides it)")


@pytest.mark.parametrize(
    ("resources", "missing"),
    [
        ({}, ["requests.cpu", "requests.memory", "limits.memory", "limits.cpu"]),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, []),
        ({"requests": {"cpu": "1", "memory": "1Gi"}}, ["limits.memory", "limits.cpu"]),
    ],
    ids=["none", "limits-only", "requests-only"],
)
def test_missing_requests_and_limits_are_warnings(resources: dict[str, Any], missing: list[str]) -> None:
    """Kubernetes accepts missing requests and limits; as in the API server, a limit is also the request."""
    item = deployment(container={"resources": resources})
    assert messages(item) == []
    assert [line.split(": ", 1)[0].rpartition("resources.")[2] for line in messages(item, level="warning")] == missing


@pytest.mark.parametrize(
    ("limits", "missing"),
    [
        ({"default": {"cpu": "1", "memory": "1Gi"}}, []),
        ({"max": {"cpu": "1", "memory": "1Gi"}}, []),
        ({"defaultRequest": {"cpu": "1", "memory": "1Gi"}}, ["limits.memory", "limits.cpu"]),
        ({"type": "Pod", "max": {"cpu": "1", "memory": "1Gi"}}, ["requests.cpu", "requests.memory", "limits.memory", "limits.cpu"]),
    ],
    ids=["default", "max", "requests", "of-pods"],
)
def test_a_limit_range_supplies_missing_requests_and_limits(limits: dict[str, Any], missing: list[str]) -> None:
    """The API server applies the LimitRange to pods of its own namespace only."""
    ranged = manifest("LimitRange", "defaults", spec={"limits": [{"type": "Container", **limits}]})
    item = deployment(container={"resources": {}})
    lines = messages(item, ranged, level="warning")
    assert [line.split(": ", 1)[0].rpartition("resources.")[2] for line in lines] == missing
    elsewhere = manifest("LimitRange", "defaults", namespace="default", spec=ranged["spec"])
    assert len(messages(item, elsewhere, level="warning")) == 4


def test_policy_findings_are_errors_in_strict_mode() -> None:
    """By default, everything that a cluster accepts is accepted."""
    findings = validate(rendered(NAMESPACE, deployment(container={"resources": {}, "image": "web"})))
    assert {finding.level for finding in findings} == {"warning"}
    assert {finding.level for finding in with_strict_policy(findings)} == {"error"}


def test_a_missing_readiness_probe_is_a_warning() -> None:
    """Only containers that serve need a readiness probe; init containers have none."""
    item = deployment()
    del item["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    (line,) = messages(item, level="warning")
    assert line.startswith("spec.template.spec.containers[0]: container web: no readiness probe")


@pytest.mark.parametrize(
    ("container", "level", "fragment"),
    [
        ({"image": "web"}, "warning", "is not pinned to a version"),
        ({"image": "web:latest"}, "warning", "web:latest is not pinned to a version"),
        ({"image": "Web:1"}, "error", "is not an image reference"),
        ({"image": ""}, "error", "no image"),
    ],
    ids=["no-tag", "latest", "malformed", "empty"],
)
def test_floating_and_malformed_images_are_found(container: dict[str, str], level: str, fragment: str) -> None:
    """A floating tag is a policy finding; a malformed reference is an error."""
    (line,) = messages(deployment(container=container), level=level)
    assert ".image: " in line
    assert fragment in line


def test_init_containers_and_cron_jobs_are_checked() -> None:
    """Pods are found wherever a kind keeps its pod template."""
    item = with_pod(initContainers=[{"name": "prepare", "image": "prepare"}])
    job = {
        "schedule": "0 0 * * *",
        "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "tidy"}]}}}},
    }
    cron = manifest("CronJob", "tidy", api_version="batch/v1", spec=job)
    lines = messages(item, cron, level="warning")
    assert any(line.startswith("spec.template.spec.initContainers[0].image: ") for line in lines)
    assert any(line.startswith("spec.jobTemplate.spec.template.spec.containers[0].resources.requests.cpu: ") for line in lines)


def test_the_pods_of_a_custom_resource_are_checked() -> None:
    """A Service can select the pods of an Argo Rollout like those of a Deployment."""
    rollout = {**deployment(), "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    assert messages(service(), rollout, level="warning") == []


def test_a_kind_of_another_group_is_not_a_kubernetes_kind() -> None:
    """Kinds are identified by group and name: a Volcano Job is not a Kubernetes Job."""
    names = {"kind": "Job", "plural": "jobs"}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": OPEN}}
    spec = {"group": "batch.volcano.sh", "scope": "Namespaced", "names": names, "versions": [version]}
    crd = manifest("CustomResourceDefinition", "jobs.batch.volcano.sh", namespace="", api_version="apiextensions.k8s.io/v1", spec=spec)
    job = manifest("Job", "train", api_version="batch.volcano.sh/v1alpha1", spec={"tasks": [], "schedulerName": "volcano"})
    assert messages(crd, job) == []
    assert messages(job) == ["kind: Kubernetes 1.37 has no batch.volcano.sh/v1alpha1 Job, and its CRD was not found in the manifests"]


ENV = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
OPTIONAL = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}}
PROJECTED = {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}, {"secret": {"name": "s"}}]}
POD = "spec.template.spec"
BACKEND = "spec.rules[0].http.paths[0].backend.service"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            with_pod(serviceAccountName="robot"),
            f"{POD}.serviceAccountName: ServiceAccount shop/robot was not found in the manifests: the pod cannot start",
        ),
        (with_pod(imagePullSecrets=[{"name": "s"}]), ""),
        (
            with_pod(volumes=[{"name": "v", "secret": {"secretName": "s"}}]),
            f"{POD}.volumes[0].secret: Secret shop/s was not found in the manifests: the pod cannot start",
        ),
        (
            with_pod(volumes=[{"name": "v", "configMap": {"name": "c"}}]),
            f"{POD}.volumes[0].configMap: ConfigMap shop/c was not found in the manifests: the pod cannot start",
        ),
        (
            with_pod(volumes=[{"name": "v", "projected": PROJECTED}]),
            f"{POD}.volumes[0].projected.sources[1].secret: Secret shop/s was not found in the manifests: the pod cannot start",
        ),
        (
            with_pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]),
            f"{POD}.volumes[0].persistentVolumeClaim: PersistentVolumeClaim shop/data was not found in the manifests: the pod cannot start",
        ),
        (
            deployment(container={"env": [ENV]}),
            f"{POD}.containers[0].env[0]: Secret shop/s was not found in the manifests: the pod cannot start",
        ),
        (
            deployment(container={"envFrom": [{"configMapRef": {"name": "c"}}]}),
            f"{POD}.containers[0].envFrom[0]: ConfigMap shop/c was not found in the manifests: the pod cannot start",
        ),
        (deployment(container={"env": [OPTIONAL]}), ""),
        (with_pod(serviceAccountName="default"), ""),
    ],
    ids=["account", "pull-secret", "secret", "configmap", "projected", "claim", "env", "env-from", "optional", "default-account"],
)
def test_a_pods_missing_dependency_is_an_error(item: dict[str, Any], expected: str) -> None:
    """A pod with a missing reference would stay in ContainerCreating until the deadline; an empty expectation means nothing is missing."""
    assert messages(item) == ([expected] if expected else [])


def test_a_provided_secret_satisfies_references() -> None:
    """The Secret can be in the overlay or in the prerequisites."""
    secret = manifest("Secret", "s", stringData={"k": "v"})
    assert messages(deployment(container={"env": [ENV]}), secret) == []
    other_key = manifest("Secret", "s", stringData={"other": "v"})
    assert messages(deployment(container={"env": [ENV]}), other_key) == [
        f"{POD}.containers[0].env[0]: Secret shop/s has no key k (its keys: other): the pod cannot start"
    ]
    assert messages(deployment(container={"env": [ENV]}), provided=[rendered(secret)]) == []


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        (
            [ingress(backend="web")],
            f"{BACKEND}.name: Service shop/web was not found in the manifests: requests for it cannot be answered",
        ),
        (
            [deployment(), service(ports=[{"name": "grpc", "port": 80, "targetPort": "http"}]), ingress()],
            "spec.rules[0].http.paths[0].backend.service.port: Service shop/web has no port http: requests for it cannot be answered",
        ),
        ([service()], "spec.selector: no pod of namespace shop in the manifests has the labels app=web"),
        (
            [deployment(), service(ports=[{"port": 80, "targetPort": "web"}])],
            "spec.ports[0].targetPort: no container that the Service selects has a port named web",
        ),
        (
            [deployment(), service(), ingress(ingressClassName="traefik")],
            "spec.ingressClassName: IngressClass traefik was not found in the manifests",
        ),
        (
            [deployment(), service(), ingress(tls=[{"hosts": ["a"], "secretName": "cert"}])],
            "spec.tls[0].secretName: Secret shop/cert was not found in the manifests",
        ),
    ],
    ids=["backend", "backend-port", "selector", "target-port", "class", "tls"],
)
def test_routes_that_lead_nowhere_are_warnings(objects: list[dict[str, Any]], expected: str) -> None:
    """The API server accepts these routes, but requests get a 404 or 503."""
    assert messages(*objects) == []
    assert messages(*objects, level="warning") == [expected]


def test_a_selector_that_misses_its_own_pods_is_found() -> None:
    """The API server would reject the selector; validation reports it before a cluster exists."""
    item = deployment()
    item["spec"]["selector"]["matchLabels"] = {"app": "other"}
    assert messages(item) == ["spec.selector.matchLabels: selects pods with labels app=other, but the template has labels app=web"]


def test_an_autoscaler_needs_its_target() -> None:
    """An autoscaler without a target is accepted, but never scales."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = manifest("HorizontalPodAutoscaler", "web", api_version="autoscaling/v2", spec={"maxReplicas": 3, "scaleTargetRef": target})
    assert messages(scaler, level="warning") == ["spec.scaleTargetRef: Deployment shop/web was not found in the manifests"]
    assert messages(scaler, deployment(), level="warning") == []


def test_missing_objects_are_warnings_in_an_existing_cluster() -> None:
    """On an existing cluster a missing reference is a warning; an invalid object is still an error."""
    objects = (deployment(container={"env": [ENV]}), manifest("Widget", "w", api_version="example.dev/v1"))
    assert messages(*objects, existing=True) == []
    assert len(messages(*objects, existing=True, level="warning")) == 2
    assert len(messages(deployment(container={"image": "Web"}), existing=True)) == 1


def finding(name: str, level: str = "error") -> Finding:
    """A finding about a Deployment."""
    return Finding(f"{name}.yaml", ObjectRef("Deployment", "shop", name), "spec", "wrong", "error" if level == "error" else "warning")


def test_refusal_lists_every_error() -> None:
    """The message is one line, followed by all errors."""
    with pytest.raises(ManifestError) as caught:
        raise_for_errors([finding("a"), finding("b", "warning"), finding("c")])
    assert caught.value.message == "a.yaml: Deployment shop/a: spec: wrong (and 1 more)"
    assert "c.yaml" in caught.value.last_state
    assert "b.yaml" not in caught.value.last_state


def test_warnings_do_not_fail_validation() -> None:
    """Warnings are only reported."""
    raise_for_errors([finding("a", "warning")])


def test_the_overlay_is_reported_for_an_unknown_file() -> None:
    """A finding without a known file names the overlay."""
    bare: Rendered = replace(rendered(deployment()), origins={})
    assert {findings.file for findings in validate(bare)} == {"app"}


def custom_resource(schema: dict[str, Any], **fields: Any) -> list[str]:
    """Return the errors about a Widget with `fields` under a CRD with `schema`."""
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Widget", "plural": "widgets"}
    spec = {"group": "example.dev", "scope": "Namespaced", "names": names, "versions": [version]}
    crd = manifest("CustomResourceDefinition", "widgets.example.dev", namespace="", api_version="apiextensions.k8s.io/v1", spec=spec)
    return messages(crd, manifest("Widget", "w", api_version="example.dev/v1", **fields))


SIZE = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]}}}
PORT = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"port": {"x-kubernetes-int-or-string": True}}}}}
EMBEDDED = {"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {}}}}


@pytest.mark.parametrize(
    ("schema", "spec", "fragment"),
    [
        (SIZE, {"size": 3}, ""),
        (SIZE, {"size": "3"}, "'3' is not of type 'integer'"),
        (SIZE, {}, "'size' is a required property"),
        (SIZE, {"size": 3, "colour": "red"}, "unknown field"),
        (PORT, {"port": 80}, ""),
        (PORT, {"port": "http"}, ""),
        (PORT, {"port": [1]}, "is not"),
        (EMBEDDED, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}, ""),
        (OPEN, {"anything": {"goes": [1]}}, ""),
    ],
    ids=["valid", "type", "required", "unknown", "int", "string", "neither", "embedded", "open"],
)
def test_a_custom_resource_is_validated_by_its_crd(schema: dict[str, Any], spec: dict[str, Any], fragment: str) -> None:
    """A custom resource is checked against its CRD, as the API server does with strict field validation."""
    lines = custom_resource(schema, spec=spec)
    assert len(lines) == bool(fragment)
    assert all(fragment in line for line in lines)


def test_a_version_that_its_crd_does_not_serve_is_unknown() -> None:
    """The API server has no resource for a version that the CRD does not serve."""
    names = {"kind": "Widget", "plural": "widgets"}
    old = {"name": "v1", "served": False, "storage": True, "schema": {"openAPIV3Schema": OPEN}}
    spec = {"group": "example.dev", "scope": "Namespaced", "names": names, "versions": [old]}
    crd = manifest("CustomResourceDefinition", "widgets.example.dev", namespace="", api_version="apiextensions.k8s.io/v1", spec=spec)
    (line,) = messages(crd, manifest("Widget", "w", api_version="example.dev/v1"))
    assert line.startswith("kind: ")
