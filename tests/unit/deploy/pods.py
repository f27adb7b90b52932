"""Pods that Pod Security's `baseline` level allows or rejects, shared by the validation tests and the e2e test."""

from __future__ import annotations

from typing import Any

POD: dict[str, Any] = {"containers": [{"name": "web", "image": "example/web:1.0"}]}


def container(**fields: Any) -> dict[str, Any]:
    """Build a pod whose only container has extra fields."""
    return {"containers": [{**POD["containers"][0], **fields}]}


def secured(**fields: Any) -> dict[str, Any]:
    """Build a pod whose container has this security context."""
    return container(securityContext=fields)


REJECTED_PODS: dict[str, dict[str, Any]] = {
    "hostNetwork": {"hostNetwork": True},
    "hostPID": {"hostPID": True},
    "hostIPC": {"hostIPC": True},
    "hostPath": {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "node", "hostPath": {"path": "/"}}]},
    "privileged": secured(privileged=True),
    "privileged init": {"initContainers": [{"name": "init", "image": "a", "securityContext": {"privileged": True}}]},
    "capability": secured(capabilities={"add": ["SYS_ADMIN"]}),
    "raw capability": secured(capabilities={"add": ["CHOWN", "NET_RAW"]}),
    "hostPort": container(ports=[{"containerPort": 80, "hostPort": 80}]),
    "unconfined pod": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    "unconfined container": secured(seccompProfile={"type": "Unconfined"}),
    "AppArmor off": secured(appArmorProfile={"type": "Unconfined"}),
    "SELinux type": {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}},
    "SELinux user": secured(seLinuxOptions={"user": "system_u"}),
    "sysctl": {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    "probe elsewhere": container(livenessProbe={"httpGet": {"port": 80, "host": "169.254.169.254"}}),
    "hook elsewhere": container(lifecycle={"preStop": {"tcpSocket": {"port": 80, "host": "127.0.0.1"}}}),
}
ALLOWED_PODS: dict[str, dict[str, Any]] = {
    "plain": {},
    "root": secured(runAsUser=0, allowPrivilegeEscalation=True),
    "usual capability": secured(capabilities={"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}),
    "volumes": {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "configMap": {"name": "b"}}]},
    "safe sysctl": {"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}},
    "seccomp": secured(seccompProfile={"type": "RuntimeDefault"}),
    "SELinux": secured(seLinuxOptions={"type": "container_t"}),
    "explicit no": {"hostNetwork": False, **secured(privileged=False)},
    "probe": container(readinessProbe={"httpGet": {"port": 80, "path": "/"}}),
    "port": container(ports=[{"containerPort": 80, "hostPort": 0}]),
}
