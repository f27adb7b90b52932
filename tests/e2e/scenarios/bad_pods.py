"""Pods that Pod Security `restricted` must refuse, each with the one reason for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Spec = dict[str, Any]

CONTAINER: Spec = {
    "name": "web",
    "image": "example/web:1.0",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}

GOOD: Spec = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [CONTAINER],
}


def with_container(**changes: Any) -> Spec:
    """The good pod, with other fields in its container's security context."""
    return {**GOOD, "containers": [{**CONTAINER, "securityContext": {**CONTAINER["securityContext"], **changes}}]}


def with_pod(**changes: Any) -> Spec:
    """The good pod, with other fields in its own security context."""
    return {**GOOD, "securityContext": {**GOOD["securityContext"], **changes}}


def with_volume(**source: Any) -> Spec:
    """The good pod with a volume."""
    return {**GOOD, "volumes": [{"name": "v", **source}]}


BAD_PODS: Mapping[str, tuple[Spec, str]] = {
    "privileged": (with_container(privileged=True, allowPrivilegeEscalation=True), "privileged"),
    "escalation": (with_container(allowPrivilegeEscalation=True), "allowPrivilegeEscalation != false"),
    "escalation not stated": (with_container(allowPrivilegeEscalation=None), "allowPrivilegeEscalation != false"),
    "capability added": (with_container(capabilities={"drop": ["ALL"], "add": ["SYS_TIME"]}), "SYS_TIME"),
    "capabilities kept": (with_container(capabilities={}), "unrestricted capabilities"),
    "one capability dropped": (with_container(capabilities={"drop": ["NET_RAW"]}), "unrestricted capabilities"),
    "root not excluded": (with_pod(runAsNonRoot=None), "runAsNonRoot != true"),
    "root allowed in the container": (with_container(runAsNonRoot=False), "runAsNonRoot != true"),
    "user 0": (with_pod(runAsUser=0), "runAsUser=0"),
    "user 0 in the container": (with_container(runAsUser=0), "runAsUser=0"),
    "no seccomp profile": (with_pod(seccompProfile=None), "seccompProfile"),
    "seccomp off": (with_container(seccompProfile={"type": "Unconfined"}), "seccompProfile"),
    "host network": ({**GOOD, "hostNetwork": True}, "host namespaces"),
    "host processes": ({**GOOD, "hostPID": True}, "host namespaces"),
    "host IPC": ({**GOOD, "hostIPC": True}, "host namespaces"),
    "host port": ({**GOOD, "containers": [{**CONTAINER, "ports": [{"containerPort": 80, "hostPort": 80}]}]}, "hostPort"),
    "host folder": (with_volume(hostPath={"path": "/etc"}), "hostPath"),
    "NFS": (with_volume(nfs={"server": "a", "path": "/"}), "restricted volume types"),
    "sysctl": (with_pod(sysctls=[{"name": "kernel.msgmax", "value": "1"}]), "forbidden sysctls"),
    "SELinux type": (with_pod(seLinuxOptions={"type": "spc_t"}), "seLinuxOptions"),
    "init container": ({**GOOD, "initContainers": [{"name": "i", "image": "a:1"}]}, "allowPrivilegeEscalation != false"),
}
