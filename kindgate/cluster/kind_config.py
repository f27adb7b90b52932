"""The kind configuration of a run: options, the user's file, hook contributions and host requirements.

The format is kind's `kind.x-k8s.io/v1alpha4`. Everything here is pure except `read_config_file`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kindgate.errors import SettingsError
from kindgate.settings import ClusterSettings

KindConfig = Mapping[str, Any]
"""A kind configuration, or part of one, as parsed from YAML."""

API_VERSION = "kind.x-k8s.io/v1alpha4"

INGRESS_CONTAINER_PORT, INGRESS_TLS_CONTAINER_PORT = 80, 443
"""The ingress controller's ports inside the first control plane, for HTTP and TLS."""

CGROUP_V1_PATCH = "kind: KubeletConfiguration\nfailCgroupV1: false\n"
"""Without it, Kubernetes 1.35 and later refuse to start on cgroup v1 (KEP-5573)."""

_CLUSTER_FIELDS = frozenset(
    {
        "kind",
        "apiVersion",
        "name",
        "nodes",
        "networking",
        "featureGates",
        "runtimeConfig",
        "kubeadmConfigPatches",
        "kubeadmConfigPatchesJSON6902",
        "containerdConfigPatches",
        "containerdConfigPatchesJSON6902",
    }
)
_NODE_FIELDS = frozenset(
    {"role", "image", "labels", "extraMounts", "extraPortMappings", "kubeadmConfigPatches", "kubeadmConfigPatchesJSON6902"}
)
_ROLES = frozenset({"control-plane", "worker"})


def read_config_file(path: Path) -> KindConfig:
    """Read the kind configuration in `path`. Raises `SettingsError` with the file and the problem."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--kind-config {path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"--kind-config {path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"--kind-config {path}: not a kind configuration but {type(content).__name__}")
    for field, expected in (("kind", "Cluster"), ("apiVersion", API_VERSION)):
        if content.get(field) != expected:
            raise SettingsError(f"--kind-config {path}: `{field}` is {content.get(field)!r}, not {expected!r}")
    check_config(content, f"--kind-config {path}")
    return content


def check_config(config: KindConfig, where: str) -> None:
    """Reject fields that kind would reject only later, and fields that kindgate controls through its own options.

    `where` names the source in the error. Raises `SettingsError`.
    """
    _check_fields(config, _CLUSTER_FIELDS, where)
    nodes = config.get("nodes")
    if nodes is None:
        return
    if not isinstance(nodes, list) or not nodes:
        raise SettingsError(f"{where}: `nodes` must be a list of at least one node")
    for number, node in enumerate(nodes):
        _check_node(node, f"{where}: nodes[{number}]")
    if not any(node.get("role") == "control-plane" for node in nodes):
        raise SettingsError(f"{where}: no node has the role control-plane")


def kind_config(
    settings: ClusterSettings,
    *,
    cgroup_version: int,
    user: KindConfig | None = None,
    changes: Sequence[KindConfig] = (),
) -> dict[str, Any]:
    """The configuration without its ingress mapping: the part that identifies a cluster.

    `user` is the content of `--kind-config`; `changes` are contributed by hooks, in order. Mappings are merged and
    lists concatenated, except `nodes`, which is replaced. Raises `SettingsError`.
    """
    worker: dict[str, Any] = {"role": "worker"}
    config: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": API_VERSION,
        "nodes": [{"role": "control-plane"}, *(dict(worker) for _ in range(settings.workers))],
    }
    if user is not None:
        config = _merged(config, user)
    for change in changes:
        check_config(change, "a pytest_kindgate_cluster_config hook")
        config = _merged(config, change)
    config.pop("name", None)  # as in kind itself, --name takes precedence
    if cgroup_version == 1:
        config["kubeadmConfigPatches"] = [*config.get("kubeadmConfigPatches", []), CGROUP_V1_PATCH]
    return config


def with_ingress(config: KindConfig, host_port: int, tls_port: int) -> dict[str, Any]:
    """Map the first control plane's ports 80 and 443 to these ports of 127.0.0.1, and label it for the ingress controller."""
    result = {**config, "nodes": [dict(node) for node in config["nodes"]]}
    first = next(node for node in result["nodes"] if node["role"] == "control-plane")
    mappings = [
        {"containerPort": inside, "hostPort": outside, "listenAddress": "127.0.0.1", "protocol": "TCP"}
        for inside, outside in ((INGRESS_CONTAINER_PORT, host_port), (INGRESS_TLS_CONTAINER_PORT, tls_port))
    ]
    first["extraPortMappings"] = [*first.get("extraPortMappings", []), *mappings]
    first["labels"] = {"ingress-ready": "true", **first.get("labels", {})}
    return result


def node_count(config: KindConfig) -> int:
    """The number of Kubernetes nodes in the configuration."""
    return len(config["nodes"])


def fingerprint(config: KindConfig, parts: Mapping[str, str]) -> str:
    """16 hex digits that are equal for interchangeable clusters.

    `parts` is everything else that identifies a cluster: the node image and its ID, the versions of kind and
    Kubernetes, the source of the images.
    """
    text = json.dumps({"config": config, "parts": dict(parts)}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_fields(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(str(field) for field in given.keys() - known)
    if unknown:
        raise SettingsError(f"{where}: unknown field `{unknown[0]}`", next_step=f"known fields: {', '.join(sorted(known))}")


def _check_node(node: object, where: str) -> None:
    if not isinstance(node, dict):
        raise SettingsError(f"{where}: not a mapping")
    _check_fields(node, _NODE_FIELDS, where)
    if node.get("role") not in _ROLES:
        raise SettingsError(f"{where}: `role` is {node.get('role')!r}, not control-plane or worker")
    if "image" in node:
        raise SettingsError(f"{where}: all nodes must run the same image", next_step="remove `image` and set --kind-image IMAGE")
    for mapping in node.get("extraPortMappings") or ():
        port = mapping.get("containerPort") if isinstance(mapping, dict) and node["role"] == "control-plane" else None
        if port in {INGRESS_CONTAINER_PORT, INGRESS_TLS_CONTAINER_PORT}:
            option = "--kind-host-port" if port == INGRESS_CONTAINER_PORT else "--kind-host-tls-port"
            raise SettingsError(
                f"{where}: containerPort {port} of the control plane is reserved for the ingress, and kindgate maps it",
                next_step=f"remove the mapping and set {option} PORT",
            )


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `change` into `base`: mappings field by field, lists concatenated, `nodes` and everything else replaced."""
    result = dict(base)
    for field, value in change.items():
        before = result.get(field)
        if isinstance(before, dict) and isinstance(value, dict):
            result[field] = _merged(before, value)
        elif isinstance(before, list) and isinstance(value, list) and field != "nodes":
            result[field] = [*before, *value]
        elif value is not None:
            result[field] = value
    return result
