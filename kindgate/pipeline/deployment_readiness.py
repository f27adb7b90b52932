"""Wait until everything that was deployed responds: the ingress entries of both versions, and Prometheus.

A missing Prometheus is an error if it is required, and a note if it is optional.
"""

from __future__ import annotations

from collections.abc import Iterable

from kindgate.deploy.baseline import Baseline
from kindgate.deploy.entries import PathSource, entries_of, entry_note
from kindgate.deploy.entry_requests import plain_http_notes
from kindgate.deploy.ingress_readiness import EntryResponse, required_responses, service_response_counter, wait_for_responses
from kindgate.deploy.monitoring import split_monitoring
from kindgate.deploy.node_placement import pods_of, uneven_placement
from kindgate.deploy.readiness import wait_ready
from kindgate.errors import KindgateError, MetricsError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.observe.prometheus_client import NAMESPACE, SERVICE, prometheus_in_cluster
from kindgate.observe.scrape_targets import wait_for_targets
from kindgate.pipeline.environment import DeployedApplication, MonitoredApplication
from kindgate.pipeline.inputs import Inputs
from kindgate.settings import MetricsSettings
from kindgate.waiting import Deadline

PROMETHEUS_SECONDS = 60.0
"""Prometheus starts with the application; this covers its own readiness and one scrape of every target."""

REQUIRED_JOBS = ("cadvisor",)
"""Scrape jobs required for the resource summary."""


def wait_for_entries(inputs: Inputs, address: ClusterAddress, deadline: Deadline) -> tuple[EntryResponse, ...]:
    """Wait for every entry of the application and of the baseline, if any; return the application's responses."""
    base = inputs.base
    with service_response_counter(address) as count_responses:
        responses = wait_for_responses(
            inputs.entries, address, deadline, times=required_responses(inputs.rendered), count_responses=count_responses
        )
        if base is not None:
            baseline_entries = entries_of(base.rendered, existing=True)
            wait_for_responses(
                baseline_entries, address, deadline, times=required_responses(base.rendered), count_responses=count_responses
            )
    return responses


def entry_notes(inputs: Inputs, responses: Iterable[EntryResponse], address: ClusterAddress, deadline: Deadline) -> tuple[str, ...]:
    """Notes for the reader about the paths that are judged."""
    probed = (entry_note(entry) for entry in inputs.entries if entry.source is PathSource.PROBE)
    redirects = plain_http_notes(inputs.entries, address, deadline)
    return (*probed, *(response.note for response in responses if response.note), *redirects)


def placement_difference(base: Baseline, address: ClusterAddress, deadline: Deadline) -> str:
    """How the pods of the two versions are placed differently; empty if they are placed alike."""
    head_pods, base_pods = (pods_of(names, address, deadline) for names in (base.namespaces.keys(), base.namespaces.values()))
    return uneven_placement(head_pods, base_pods, base.namespaces)


def wait_for_prometheus(settings: MetricsSettings, application: DeployedApplication) -> MonitoredApplication:
    """Wait until Prometheus has scraped all its targets.

    Raises `MetricsError` if it is required but unavailable; if it is optional, the result states the reason.
    """
    address, rendered = application.address, application.rendered
    if settings.prometheus == "off":
        return MonitoredApplication(application, "Prometheus is disabled by --prometheus=off")
    service = ObjectRef("Service", NAMESPACE, SERVICE)
    if not address.existing and service not in {ObjectRef.of(manifest) for manifest in rendered.of_kind("Service")}:
        reason = f"the manifests do not contain {service}"
        if settings.prometheus == "optional":
            return MonitoredApplication(application, reason)
        raise MetricsError(reason, next_step="add --app-component prometheus, or run with --prometheus=optional")
    deadline = Deadline.after(PROMETHEUS_SECONDS)
    try:
        _, monitoring = split_monitoring(rendered)
        wait_ready(monitoring, address, deadline)
        with prometheus_in_cluster(address) as client:
            wait_for_targets(client, REQUIRED_JOBS, deadline)
    except KindgateError as error:
        if settings.prometheus == "optional":
            return MonitoredApplication(application, f"Prometheus did not come up: {error.message}")
        raise
    return MonitoredApplication(application)
