"""Rules of the API server for a workload's pods, beyond its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kindgate.deploy.value_rules import (
    Problem,
    choice_problems,
    dns_label_problem,
    label_problems,
    mapping,
    port_name_problem,
    port_problem,
    quantity,
    quantity_problem,
    sequence,
    unique_problems,
)
from kindgate.pod_templates import Container, PodTemplate

_RESTART_POLICIES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"), ("Always",)),
    **dict.fromkeys(("Job", "CronJob"), ("OnFailure", "Never")),
}
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")


def pod_problems(template: PodTemplate, kind: str, claims: Sequence[str] = ()) -> Iterator[Problem]:
    """Yield pairs of path and message; `kind` is the workload's, `claims` are the volumes that it creates itself."""
    prefix, spec = template.spec_path, template.spec
    yield from label_problems(prefix.removesuffix("spec") + "metadata.labels", template.labels, values=True)
    policy = spec.get("restartPolicy", "Always")
    yield from choice_problems(f"{prefix}.restartPolicy", policy, _RESTART_POLICIES.get(kind, ("Always", "OnFailure", "Never")))
    yield from choice_problems(f"{prefix}.dnsPolicy", spec.get("dnsPolicy"), ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"))
    volumes = sequence(spec.get("volumes"))
    for number, volume in enumerate(volumes):
        yield from _volume_problems(f"{prefix}.volumes[{number}]", volume)
    yield from unique_problems(f"{prefix}.volumes", [volume.get("name") for volume in volumes], "name")
    volume_names = {str(volume.get("name")) for volume in volumes} | set(claims)
    all_containers = list(template.containers())
    for path, container in all_containers:
        yield from _container_problems(path, container, volume_names)
    paths_by_name: dict[str, str] = {}
    for path, container in all_containers:
        name = str(container.get("name"))
        if name in paths_by_name:
            yield f"{path}.name", f"{name} is also the name of another container"
        paths_by_name[name] = path


def _volume_problems(prefix: str, volume: Mapping[str, Any]) -> Iterator[Problem]:
    if dns_label_problem(str(volume.get("name", ""))):
        yield f"{prefix}.name", dns_label_problem(str(volume.get("name", "")))
    sources = [field for field in volume if field != "name"]
    if len(sources) > 1:
        yield prefix, f"may have only one source, but has {', '.join(sorted(sources))}"


def _container_problems(prefix: str, container: Container, volumes: set[str]) -> Iterator[Problem]:
    if dns_label_problem(str(container.get("name", ""))):
        yield f"{prefix}.name", dns_label_problem(str(container.get("name", "")))
    yield from choice_problems(f"{prefix}.imagePullPolicy", container.get("imagePullPolicy"), ("Always", "IfNotPresent", "Never"))
    policies = ("File", "FallbackToLogsOnError")
    yield from choice_problems(f"{prefix}.terminationMessagePolicy", container.get("terminationMessagePolicy"), policies)
    yield from _port_problems(prefix, sequence(container.get("ports")))
    yield from _resource_problems(f"{prefix}.resources", mapping(container.get("resources")))
    for number, variable in enumerate(sequence(container.get("env"))):
        yield from _variable_problems(f"{prefix}.env[{number}]", variable)
    mounts = sequence(container.get("volumeMounts"))
    for number, mount in enumerate(mounts):
        if str(mount.get("name")) not in volumes:
            yield f"{prefix}.volumeMounts[{number}].name", f"the pod has no volume {mount.get('name')}"
    yield from unique_problems(f"{prefix}.volumeMounts", [mount.get("mountPath") for mount in mounts], "mountPath")
    for name in _PROBES:
        if container.get(name) is not None:
            yield from _probe_problems(f"{prefix}.{name}", mapping(container[name]), name)


def _port_problems(prefix: str, ports: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    for number, port in enumerate(ports):
        place = f"{prefix}.ports[{number}]"
        if port.get("name") and port_name_problem(port["name"]):
            yield f"{place}.name", port_name_problem(port["name"])
        yield from choice_problems(f"{place}.protocol", port.get("protocol"), ("TCP", "UDP", "SCTP"))
        for field in ("containerPort", "hostPort"):
            if isinstance(port.get(field), int) and (port[field] or field == "containerPort") and port_problem(port[field]):
                yield f"{place}.{field}", port_problem(port[field])
    yield from unique_problems(f"{prefix}.ports", [port.get("name") for port in ports], "name")


def _resource_problems(prefix: str, resources: Mapping[str, Any]) -> Iterator[Problem]:
    for group in ("requests", "limits"):
        for name, value in mapping(resources.get(group)).items():
            problem = quantity_problem(value)
            if problem:
                yield f"{prefix}.{group}.{name}", problem
                return
            if quantity(value) < 0:
                yield f"{prefix}.{group}.{name}", f"{value} is negative"
    limits = mapping(resources.get("limits"))
    for name, value in mapping(resources.get("requests")).items():
        if name in limits and quantity(value) > quantity(limits[name]):
            yield f"{prefix}.requests.{name}", f"{value} exceeds the limit of {limits[name]}"


def _variable_problems(prefix: str, variable: Mapping[str, Any]) -> Iterator[Problem]:
    name = str(variable.get("name", ""))
    if not name or "=" in name or not name.isascii() or not name.isprintable():
        yield f"{prefix}.name", f"{name!r} is not a valid environment variable name"
    if variable.get("value") and variable.get("valueFrom"):
        yield f"{prefix}.valueFrom", "may not be set together with value"
    source = variable.get("valueFrom")
    if source is not None and len(mapping(source)) != 1:
        yield f"{prefix}.valueFrom", "exactly one source must be given"


def _probe_problems(prefix: str, probe: Mapping[str, Any], name: str) -> Iterator[Problem]:
    handlers = [field for field in _HANDLERS if probe.get(field) is not None]
    if len(handlers) != 1:
        yield prefix, f"exactly one of {', '.join(_HANDLERS)} must be given"
    for field in ("httpGet", "tcpSocket"):
        port = mapping(probe.get(field)).get("port")
        problem = port_problem(port) if isinstance(port, int) else port_name_problem(port) if port is not None else ""
        if problem:
            yield f"{prefix}.{field}.port", problem
    yield from choice_problems(f"{prefix}.httpGet.scheme", mapping(probe.get("httpGet")).get("scheme"), ("HTTP", "HTTPS"))
    if name in {"livenessProbe", "startupProbe"} and probe.get("successThreshold", 1) != 1:
        yield f"{prefix}.successThreshold", "must be 1"
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"):
        if isinstance(probe.get(field), int) and probe[field] < 0:
            yield f"{prefix}.{field}", f"{probe[field]} is negative"
