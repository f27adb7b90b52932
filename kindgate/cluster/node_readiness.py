"""Verify that a cluster is usable: kind's exit code proves nothing, and nodes look Ready while services route nowhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from kindgate.cluster.api_client import Api
from kindgate.cluster.pod_network import PodNetwork, curl_in_node
from kindgate.errors import ApiError, ClusterError, KindgateError, WaitFailed, WaitTimeout
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress
from kindgate.object_status import condition, is_true
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

_REQUEST_SECONDS = 5.0
"""If the API server needs longer for one small response, the request is repeated."""

_CURL_SECONDS = 2
"""A ClusterIP responds in milliseconds, or its packets go nowhere."""

Probe = Callable[[], Ready[str] | Pending | PermanentFailure]


@dataclass(frozen=True)
class Check:
    """A condition of a usable cluster; `description` completes "waiting for ..."."""

    description: str
    probe: Probe
    interval: float


def wait_usable(address: ClusterAddress, engine: Engine, deadline: Deadline) -> None:
    """Wait until the cluster is usable, running all checks concurrently.

    Every node is Ready, CoreDNS is available, the default ServiceAccount exists (pods cannot be created without it),
    the API's ClusterIP responds on every node (kube-proxy works there), and a pod on another node responds to every
    node's pod network. Raises `ClusterError` at the first check that cannot succeed, or at the deadline.
    """
    stop = threading.Event()
    with _connected(address) as api:
        checks = [
            Check("all nodes to be Ready", lambda: _nodes_ready(api, address.nodes), 0.2),
            Check("CoreDNS to be available", lambda: _coredns_available(api), 0.2),
            Check("the default ServiceAccount", lambda: _service_account(api), 0.2),
            *(
                Check(f"node {node} to reach the API's ClusterIP (kube-proxy)", partial(_cluster_ip, api, engine, node), 0.5)
                for node in address.nodes
            ),
            *(
                Check(f"pods of node {node} to reach pods of other nodes", PodNetwork(api, engine, address.name, node).probe, 0.2)
                for node in (address.nodes if len(address.nodes) > 1 else ())
            ),
        ]
        with ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="readiness") as pool:
            waits = [pool.submit(_wait, check, deadline, stop) for check in checks]
            try:
                finished, _ = wait(waits, return_when=FIRST_EXCEPTION)
                if any(isinstance(future.exception(), WaitTimeout) for future in finished):
                    finished, _ = wait(waits)  # all checks share the deadline: the results of the others explain this one
            finally:
                stop.set()
        errors = [error for future in waits if future in finished and (error := future.exception()) is not None]
    if errors:
        raise _combined_error(address.name, errors)


@contextmanager
def _connected(address: ClusterAddress) -> Iterator[Api]:
    """Yield the API client. Raises `ClusterError` for an unusable kubeconfig."""
    try:
        api = Api(address)
    except ApiError as error:
        raise ClusterError(error.message) from error
    with closing(api):
        yield api


def _wait(check: Check, deadline: Deadline, stop: threading.Event) -> str:
    def probe() -> Ready[str] | Pending | PermanentFailure:
        return PermanentFailure("another check failed first") if stop.is_set() else _run_probe(check.probe)

    return wait_for(check.description, probe, deadline, interval=check.interval, pause=stop.wait)


def _run_probe(probe: Probe) -> Ready[str] | Pending | PermanentFailure:
    """The probe's result; pending if the API server does not respond properly yet."""
    try:
        return probe()
    except ApiError as error:
        return Pending(error.message)


def _combined_error(name: str, errors: list[BaseException]) -> BaseException:
    """One error for all failed checks: an internal error unchanged, otherwise every check's last state."""
    for error in errors:
        if not isinstance(error, WaitTimeout | WaitFailed):
            return error
    check_errors = [error for error in errors if isinstance(error, KindgateError)]
    combined = ClusterError(
        f"cluster {name} was created but is not usable: {check_errors[0].message}",
        waited=check_errors[0].waited,
        last_state="\n".join(f"{error.message}: {error.last_state}" if error.last_state else error.message for error in check_errors),
        next_step=check_errors[0].next_step or "check the host with `kindgate doctor`; on a slow host, increase --kind-timeout",
    )
    combined.__cause__ = check_errors[0]
    return combined


def _get(api: Api, path: str) -> dict[str, Any]:
    return api.request("GET", path, Deadline.after(_REQUEST_SECONDS))


def _nodes_ready(api: Api, expected: tuple[str, ...]) -> Ready[str] | Pending | PermanentFailure:
    conditions = {node["metadata"]["name"]: condition(node, "Ready") for node in _get(api, "/api/v1/nodes").get("items", ())}
    waiting = []
    for name in expected:
        ready = conditions.get(name, {})
        if not ready:
            waiting.append(f"{name} has not registered")
        elif ready["status"] != "True":
            waiting.append(f"{name}: {ready.get('reason')}: {ready.get('message')}")
    return Pending("; ".join(waiting)) if waiting else Ready("Ready")


def _coredns_available(api: Api) -> Ready[str] | Pending | PermanentFailure:
    deployment = _get(api, "/apis/apps/v1/namespaces/kube-system/deployments/coredns")
    if is_true(deployment, "Available"):
        return Ready("available")
    status = deployment.get("status", {})
    return Pending(f"{status.get('readyReplicas', 0)} of {status.get('replicas', 0)} replicas are ready")


def _service_account(api: Api) -> Ready[str] | Pending | PermanentFailure:
    _get(api, "/api/v1/namespaces/default/serviceaccounts/default")
    return Ready("there")


def _cluster_ip(api: Api, engine: Engine, node: str) -> Ready[str] | Pending | PermanentFailure:
    """Any HTTP response counts: packets reached a Service and came back."""
    address: str = _get(api, "/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"]
    host = f"[{address}]" if ":" in address else address
    response = curl_in_node(engine, node, f"https://{host}:443/version", seconds=_CURL_SECONDS)
    return Pending(f"{address}:443 from {node}: {response.state}") if isinstance(response, Pending) else response
