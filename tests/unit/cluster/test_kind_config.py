"""The kind configuration: options, a user's file, hooks and host facts, merged and identified by a fingerprint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.cluster.kind_config import (
    API_VERSION,
    CGROUP_V1_PATCH,
    check_config,
    fingerprint,
    kind_config,
    node_count,
    read_config_file,
    with_ingress,
)
from kindgate.errors import SettingsError
from kindgate.settings import ClusterSettings

HEADER = f"kind: Cluster\napiVersion: {API_VERSION}\n"


def written(folder: Path, text: str) -> Path:
    """Write a --kind-config file with this text."""
    path = folder / "kind.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_default_is_one_control_plane_and_the_workers() -> None:
    """The default of two workers results in three nodes."""
    config = kind_config(ClusterSettings(), cgroup_version=2)
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    assert node_count(config) == 3


def test_without_workers_there_is_a_single_node() -> None:
    """--kind-workers 0 leaves only the control plane."""
    assert node_count(kind_config(ClusterSettings(workers=0), cgroup_version=2)) == 1


def test_cgroup_v1_lets_the_kubelet_start() -> None:
    """On a cgroup v1 host, the kubelet patch follows the user's own patches."""
    user = {"kubeadmConfigPatches": ["kind: InitConfiguration\n"]}
    config = kind_config(ClusterSettings(), cgroup_version=1, user=user)
    assert config["kubeadmConfigPatches"] == ["kind: InitConfiguration\n", CGROUP_V1_PATCH]


def test_cgroup_v2_needs_no_patch() -> None:
    """A cgroup v2 host needs no patch."""
    assert "kubeadmConfigPatches" not in kind_config(ClusterSettings(), cgroup_version=2)


def test_the_users_nodes_replace_the_default_ones() -> None:
    """Nodes in the user's file replace the default ones; the rest of the file is merged."""
    user = {"nodes": [{"role": "control-plane"}, {"role": "worker", "labels": {"zone": "a"}}], "networking": {"ipFamily": "ipv4"}}
    config = kind_config(ClusterSettings(workers=5), cgroup_version=2, user=user)
    assert node_count(config) == 2
    assert config["nodes"][1]["labels"] == {"zone": "a"}
    assert config["networking"] == {"ipFamily": "ipv4"}


def test_hooks_are_merged_over_the_users_file() -> None:
    """Mappings are merged by field, lists are concatenated in order."""
    user = {"networking": {"ipFamily": "ipv4", "kubeProxyMode": "iptables"}, "containerdConfigPatches": ["a"]}
    changes: list[dict[str, Any]] = [
        {"networking": {"kubeProxyMode": "nftables"}},
        {"containerdConfigPatches": ["b"], "featureGates": {"X": True}},
    ]
    config = kind_config(ClusterSettings(), cgroup_version=2, user=user, changes=changes)
    assert config["networking"] == {"ipFamily": "ipv4", "kubeProxyMode": "nftables"}
    assert config["containerdConfigPatches"] == ["a", "b"]
    assert config["featureGates"] == {"X": True}


def test_an_invalid_hook_contribution_names_the_hook() -> None:
    """A field unknown to kind is an error before anything is created."""
    with pytest.raises(SettingsError, match="pytest_kindgate_cluster_config hook: unknown field `node`"):
        kind_config(ClusterSettings(), cgroup_version=2, changes=[{"node": []}])


def test_the_cluster_name_option_overrides_the_file() -> None:
    """As in kind, the name given as an option overrides the one in the file."""
    assert "name" not in kind_config(ClusterSettings(), cgroup_version=2, user={"name": "theirs"})


def test_the_ingress_ports_are_on_loopback_of_the_first_control_plane() -> None:
    """Ports 80 and 443 of the first control plane are mapped to 127.0.0.1 only; other mappings are kept."""
    other_mapping = {"containerPort": 30000, "hostPort": 30000}
    user = {"nodes": [{"role": "worker"}, {"role": "control-plane", "extraPortMappings": [other_mapping], "labels": {"a": "b"}}]}
    config = kind_config(ClusterSettings(), cgroup_version=2, user=user)
    node = with_ingress(config, 18080, 18443)["nodes"][1]
    assert node["extraPortMappings"] == [
        other_mapping,
        {"containerPort": 80, "hostPort": 18080, "listenAddress": "127.0.0.1", "protocol": "TCP"},
        {"containerPort": 443, "hostPort": 18443, "listenAddress": "127.0.0.1", "protocol": "TCP"},
    ]
    assert node["labels"] == {"ingress-ready": "true", "a": "b"}
    assert config["nodes"][1]["extraPortMappings"] == [other_mapping]


def test_a_valid_file_is_read(tmp_path: Path) -> None:
    """A valid file is returned unchanged."""
    content = read_config_file(written(tmp_path, HEADER + "nodes:\n- role: control-plane\n"))
    assert content["nodes"] == [{"role": "control-plane"}]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("kind: Cluster\n  x: [", "not valid YAML"),
        ("- a\n", "not a kind configuration but list"),
        ("", "not a kind configuration but NoneType"),
        ("kind: Pod\n", "`kind` is 'Pod', not 'Cluster'"),
        ("kind: Cluster\napiVersion: v1\n", "`apiVersion` is 'v1'"),
        (HEADER + "nodez: []\n", "unknown field `nodez`"),
        (HEADER + "nodes: []\n", "`nodes` must be a list of at least one node"),
        (HEADER + "nodes: [a]\n", r"nodes\[0\]: not a mapping"),
        (HEADER + "nodes:\n- role: master\n", r"nodes\[0\]: `role` is 'master'"),
        (HEADER + "nodes:\n- role: worker\n", "no node has the role control-plane"),
        (HEADER + "nodes:\n- role: control-plane\n  imag: x\n", r"nodes\[0\]: unknown field `imag`"),
        (HEADER + "nodes:\n- role: control-plane\n  image: x\n", "all nodes must run the same image"),
        (
            HEADER + "nodes:\n- role: control-plane\n  extraPortMappings: [{containerPort: 80, hostPort: 1}]\n",
            "containerPort 80 of the control plane is reserved for the ingress",
        ),
        (
            HEADER + "nodes:\n- role: control-plane\n  extraPortMappings: [{containerPort: 443, hostPort: 1}]\n",
            "containerPort 443 of the control plane is reserved for the ingress",
        ),
    ],
)
def test_an_invalid_file_is_refused_with_its_name_and_the_cause(tmp_path: Path, text: str, cause: str) -> None:
    """Every error is a SettingsError that names the file and the field."""
    path = written(tmp_path, text)
    with pytest.raises(SettingsError, match=cause) as caught:
        read_config_file(path)
    assert str(path) in caught.value.message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The error for a missing file includes the system's reason."""
    with pytest.raises(SettingsError, match=r"cannot be read: .*No such file"):
        read_config_file(tmp_path / "none.yaml")


def test_a_worker_may_map_port_80() -> None:
    """Only port 80 of the control plane is reserved for the ingress."""
    check_config({"nodes": [{"role": "control-plane"}, {"role": "worker", "extraPortMappings": [{"containerPort": 80}]}]}, "here")


@given(st.dictionaries(st.text(), st.text()), st.integers(0, 5))
def test_the_fingerprint_ignores_field_order(parts: dict[str, str], workers: int) -> None:
    """The order of the fields does not change the fingerprint."""
    config = kind_config(ClusterSettings(workers=workers), cgroup_version=2)
    reordered: dict[str, Any] = dict(reversed(config.items()))
    assert fingerprint(config, parts) == fingerprint(reordered, dict(reversed(parts.items())))


def test_the_fingerprint_distinguishes_clusters() -> None:
    """A different topology or image has another fingerprint; the host port is not part of it."""
    two, three = (kind_config(ClusterSettings(workers=workers), cgroup_version=2) for workers in (1, 2))
    marks = {fingerprint(two, {"image": "a"}), fingerprint(three, {"image": "a"}), fingerprint(three, {"image": "b"})}
    assert len(marks) == 3
