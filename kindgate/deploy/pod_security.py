"""Pod Security level `baseline`, as https://kubernetes.io/docs/concepts/security/pod-security-standards/ lists it.

The nodes of a KinD cluster are privileged containers: a pod that escapes its container is root on the host and can
change everything that a run writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kindgate.deploy.value_rules import Problem, mapping, sequence
from kindgate.pod_templates import Container, PodTemplate

ENFORCE_LABEL = "pod-security.kubernetes.io/enforce"
BASELINE = "baseline"
AT_LEAST_BASELINE = frozenset({BASELINE, "restricted"})

_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
_SYSCTLS = frozenset(
    [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    ]
)
_SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_HANDLERS = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")


def baseline_problems(template: PodTemplate) -> Iterator[Problem]:
    """Yield pairs of path and message for everything in a workload's pods that the `baseline` level forbids."""
    prefix, spec = template.spec_path, template.spec
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"{prefix}.{field}", "must not be set"
    for number, volume in enumerate(sequence(spec.get("volumes"))):
        if "hostPath" in volume:
            yield f"{prefix}.volumes[{number}].hostPath", "must not mount a folder of the node"
    for key, value in template.annotations.items():
        if str(key).startswith(_APPARMOR) and value != "runtime/default" and not str(value).startswith("localhost/"):
            yield prefix.removesuffix("spec") + f"metadata.annotations.{key}", f"{value} disables AppArmor"
    context = mapping(spec.get("securityContext"))
    for number, sysctl in enumerate(sequence(context.get("sysctls"))):
        if sysctl.get("name") not in _SYSCTLS:
            yield f"{prefix}.securityContext.sysctls[{number}].name", f"{sysctl.get('name')} is not one of the safe sysctls"
    yield from _context_problems(f"{prefix}.securityContext", context)
    for path, container in template.containers():
        yield from _container_problems(path, container)


def _container_problems(prefix: str, container: Container) -> Iterator[Problem]:
    context = mapping(container.get("securityContext"))
    if context.get("privileged"):
        yield f"{prefix}.securityContext.privileged", "must not be true"
    added = mapping(context.get("capabilities")).get("add")
    for number, name in enumerate(added if isinstance(added, list) else []):
        if name not in _CAPABILITIES:
            yield f"{prefix}.securityContext.capabilities.add[{number}]", f"{name} must not be added"
    if context.get("procMount", "Default") != "Default":
        yield f"{prefix}.securityContext.procMount", "must be Default"
    yield from _context_problems(f"{prefix}.securityContext", context)
    for number, port in enumerate(sequence(container.get("ports"))):
        if port.get("hostPort"):
            yield f"{prefix}.ports[{number}].hostPort", "must not use a port of the node"
    handlers = {name: mapping(container.get(name)) for name in _HANDLERS}
    hooks = {f"lifecycle.{name}": mapping(mapping(container.get("lifecycle")).get(name)) for name in _HOOKS}
    for name, handler in {**handlers, **hooks}.items():
        for kind in ("httpGet", "tcpSocket"):
            if mapping(handler.get(kind)).get("host"):
                yield f"{prefix}.{name}.{kind}.host", "must not be set: it makes the node send requests elsewhere"


def _context_problems(prefix: str, context: Mapping[str, Any]) -> Iterator[Problem]:
    """Check the settings that pods and containers share."""
    if mapping(context.get("windowsOptions")).get("hostProcess"):
        yield f"{prefix}.windowsOptions.hostProcess", "must not be true"
    for field in ("seccompProfile", "appArmorProfile"):
        if mapping(context.get(field)).get("type") == "Unconfined":
            yield f"{prefix}.{field}.type", "must not be Unconfined"
    selinux = mapping(context.get("seLinuxOptions"))
    if str(selinux.get("type", "")) not in _SELINUX_TYPES:
        yield f"{prefix}.seLinuxOptions.type", f"{selinux['type']} is not a container type"
    for field in ("user", "role"):
        if selinux.get(field):
            yield f"{prefix}.seLinuxOptions.{field}", "must not be set"
