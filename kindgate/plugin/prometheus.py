"""Prometheus queries from tests: the client of `kindgate.observe` with a deadline for each query."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from kindgate.model import ClusterAddress, Window
from kindgate.observe.prometheus_client import prometheus_in_cluster
from kindgate.observe.scrape_targets import Target, wait_for_targets
from kindgate.observe.series import Ranges, Samples
from kindgate.waiting import Deadline

QUERY_SECONDS = 15.0
TARGET_SECONDS = 60.0


class Prometheus:
    """Queries to the Prometheus of the application's cluster. `client` accepts other deadlines."""

    def __init__(self, address: ClusterAddress) -> None:
        self.client = prometheus_in_cluster(address)

    def query(self, promql: str, *, at: float | None = None, timeout: float = QUERY_SECONDS) -> Samples:
        """The value of each series, now or at time `at`; raises `NoSamplesError` if there is none, otherwise `MetricsError`."""
        return self.client.query(promql, Deadline.after(timeout), at=at)

    def query_range(self, promql: str, window: Window, step: float = 5.0, *, timeout: float = QUERY_SECONDS) -> Ranges:
        """The values of each series every `step` seconds of `window`; raises as `query` does."""
        return self.client.query_range(promql, window, step, Deadline.after(timeout))

    def wait_for_targets(self, *jobs: str, timeout: float = TARGET_SECONDS) -> tuple[Target, ...]:
        """Wait until every target is up and each of `jobs` has one, and return all targets; raises `MetricsError` that names the others."""
        return wait_for_targets(self.client, jobs, Deadline.after(timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()
