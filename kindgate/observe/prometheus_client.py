"""A client of Prometheus' HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/); every query has a deadline.

A Prometheus in the cluster is reached through the API server's service proxy with the kubeconfig's rights.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from kindgate.call_log import logged_call
from kindgate.cluster.connection import Connection
from kindgate.errors import ApiError, MetricsError, NoSamplesError, clipped
from kindgate.model import ClusterAddress, Window
from kindgate.observe.series import Range, Ranges, Sample, Samples
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    from urllib3 import PoolManager

_LOG = logging.getLogger(__name__)

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
"""Maximum response size in bytes: a burst's window takes a few hundred kilobytes."""

STALL_TIMEOUT = 5.0
"""Seconds without a byte after which a connection is given up, within the deadline."""

MIN_TIMEOUT = 0.25
"""Minimum timeout of a query in seconds: the last one before a deadline must report a state, not that it was late."""

NAMESPACE, SERVICE, PORT = "monitoring", "prometheus", 9090
"""The location of the bundled component's Prometheus."""


class PrometheusClient:
    """One Prometheus at `base_url`, queried through `connection`, which carries the credentials, or without any.

    Every method raises `MetricsError` if Prometheus does not respond in time or rejects the query, and `NoSamplesError` if
    a query has no result: missing data is never shown as 0.
    """

    def __init__(self, base_url: str, connection: Connection | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._connection = connection
        self._pool = connection.pool if connection is not None else _plain_pool()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

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
        with logged_call(_LOG, f"{endpoint} {parameters.get('query', '')}".rstrip()) as call:
            status, body = self._get(url, parameters, deadline)
            call.outcome = status
        try:
            response = json.loads(body)
            if response["status"] == "success":
                return response["data"], (*response.get("warnings", ()), *response.get("infos", ()))
            reason = f"{response['errorType']}: {response['error']}"
        except (ValueError, KeyError, TypeError):
            reason = f"HTTP {status}: {clipped(body.decode(errors='replace'), 300)}"
        raise MetricsError(f"Prometheus rejected {parameters.get('query', endpoint)!r}: {reason}")

    def _get(self, url: str, parameters: Mapping[str, str], deadline: Deadline) -> tuple[int, bytes]:
        """Return status and body. The body is read in pieces, because a timeout of the connection does not limit a slow response."""
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - as in `_plain_pool`

        whole = Deadline.after(max(MIN_TIMEOUT, deadline.remaining))
        timeout = min(STALL_TIMEOUT, whole.remaining)
        headers = {"Accept-Encoding": "gzip", **(self._connection.headers() if self._connection is not None else {})}
        body = bytearray()
        try:
            with closing(
                self._pool.request("GET", f"{url}?{urlencode(parameters)}", headers=headers, timeout=timeout, preload_content=False)
            ) as response:
                for chunk in response.stream(65536, decode_content=True):  # urllib3 decodes a chunked body only if asked
                    if body and whole.expired:
                        raise MetricsError(f"the response from Prometheus at {self.base_url} took too long", waited=deadline.waited)
                    body += chunk
                    if len(body) > MAX_RESPONSE_BYTES:
                        raise MetricsError(
                            f"the response from Prometheus is larger than {MAX_RESPONSE_BYTES:,} bytes: use a shorter window"
                        )
                return response.status, bytes(body)
        except HTTPError as error:
            raise MetricsError(
                f"Prometheus at {self.base_url} did not respond",
                waited=deadline.waited,
                last_state=str(error),
                next_step="check that its pod is running: kubectl get pods --all-namespaces",
            ) from error


def prometheus_in_cluster(
    address: ClusterAddress, *, namespace: str = NAMESPACE, service: str = SERVICE, port: int = PORT
) -> PrometheusClient:
    """Return a client for the Prometheus behind `service`, without sending a request yet.

    Raises `MetricsError` if the kubeconfig is unreadable or lacks the context.
    """
    try:
        connection = Connection(address)
    except ApiError as error:
        raise MetricsError(f"cannot use {address.kubeconfig} to reach Prometheus: {error.message}") from error
    return PrometheusClient(f"{connection.server}/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy", connection)


def _plain_pool() -> PoolManager:
    from urllib3 import PoolManager  # noqa: PLC0415 - many runs send no query

    return PoolManager(retries=False)


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
