"""A client of Prometheus' HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/); every query has a deadline.

A Prometheus in the cluster is reached through the API server's service proxy with the kubeconfig's rights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from kindgate.errors import MetricsError, NoSamplesError, clipped
from kindgate.model import Window
from kindgate.observe.series import Range, Ranges, Sample, Samples
from kindgate.waiting import Deadline

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
"""Maximum response size in bytes: a burst's window takes a few hundred kilobytes."""

STALL_TIMEOUT = 5.0
"""Seconds without a byte after which a connection is given up, within the deadline."""

MIN_TIMEOUT = 0.25
"""Minimum timeout of a query in seconds: the last one before a deadline must report a state, not that it was late."""

NAMESPACE, SERVICE, PORT = "monitoring", "prometheus", 9090
"""The location of the bundled component's Prometheus."""


class PrometheusClient:
    """One Prometheus at `base_url`, queried through `session`, which carries the credentials.

    Every method raises `MetricsError` if Prometheus does not respond in time or rejects the query, and `NoSamplesError` if
    a query has no result: missing data is never shown as 0.
    """

    def __init__(self, base_url: str, session: requests.Session | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._session = session or requests.Session()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def query(self, promql: str, deadline: Deadline, *, at: float | None = None) -> Samples:
        """Return the value of each series that `promql` selects, at `at` (default: now)."""
        data, warnings = self._call("query", _instant(promql, at), deadline)
        match data["resultType"]:
            case "vector":
                items = tuple(Sample(row["metric"], float(row["value"][0]), float(row["value"][1])) for row in data["result"])
            case "scalar":
                items = (Sample({}, float(data["result"][0]), float(data["result"][1])),)
            case other:
                raise MetricsError(f"Prometheus answered {promql!r} with a {other}, not with one value per series")
        if not items:
            raise _no_samples(promql)
        return Samples(items, warnings)

    def query_stored(self, selector: str, deadline: Deadline, *, at: float) -> Ranges:
        """Return every stored sample that a range selector such as `up[1m]` covers at `at`, with its timestamp."""
        data, warnings = self._call("query", _instant(selector, at), deadline)
        return _ranges(selector, data, warnings)

    def query_range(self, promql: str, window: Window, step: float, deadline: Deadline) -> Ranges:
        """Evaluate `promql` every `step` seconds of `window`."""
        parameters = {"query": promql, "start": f"{window.start:.3f}", "end": f"{window.end:.3f}", "step": f"{step:g}"}
        data, warnings = self._call("query_range", parameters, deadline)
        return _ranges(promql, data, warnings)

    def active_targets(self, deadline: Deadline) -> tuple[Mapping[str, Any], ...]:
        """Return the targets that Prometheus scrapes, in its API's format."""
        data, _ = self._call("targets", {"state": "active"}, deadline)
        return tuple(data["activeTargets"])

    def _call(self, endpoint: str, parameters: Mapping[str, str], deadline: Deadline) -> tuple[dict[str, Any], tuple[str, ...]]:
        url = f"{self.base_url}/api/v1/{endpoint}"
        status, body = self._get(url, parameters, deadline)
        try:
            response = json.loads(body)
            if response["status"] == "success":
                return response["data"], (*response.get("warnings", ()), *response.get("infos", ()))
            reason = f"{response['errorType']}: {response['error']}"
        except (ValueError, KeyError, TypeError):
            reason = f"HTTP {status}: {clipped(body.decode(errors='replace'), 300)}"
        raise MetricsError(f"Prometheus rejected {parameters.get('query', endpoint)!r}: {reason}")

    def _get(self, url: str, parameters: Mapping[str, str], deadline: Deadline) -> tuple[int, bytes]:
        """Return status and body. The body is read in pieces, because requests' own timeout does not limit a slow response."""
        timeout = max(MIN_TIMEOUT, min(STALL_TIMEOUT, deadline.remaining))
        body = bytearray()
        try:
            with self._session.get(url, params=dict(parameters), timeout=timeout, stream=True) as response:
                for chunk in response.iter_content(65536):
                    if body and deadline.expired:
                        raise MetricsError(f"the response from Prometheus at {self.base_url} took too long", waited=deadline.waited)
                    body += chunk
                    if len(body) > MAX_RESPONSE_BYTES:
                        raise MetricsError(
                            f"the response from Prometheus is larger than {MAX_RESPONSE_BYTES:,} bytes: use a shorter window"
                        )
                return response.status_code, bytes(body)
        except requests.RequestException as error:
            raise MetricsError(
                f"Prometheus at {self.base_url} did not respond",
                waited=deadline.waited,
                last_state=str(error),
                next_step="check that its pod is running: kubectl get pods --all-namespaces",
            ) from error


def prometheus_in_cluster(
    kubeconfig: Path, context: str = "", *, namespace: str = NAMESPACE, service: str = SERVICE, port: int = PORT
) -> PrometheusClient:
    """Return a client for the Prometheus behind `service`, without sending a request yet.

    Raises `MetricsError` if `kubeconfig` is unreadable or lacks the context.
    """
    try:
        with config.new_client_from_config(str(kubeconfig), context or None) as api:  # type: ignore[no-untyped-call]  # published without types
            configuration: client.Configuration = api.configuration
    except (ConfigException, OSError, ValueError, TypeError) as error:
        raise MetricsError(f"cannot use {kubeconfig} to reach Prometheus: {error}") from error
    session = requests.Session()
    session.trust_env = False  # a proxy for the internet cannot reach the cluster
    session.verify = configuration.ssl_ca_cert if configuration.verify_ssl and configuration.ssl_ca_cert else configuration.verify_ssl
    if configuration.cert_file and configuration.key_file:
        session.cert = (configuration.cert_file, configuration.key_file)
    token = configuration.get_api_key_with_prefix("authorization")
    if token:
        session.headers["Authorization"] = token
    path = f"api/v1/namespaces/{namespace}/services/{service}:{port}/proxy"
    return PrometheusClient(f"{configuration.host}/{path}", session)


def _instant(promql: str, at: float | None) -> dict[str, str]:
    return {"query": promql} if at is None else {"query": promql, "time": f"{at:.3f}"}


def _ranges(promql: str, data: Mapping[str, Any], warnings: tuple[str, ...]) -> Ranges:
    if data["resultType"] != "matrix":
        raise MetricsError(f"Prometheus answered {promql!r} with a {data['resultType']}, not with series over time")
    items = tuple(
        Range(row["metric"], tuple(float(time) for time, _ in row["values"]), tuple(float(value) for _, value in row["values"]))
        for row in data["result"]
    )
    if not items:
        raise _no_samples(promql)
    return Ranges(items, warnings)


def _no_samples(promql: str) -> NoSamplesError:
    return NoSamplesError(
        f"Prometheus has no samples for {promql!r}",
        next_step="check its targets: one may be down, a label may be wrong, or the window may be before the first scrape",
    )
