"""Rules of the API server beyond its schema: those of Kubernetes' `pkg/apis/*/validation` that manifests break most often.

Each rule is a generator of pairs of path and message. The tests compare them with a real API server.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kindgate.deploy.pod_rules import pod_problems
from kindgate.deploy.value_rules import (
    NAME_RULES,
    Problem,
    choice_problems,
    dns_label_problem,
    label_problems,
    mapping,
    port_name_problem,
    port_problem,
    quantity_problem,
    sequence,
    subdomain_problem,
    unique_problems,
)
from kindgate.model import Manifest, kind_of
from kindgate.pod_templates import pod_templates

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_CRON_FIELD = re.compile(r"(\*|\?|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?(,(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?)*")
_CRON_NAMES = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_NODE_PORTS = range(30000, 32768)
POD_PATHS: Mapping[str, str] = {
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"), "spec.template.spec"),
    "CronJob": "spec.jobTemplate.spec.template.spec",
    "Pod": "spec",
}
"""The path of the pod specification in built-in workloads."""

_SELECTING = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"})


def server_problems(manifest: Manifest) -> Iterator[Problem]:
    """Yield everything that the API server would reject in a schema-valid object; only built-in kinds have rules."""
    kind = kind_of(manifest)
    if "." in kind:
        return
    yield from _metadata(manifest, kind)
    rule = _RULES.get(kind)
    if rule is not None:
        yield from rule(mapping(manifest.get("spec")) if kind not in _WITHOUT_SPEC else manifest)
    if kind in _SELECTING:
        yield from _selector(mapping(manifest.get("spec")))
    if kind in POD_PATHS and not pod_templates(manifest):
        yield f"{POD_PATHS[kind]}.containers", "a container is required"
    for template in pod_templates(manifest):
        claims = [
            str(mapping(item.get("metadata")).get("name")) for item in sequence(mapping(manifest.get("spec")).get("volumeClaimTemplates"))
        ]
        yield from pod_problems(template, kind, claims)


def _metadata(manifest: Manifest, kind: str) -> Iterator[Problem]:
    metadata = manifest["metadata"]
    problem = NAME_RULES.get(kind, subdomain_problem)(str(metadata["name"]))
    if problem:
        yield "metadata.name", problem
    for field in ("labels", "annotations"):
        yield from label_problems(f"metadata.{field}", mapping(metadata.get(field)), values=field == "labels")


def _selector(spec: Mapping[str, Any]) -> Iterator[Problem]:
    selector = mapping(spec.get("selector"))
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield "spec.selector", "an empty selector is invalid"


def _deployment(spec: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _replicas(spec)
    strategy = mapping(spec.get("strategy"))
    yield from choice_problems("spec.strategy.type", strategy.get("type"), ("Recreate", "RollingUpdate"))
    rolling = mapping(strategy.get("rollingUpdate"))
    if strategy.get("type") == "Recreate" and rolling:
        yield "spec.strategy.rollingUpdate", "may not be set when the type is Recreate"
    if rolling.get("maxUnavailable") in {0, "0", "0%"} and rolling.get("maxSurge") in {0, "0", "0%"}:
        yield "spec.strategy.rollingUpdate.maxUnavailable", "may not be 0 when maxSurge is 0"
    ready, deadline = spec.get("minReadySeconds") or 0, spec.get("progressDeadlineSeconds", 600)
    if isinstance(ready, int) and isinstance(deadline, int) and ready >= deadline:
        yield "spec.progressDeadlineSeconds", "must be greater than minReadySeconds"


def _stateful_set(spec: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _replicas(spec)
    yield from choice_problems("spec.podManagementPolicy", spec.get("podManagementPolicy"), ("OrderedReady", "Parallel"))
    yield from choice_problems("spec.updateStrategy.type", mapping(spec.get("updateStrategy")).get("type"), ("RollingUpdate", "OnDelete"))


def _daemon_set(spec: Mapping[str, Any]) -> Iterator[Problem]:
    yield from choice_problems("spec.updateStrategy.type", mapping(spec.get("updateStrategy")).get("type"), ("RollingUpdate", "OnDelete"))


def _replicas(spec: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _not_negative(spec, "spec", ("replicas", "minReadySeconds", "revisionHistoryLimit"))


def _job(spec: Mapping[str, Any], prefix: str = "spec") -> Iterator[Problem]:
    yield from _not_negative(spec, prefix, ("parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished"))
    yield from choice_problems(f"{prefix}.completionMode", spec.get("completionMode"), ("NonIndexed", "Indexed"))


def _cron_job(spec: Mapping[str, Any]) -> Iterator[Problem]:
    schedule = str(spec.get("schedule", ""))
    fields = schedule.split()
    if (
        schedule not in _CRON_NAMES
        and not schedule.startswith("@every ")
        and not (len(fields) == 5 and all(map(_CRON_FIELD.fullmatch, fields)))
    ):
        yield "spec.schedule", f"{schedule!r} is not a cron schedule of five fields"
    yield from choice_problems("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    yield from _job(mapping(mapping(spec.get("jobTemplate")).get("spec")), "spec.jobTemplate.spec")


def _service(spec: Mapping[str, Any]) -> Iterator[Problem]:
    kind = spec.get("type", "ClusterIP")
    yield from choice_problems("spec.type", kind, ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"))
    yield from choice_problems("spec.sessionAffinity", spec.get("sessionAffinity"), ("None", "ClientIP"))
    ports = sequence(spec.get("ports"))
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield "spec.ports", "a port is required"
    if kind == "ExternalName" and subdomain_problem(str(spec.get("externalName") or "").rstrip(".")):
        yield "spec.externalName", "an ExternalName Service needs a DNS name"
    yield from label_problems("spec.selector", mapping(spec.get("selector")), values=True)
    for number, port in enumerate(ports):
        yield from _service_port(f"spec.ports[{number}]", port, kind=str(kind), several=len(ports) > 1)
    yield from unique_problems("spec.ports", [port.get("name") for port in ports], "name")
    yield from unique_problems("spec.ports", [(port.get("protocol", "TCP"), port.get("port")) for port in ports], "port")


def _service_port(prefix: str, port: Mapping[str, Any], *, kind: str, several: bool) -> Iterator[Problem]:
    if several and not port.get("name"):
        yield f"{prefix}.name", "is required when a Service has several ports"
    if port.get("name") and dns_label_problem(str(port["name"])):
        yield f"{prefix}.name", dns_label_problem(str(port["name"]))
    yield from choice_problems(f"{prefix}.protocol", port.get("protocol"), ("TCP", "UDP", "SCTP"))
    target = port.get("targetPort")
    for path, value in ((f"{prefix}.port", port.get("port")), (f"{prefix}.targetPort", target)):
        problem = (
            port_problem(value)
            if isinstance(value, int)
            else port_name_problem(value)
            if value is not None and path.endswith("targetPort")
            else ""
        )
        if problem:
            yield path, problem
    node_port = port.get("nodePort")
    if node_port and kind == "ClusterIP":
        yield f"{prefix}.nodePort", "may not be set when the type is ClusterIP"
    elif isinstance(node_port, int) and node_port and node_port not in _NODE_PORTS:
        yield f"{prefix}.nodePort", f"{node_port} is not in the range 30000-32767"


def _ingress(spec: Mapping[str, Any]) -> Iterator[Problem]:
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield "spec", "either a default backend or rules must be given"
    if spec.get("defaultBackend"):
        yield from _ingress_backend("spec.defaultBackend", mapping(spec["defaultBackend"]))
    for rule_index, rule in enumerate(sequence(spec.get("rules"))):
        host = rule.get("host")
        if host and _host_problem(str(host)):
            yield f"spec.rules[{rule_index}].host", _host_problem(str(host))
        http = rule.get("http")
        if http is not None and not sequence(mapping(http).get("paths")):
            yield f"spec.rules[{rule_index}].http.paths", "a path is required"
        for path_index, path in enumerate(sequence(mapping(http).get("paths"))):
            place = f"spec.rules[{rule_index}].http.paths[{path_index}]"
            kind, text = path.get("pathType"), str(path.get("path") or "")
            yield from choice_problems(f"{place}.pathType", kind, ("Exact", "Prefix", "ImplementationSpecific"))
            if (text or kind in {"Exact", "Prefix"}) and not text.startswith("/"):
                yield f"{place}.path", f"{text!r} is not an absolute path"
            elif kind in {"Exact", "Prefix"} and any(part in text for part in ("//", "/./", "/../", "%2f", "%2F")):
                yield f"{place}.path", f"{text!r} may not contain //, /./, /../ or an encoded slash"
            yield from _ingress_backend(f"{place}.backend", mapping(path.get("backend")))


def _ingress_backend(prefix: str, backend: Mapping[str, Any]) -> Iterator[Problem]:
    service = backend.get("service")
    if (service is None) == (backend.get("resource") is None):
        yield prefix, "exactly one of service and resource must be given"
    if service is not None:
        if dns_label_problem(str(mapping(service).get("name", ""))):
            yield f"{prefix}.service.name", dns_label_problem(str(mapping(service).get("name", "")))
        port = mapping(mapping(service).get("port"))
        if bool(port.get("name")) == bool(port.get("number")):
            yield f"{prefix}.service.port", "exactly one of name and number must be given"
        elif isinstance(port.get("number"), int) and port_problem(port["number"]):
            yield f"{prefix}.service.port.number", port_problem(port["number"])


def _host_problem(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return subdomain_problem(host.removeprefix("*."))
    return f"{host} is an IP address, but a host must be a DNS name"


def _config_map(manifest: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _keys(manifest, ("data", "binaryData"))
    yield from _base64(manifest, "binaryData")


def _secret(manifest: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _keys(manifest, ("data", "stringData"))
    yield from _base64(manifest, "data")
    present = {*mapping(manifest.get("data")), *mapping(manifest.get("stringData"))}
    for kind, keys in _SECRET_KEYS.items():
        if manifest.get("type") == kind:
            yield from (("data", f"a Secret of type {kind} needs the key {key}") for key in keys if key not in present)


_SECRET_KEYS: Mapping[str, Sequence[str]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _keys(manifest: Mapping[str, Any], fields: Sequence[str]) -> Iterator[Problem]:
    for field in fields:
        for key in mapping(manifest.get(field)):
            if not _KEY.fullmatch(key) or key in {".", ".."}:
                yield f"{field}[{key}]", "a key may contain only letters, digits, '-', '_' and '.'"


def _base64(manifest: Mapping[str, Any], field: str) -> Iterator[Problem]:
    for key, value in mapping(manifest.get(field)).items():
        try:
            base64.b64decode(re.sub(r"[\r\n]", "", str(value)), validate=True)
        except (binascii.Error, ValueError):
            yield f"{field}.{key}", "is not base64"


def _autoscaler(spec: Mapping[str, Any]) -> Iterator[Problem]:
    maximum, minimum = spec.get("maxReplicas"), spec.get("minReplicas", 1)
    if isinstance(maximum, int) and maximum < 1:
        yield "spec.maxReplicas", "must be greater than 0"
    if isinstance(maximum, int) and isinstance(minimum, int) and minimum > maximum:
        yield "spec.maxReplicas", "must be greater than or equal to minReplicas"


def _budget(spec: Mapping[str, Any]) -> Iterator[Problem]:
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield "spec", "minAvailable and maxUnavailable cannot both be set"


def _claim(spec: Mapping[str, Any]) -> Iterator[Problem]:
    if not spec.get("accessModes"):
        yield "spec.accessModes", "at least one access mode is required"
    for number, mode in enumerate(spec.get("accessModes") or ()):
        modes = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
        yield from choice_problems(f"spec.accessModes[{number}]", mode, modes)
    storage = mapping(mapping(spec.get("resources")).get("requests")).get("storage")
    if storage is None:
        yield "spec.resources.requests.storage", "is required"
    elif quantity_problem(storage):
        yield "spec.resources.requests.storage", quantity_problem(storage)


def _network_policy(spec: Mapping[str, Any]) -> Iterator[Problem]:
    for port_index, kind in enumerate(spec.get("policyTypes") or ()):
        yield from choice_problems(f"spec.policyTypes[{port_index}]", kind, ("Ingress", "Egress"))
    for field in ("ingress", "egress"):
        for rule_index, rule in enumerate(sequence(spec.get(field))):
            for port_index, port in enumerate(sequence(rule.get("ports"))):
                value = port.get("port")
                if isinstance(value, int) and port_problem(value):
                    yield f"spec.{field}[{rule_index}].ports[{port_index}].port", port_problem(value)


def _role_binding(manifest: Mapping[str, Any]) -> Iterator[Problem]:
    yield from choice_problems("roleRef.kind", mapping(manifest.get("roleRef")).get("kind"), ("Role", "ClusterRole"))
    for number, subject in enumerate(sequence(manifest.get("subjects"))):
        yield from choice_problems(f"subjects[{number}].kind", subject.get("kind"), ("User", "Group", "ServiceAccount"))
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            yield f"subjects[{number}].namespace", "is required for a ServiceAccount"


def _not_negative(spec: Mapping[str, Any], prefix: str, fields: Sequence[str]) -> Iterator[Problem]:
    for field in fields:
        if isinstance(spec.get(field), int) and spec[field] < 0:
            yield f"{prefix}.{field}", f"{spec[field]} is negative"


_WITHOUT_SPEC = frozenset({"ConfigMap", "Secret", "RoleBinding", "ClusterRoleBinding"})

_RULES: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Problem]]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replicas,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "Ingress": _ingress,
    "ConfigMap": _config_map,
    "Secret": _secret,
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _budget,
    "PersistentVolumeClaim": _claim,
    "NetworkPolicy": _network_policy,
    "RoleBinding": _role_binding,
    "ClusterRoleBinding": _role_binding,
}
