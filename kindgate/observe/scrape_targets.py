"""Whether Prometheus reaches all its configured targets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kindgate.errors import MetricsError, WaitTimeout
from kindgate.observe.prometheus_client import PrometheusClient
from kindgate.waiting import Deadline, Pending, Ready, wait_for


@dataclass(frozen=True)
class Target:
    """One address that Prometheus scrapes; `health` is up, down or unknown (not scraped yet)."""

    job: str
    address: str
    health: str
    error: str

    def __str__(self) -> str:
        """The target and its state, with the error unless it is up."""
        state = self.health if not self.error else f"{self.health}: {self.error}"
        return f"{self.job} {self.address} is {state}"


def targets(client: PrometheusClient, deadline: Deadline) -> tuple[Target, ...]:
    """Return the current targets. Raises `MetricsError` if Prometheus cannot be queried."""
    return tuple(
        Target(str(target["labels"].get("job", "")), str(target["scrapeUrl"]), str(target["health"]), str(target.get("lastError", "")))
        for target in client.active_targets(deadline)
    )


def wait_for_targets(client: PrometheusClient, jobs: Collection[str], deadline: Deadline) -> tuple[Target, ...]:
    """Wait until all targets are up and each of `jobs` has at least one; return the targets.

    Raises `MetricsError` at the deadline, naming the targets that are not up and why.
    """

    def probe() -> Ready[tuple[Target, ...]] | Pending:
        try:
            current_targets = targets(client, deadline.at_most(5.0))
        except MetricsError as error:
            return Pending(str(error))
        missing = sorted(set(jobs) - {target.job for target in current_targets})
        broken = [str(target) for target in current_targets if target.health != "up"]
        if current_targets and not missing and not broken:
            return Ready(current_targets)
        return Pending("; ".join([f"job {job} has no target" for job in missing] + broken) or "no targets")

    try:
        return wait_for("all Prometheus targets", probe, deadline, interval=0.5)
    except WaitTimeout as error:
        raise MetricsError(
            "Prometheus cannot reach all its targets",
            waited=error.waited,
            last_state=error.last_state,
            next_step="check the pods of the targets above and the component's RBAC",
        ) from error
