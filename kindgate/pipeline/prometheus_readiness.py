"""Wait for Prometheus: an error if it is required, a note if it is optional."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.deploy.monitoring import split_monitoring
from kindgate.deploy.readiness import wait_ready
from kindgate.errors import KindgateError, MetricsError
from kindgate.model import ClusterAddress, ObjectRef, Rendered
from kindgate.observe.prometheus_client import NAMESPACE, SERVICE, prometheus_in_cluster
from kindgate.observe.scrape_targets import wait_for_targets
from kindgate.settings import MetricsSettings
from kindgate.waiting import Deadline

WATCH_SECONDS = 60.0
"""Prometheus starts with the application; this covers its own readiness and one scrape of every target."""

JOBS = ("cadvisor",)
"""Scrape jobs required for the resource summary."""


@dataclass(frozen=True)
class Monitoring:
    """Whether Prometheus responds and has scraped all its targets; if not, `note` states why."""

    available: bool
    note: str = ""


def watch(settings: MetricsSettings, rendered: Rendered, address: ClusterAddress) -> Monitoring:
    """Wait until Prometheus has scraped all its targets.

    Raises `MetricsError` if it is required but unavailable; if it is optional, the note states the reason.
    """
    if settings.prometheus == "off":
        return Monitoring(available=False, note="Prometheus is disabled by --prometheus=off")
    service = ObjectRef("Service", NAMESPACE, SERVICE)
    if not address.existing and service not in {ObjectRef.of(manifest) for manifest in rendered.of_kind("Service")}:
        return _absent(settings, f"the manifests do not contain {service}")
    deadline = Deadline.after(WATCH_SECONDS)
    try:
        _, monitoring = split_monitoring(rendered)
        wait_ready(monitoring, address, deadline)
        with prometheus_in_cluster(address.kubeconfig, address.context) as client:
            wait_for_targets(client, JOBS, deadline)
    except KindgateError as error:
        if settings.prometheus == "optional":
            return Monitoring(available=False, note=f"Prometheus did not come up: {error.message}")
        raise
    return Monitoring(available=True)


def _absent(settings: MetricsSettings, why: str) -> Monitoring:
    if settings.prometheus == "optional":
        return Monitoring(available=False, note=why)
    raise MetricsError(why, next_step="add --app-component prometheus, or run with --prometheus=optional")
