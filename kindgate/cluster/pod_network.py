"""Connectivity between pods of different nodes: a firewall or a missing route can block it while every node looks Ready.

Requests are sent from a node with `curl` in its container, because their targets are unreachable from the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from kindgate.cluster.api_client import Api, Query
from kindgate.cluster.forwarding import find_drop, possible_remedy
from kindgate.errors import CommandTimeout
from kindgate.host.container_engine import Engine
from kindgate.host.firewall import Program
from kindgate.object_status import is_true
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready

_EXEC_SECONDS = 10.0
"""Time that a busy engine may need to run curl in a node."""

_CURL = ("curl", "--insecure", "--silent", "--show-error", "--output", "/dev/null", "--noproxy", "*")

_CURL_MISSING = (126, 127)

_STOPPED = ("is not running", "no such container", "container state improper")
"""Docker's and Podman's messages for a stopped container."""

_WITH_ADDRESS = 'ip address replace "$1" dev lo || exit 1; shift; "$@"; code=$?; ip address delete "$0" dev lo; exit $code'
"""Runs a command while the node has one more address, so replies to that address arrive."""


PATIENCE_SECONDS = 60.0
"""Time that two Ready nodes may need to learn each other's routes; kube-router needs 5 to 10 s."""

_REQUEST_SECONDS = 5.0
_CURL_SECONDS = 1
"""A pod of another node responds in milliseconds, or packets are being lost."""

_PORT = 8181
"""CoreDNS's readiness port, which the kubelet probes too."""


class PodNetwork:
    """The check of one node: CoreDNS on another node responds to a request from this node's pod network."""

    def __init__(self, api: Api, engine: Engine, cluster: str, node: str) -> None:
        self._api = api
        self._engine = engine
        self._cluster = cluster
        self._node = node
        self._patience: Deadline | None = None

    def probe(self) -> Ready[str] | Pending | PermanentFailure:
        """Also ready if CoreDNS runs only on this node: the other nodes verify the path to it and back."""
        nodes = {node["metadata"]["name"]: node for node in self._get("/api/v1/nodes")}
        pods = self._get("/api/v1/namespaces/kube-system/pods", [("labelSelector", "k8s-app=kube-dns")])
        ready = [pod for pod in pods if is_true(pod, "Ready") and pod.get("status", {}).get("podIP")]
        remote_pods = [pod for pod in ready if pod["spec"].get("nodeName") != self._node]
        if not ready:
            return Pending("no CoreDNS pod is ready")
        if not remote_pods:
            return Ready("CoreDNS is on this node")
        target, remote_node = str(remote_pods[0]["status"]["podIP"]), str(remote_pods[0]["spec"]["nodeName"])
        if not all(is_true(nodes.get(name, {}), "Ready") for name in (self._node, remote_node)):
            return Pending("the nodes are not Ready")
        source = source_address(nodes[self._node], nodes[remote_node], target)
        host = f"[{target}]" if ":" in target else target
        response = curl_in_node(self._engine, self._node, f"http://{host}:{_PORT}/ready", seconds=_CURL_SECONDS, source=source)
        if not isinstance(response, Pending):
            return response
        origin = f"{source or self._node} of {self._node}"
        return self._interpret_silence(f"{origin} gets no response from pod {target} of {remote_node}: {response.state}", target)

    def _interpret_silence(self, observation: str, target: str) -> Pending | PermanentFailure:
        """Interpret a request without a response: a missing route may appear with time, but a firewall rule does not go away."""
        self._patience = self._patience or Deadline.after(PATIENCE_SECONDS)
        program: Program = "ip6tables" if ":" in target else "iptables"
        deadline = Deadline.after(_REQUEST_SECONDS)
        drop = find_drop(self._engine, self._cluster, deadline, program)
        if drop is not None:
            return PermanentFailure(
                f"{drop}; {observation}", f"run `{drop.remedy}`, or stop the program that sets that rule (Docker sets it as policy)"
            )
        if not self._patience.expired:
            return Pending(observation)
        chain, route = f"`sudo {program} -S FORWARD`", f"`{self._engine.program} exec {self._node} ip route`"
        remedy = possible_remedy(self._engine, self._cluster, deadline, program)
        step = (
            f"if {chain} shows `-P FORWARD DROP`, run `{remedy}`; otherwise check {route}"
            if remedy
            else f"find out where these packets are lost: {chain}, {route}"
        )
        return PermanentFailure(f"for {PATIENCE_SECONDS:.0f} s, {observation}", step)

    def _get(self, path: str, query: Query = ()) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._api.request("GET", path, Deadline.after(_REQUEST_SECONDS), query=query).get("items") or []
        return items


def curl_in_node(engine: Engine, node: str, url: str, *, seconds: int, source: str = "") -> Ready[str] | Pending | PermanentFailure:
    """Return ready if the node gets any response from `url`: packets find their way there and back.

    `source` is an unused address of the node's pod network to send the request from, as a pod of that node would.
    `seconds` is the request timeout.
    """
    command = [*_CURL, "--max-time", str(seconds), *(["--interface", source] if source else []), url]
    if source:
        address = f"{source}/{128 if ':' in source else 32}"
        command = ["sh", "-c", _WITH_ADDRESS, address, address, *command]
    try:
        response = engine.run("exec", node, *command, deadline=Deadline.after(_EXEC_SECONDS), check=False)
    except CommandTimeout as error:
        return Pending(error.message)
    if response.returncode == 0:
        return Ready(url)
    if any(mark in response.stderr.lower() for mark in _STOPPED):
        return PermanentFailure(f"the node's container stopped: {response.stderr.strip()}")
    if response.returncode in _CURL_MISSING:
        return PermanentFailure(f"the node image has no curl: {response.stderr.strip()}", "use a node image built by kind or kindgate")
    return Pending(response.stderr.strip())


def source_address(node: Mapping[str, Any], other: Mapping[str, Any], target: str) -> str:
    """An address of the node's pod range that no pod has: its last one. Empty if the pods' addresses are not in these ranges."""
    version = ip_address(target).version
    node_networks, other_networks = ([net for net in map(ip_network, _ranges(item)) if net.version == version] for item in (node, other))
    if not node_networks or not any(ip_address(target) in net for net in other_networks) or node_networks[0].num_addresses < 4:
        return ""
    return str(node_networks[0][-2])


def _ranges(node: Mapping[str, Any]) -> list[str]:
    spec = node.get("spec") or {}
    return list(spec.get("podCIDRs") or filter(None, [spec.get("podCIDR")]))
