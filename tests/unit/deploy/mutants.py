"""Small mutations of a valid application; tests/e2e/test_oracle.py checks each against a real API server.

A mutation is an object kind, a field path in that object and the value put there (`DELETE` removes the field).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.unit.deploy.objects import Object, deployment, ingress, manifest, service

DELETE = object()
CONTAINER = "spec.template.spec.containers.0"
INGRESS_PATH = "spec.rules.0.http.paths.0"


@dataclass(frozen=True)
class Mutant:
    """One mutation: whether the API server rejects it, and whether it leaves a pod unable to start (`dangling`)."""

    name: str
    kind: str
    path: str
    value: Any
    rejected: bool
    dangling: bool = False


def sound_application() -> list[Object]:
    """Return one object of each mutated kind; the API server accepts them all."""
    env = [{"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}}]
    mounts = [{"name": "data", "mountPath": "/data"}]
    job_pod = {"restartPolicy": "Never", "containers": [{"name": "tidy", "image": "example/web:1.0"}]}
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    web = deployment(container={"env": env, "volumeMounts": mounts})
    web["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return [
        web,
        service(),
        ingress(),
        manifest("ConfigMap", "settings", data={"colour": "red"}),
        manifest("Secret", "token", data={"key": "dmFsdWU="}),
        manifest(
            "CronJob",
            "tidy",
            api_version="batch/v1",
            spec={"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": {"spec": job_pod}}}},
        ),
        manifest("PodDisruptionBudget", "web", api_version="policy/v1", spec=budget),
        manifest("HorizontalPodAutoscaler", "web", api_version="autoscaling/v2", spec={"maxReplicas": 3, "scaleTargetRef": target}),
        manifest("PersistentVolumeClaim", "data", spec=claim),
    ]


def rejected(name: str, kind: str, path: str, value: Any) -> Mutant:
    """Build a mutation that the API server rejects."""
    return Mutant(name, kind, path, value, rejected=True)


def accepted(name: str, kind: str, path: str, value: Any, *, dangling: bool = False) -> Mutant:
    """Build a mutation that the API server accepts."""
    return Mutant(name, kind, path, value, rejected=False, dangling=dangling)


MUTANTS = (
    rejected("selector-typo", "Deployment", "spec.selector.matchLabels", {"app": "wbe"}),
    rejected("empty-selector", "Deployment", "spec.selector", {}),
    rejected("template-label-typo", "Deployment", "spec.template.metadata.labels", {"aap": "web"}),
    rejected("unknown-field", "Deployment", "spec.replica", 2),
    rejected("unknown-container-field", "Deployment", f"{CONTAINER}.imagePulPolicy", "Always"),
    rejected("wrong-type", "Deployment", "spec.replicas", "two"),
    rejected("negative-replicas", "Deployment", "spec.replicas", -1),
    rejected("no-containers", "Deployment", "spec.template.spec.containers", []),
    rejected("no-image", "Deployment", f"{CONTAINER}.image", DELETE),
    rejected("container-name", "Deployment", f"{CONTAINER}.name", "Web_1"),
    rejected("port-out-of-range", "Deployment", f"{CONTAINER}.ports.0.containerPort", 80808),
    rejected("port-name-too-long", "Deployment", f"{CONTAINER}.ports.0.name", "http-port-of-the-web"),
    rejected("pull-policy", "Deployment", f"{CONTAINER}.imagePullPolicy", "Sometimes"),
    rejected("quantity", "Deployment", f"{CONTAINER}.resources.requests.memory", "16 MB"),
    rejected("request-over-limit", "Deployment", f"{CONTAINER}.resources.requests.cpu", "2"),
    rejected("two-handlers", "Deployment", f"{CONTAINER}.readinessProbe.tcpSocket", {"port": 8080}),
    rejected("no-handler", "Deployment", f"{CONTAINER}.readinessProbe", {"periodSeconds": 1}),
    rejected("mount-without-volume", "Deployment", f"{CONTAINER}.volumeMounts.0.name", "dta"),
    rejected("env-without-name", "Deployment", f"{CONTAINER}.env.0.name", ""),
    rejected("restart-policy", "Deployment", "spec.template.spec.restartPolicy", "Never"),
    rejected("strategy", "Deployment", "spec.strategy", {"type": "Rolling"}),
    rejected("recreate-with-rolling-update", "Deployment", "spec.strategy", {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
    rejected("object-name", "Deployment", "metadata.name", "Web_App"),
    rejected("label-value", "Deployment", "metadata.labels", {"team": "web shop"}),
    rejected("service-port-out-of-range", "Service", "spec.ports.0.port", 80000),
    rejected("service-port-type", "Service", "spec.ports.0.port", "http"),
    rejected("service-type", "Service", "spec.type", "Loadbalancer"),
    rejected("service-protocol", "Service", "spec.ports.0.protocol", "HTTP"),
    rejected("service-without-ports", "Service", "spec.ports", []),
    rejected("ports-without-names", "Service", "spec.ports", [{"port": 80}, {"port": 81}]),
    rejected("path-type", "Ingress", f"{INGRESS_PATH}.pathType", "Perfix"),
    rejected("no-path-type", "Ingress", f"{INGRESS_PATH}.pathType", DELETE),
    rejected("relative-path", "Ingress", f"{INGRESS_PATH}.path", "api"),
    rejected("host-is-an-address", "Ingress", "spec.rules.0.host", "10.0.0.1"),
    rejected("backend-with-two-ports", "Ingress", f"{INGRESS_PATH}.backend.service.port", {"name": "http", "number": 80}),
    rejected("old-backend", "Ingress", f"{INGRESS_PATH}.backend", {"serviceName": "web", "servicePort": 80}),
    rejected("config-key", "ConfigMap", "data", {"a colour": "red"}),
    rejected("config-value", "ConfigMap", "data", {"colour": 5}),
    rejected("secret-not-base64", "Secret", "data", {"key": "not base64!"}),
    rejected("tls-secret-without-keys", "Secret", "type", "kubernetes.io/tls"),
    rejected("schedule", "CronJob", "spec.schedule", "every day"),
    rejected("job-restart-policy", "CronJob", "spec.jobTemplate.spec.template.spec.restartPolicy", "Always"),
    rejected("both-budgets", "PodDisruptionBudget", "spec.maxUnavailable", 1),
    rejected("min-over-max", "HorizontalPodAutoscaler", "spec.minReplicas", 5),
    rejected("access-mode", "PersistentVolumeClaim", "spec.accessModes", ["ReadWriteMost"]),
    rejected("no-storage", "PersistentVolumeClaim", "spec.resources", DELETE),
    rejected("api-version", "Deployment", "apiVersion", "apps/v1beta1"),
    rejected("kind", "Deployment", "kind", "Deploymnet"),
    accepted("nothing", "Deployment", "metadata.labels", {"team": "web"}),
    accepted("config-map-name", "Deployment", f"{CONTAINER}.env.0.valueFrom.configMapKeyRef.name", "setings", dangling=True),
    accepted("config-map-key", "Deployment", f"{CONTAINER}.env.0.valueFrom.configMapKeyRef.key", "color", dangling=True),
    accepted("service-account", "Deployment", "spec.template.spec.serviceAccountName", "robot", dangling=True),
    accepted("service-selector", "Service", "spec.selector", {"app": "wbe"}),
    accepted("target-port", "Service", "spec.ports.0.targetPort", "htpp"),
    accepted("ingress-backend", "Ingress", f"{INGRESS_PATH}.backend.service.name", "wbe"),
    accepted("ingress-port", "Ingress", f"{INGRESS_PATH}.backend.service.port", {"number": 81}),
    accepted("no-resources", "Deployment", f"{CONTAINER}.resources", DELETE),
    accepted("latest", "Deployment", f"{CONTAINER}.image", "example/web:latest"),
    accepted("autoscaler-target", "HorizontalPodAutoscaler", "spec.scaleTargetRef.name", "wbe"),
)


def mutated(mutant: Mutant) -> tuple[list[Object], Object]:
    """Return the mutated application and the object that was mutated."""
    objects = copy.deepcopy(sound_application())
    (changed,) = [item for item in objects if item["kind"] == mutant.kind]
    *steps, last = (int(step) if step.isdigit() else step for step in mutant.path.split("."))
    node: Any = changed
    for step in steps:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
    if mutant.value is DELETE:
        del node[last]
    else:
        node[last] = mutant.value
    return objects, changed


def ids(mutants: Iterable[Mutant]) -> list[str]:
    """Return the names of the mutations as pytest ids."""
    return [mutant.name for mutant in mutants]
