"""Pipeline steps as commands, and full runs without pytest.

Each step keeps its cluster for the next one and reads the state from it, so steps can be repeated in any order.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from kindgate.cli.arguments import seconds
from kindgate.cli.command_options import with_settings
from kindgate.cli.console import print_redacted, stopwatch_progress, untrusted_output
from kindgate.credentials import without_credentials
from kindgate.errors import SettingsError
from kindgate.options import SECONDS
from kindgate.settings import Keep, Settings

if TYPE_CHECKING:
    from kindgate.pipeline.provisioner import Pipeline

SHORTEST_WATCH = 5.0
"""Minimum seconds for `monitor`: Prometheus scrapes every five."""


@contextmanager
def pipeline_for_steps(settings: Settings) -> Iterator[Pipeline]:
    """A pipeline that keeps its cluster for the next step, except on an existing cluster."""
    from kindgate.pipeline.provisioner import Pipeline  # noqa: PLC0415  # keeps --help quick

    keep: Keep = "never" if settings.cluster.existing is not None else "always"
    kept = replace(settings, cluster=replace(settings.cluster, keep=keep))
    pipeline = Pipeline(kept, settings.cluster_name, stopwatch_progress())
    try:
        yield pipeline
    finally:
        pipeline.cleanup.release()


@with_settings("cluster", "images", "deploy", "slo", "report")
def validate(
    settings: Settings,
    strict: Annotated[bool, typer.Option("--strict", help="Same as --app-strict: treat policy warnings as errors")] = False,
) -> None:
    """Read and check manifests, objectives, options and images; create nothing. All problems are listed, errors first.

    Example: `kindgate validate --app-overlay k8s/overlays/production --strict`
    """
    from kindgate.pipeline.inputs import check_inputs  # noqa: PLC0415  # keeps --help quick

    if strict:
        settings = replace(settings, deploy=replace(settings.deploy, strict=True))
    with TemporaryDirectory(prefix="kindgate-") as folder:
        checked = check_inputs(settings, Path(folder), stopwatch_progress())
    for finding in checked.findings:
        print(f"{finding.level}: {finding}")
    first_error = checked.first_error
    for error in checked.errors:
        if error is not first_error:
            print_redacted(f"error: {error}")
    for note in checked.notes:
        print(f"note: {note}")
    if checked.rendered is not None:
        entries = ", ".join(entry.label for entry in checked.entries)
        print(f"{settings.deploy.overlay}: {len(checked.rendered.objects)} objects, entries {entries or 'none'}")
    if checked.supply is not None:
        print("images:")
        for line in checked.supply.lines:
            print(f"  {line}")
    if first_error is not None:
        raise first_error
    print("valid")


@with_settings("cluster", "images", "deploy", "slo", "report")
def up(settings: Settings) -> None:
    """Create the cluster and load the images; a running cluster is used unchanged.

    Example: `kindgate up --kind-workers 1`; `kindgate down` deletes the cluster.
    """
    from kindgate.pipeline.environment import RunningCluster  # noqa: PLC0415  # keeps --help quick

    with pipeline_for_steps(settings) as pipeline:
        address = pipeline.environment_at(RunningCluster).address
    print(f"cluster {address.name}: {len(address.nodes)} nodes, Kubernetes {address.server_version}")
    print(f"export KUBECONFIG={address.kubeconfig}")


@with_settings("cluster", "images", "deploy", "slo", "report")
def deploy(settings: Settings) -> None:
    """Apply the manifests, and wait until everything is ready and responds through the ingress.

    Example: `kindgate deploy --app-overlay k8s/overlays/ci --app-image echo=echo:dev`
    """
    from kindgate.deploy.entry_requests import curl_command  # noqa: PLC0415  # keeps --help quick
    from kindgate.pipeline.environment import DeployedApplication  # noqa: PLC0415  # the same

    with pipeline_for_steps(settings) as pipeline:
        application = pipeline.environment_at(DeployedApplication)
    for entry in application.entries:
        print(without_credentials(curl_command(entry, application.address)))


@with_settings("cluster", "images", "deploy", "slo", "metrics", "report")
def health(settings: Settings) -> None:
    """Check the running environment: nodes, workloads, each host through the ingress, Prometheus targets.

    Example: `kindgate health --prometheus optional`
    """
    from kindgate.pipeline.environment import MonitoredApplication  # noqa: PLC0415  # keeps --help quick

    with pipeline_for_steps(settings) as pipeline:
        monitored = pipeline.environment_at(MonitoredApplication)
    application = monitored.application
    print(f"cluster {application.address.name}: {len(application.address.nodes)} nodes ready")
    print(f"application: all workloads ready; responding: {', '.join(entry.label for entry in application.entries)}")
    print("Prometheus: all targets up" if monitored.has_prometheus else f"Prometheus: {monitored.missing_prometheus}")


@with_settings("cluster", "images", "deploy", "slo", "metrics", "report")
def monitor(
    settings: Settings,
    duration: Annotated[float, typer.Option(parser=seconds, help="How long to watch, at least 5 s", metavar=SECONDS)] = 30.0,
) -> None:
    """Show the application's resource use: CPU and memory with their limits, network, restarts, throttling.

    Example: `kindgate monitor --duration 30`, while `kindgate load` is running.
    """
    from kindgate.cli.console import resource_table  # noqa: PLC0415  # keeps --help quick
    from kindgate.model import Window  # noqa: PLC0415  # the same
    from kindgate.observe.prometheus_client import prometheus_in_cluster  # noqa: PLC0415  # the same
    from kindgate.observe.resource_summary import resource_summary  # noqa: PLC0415  # the same
    from kindgate.pipeline.environment import MonitoredApplication  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline, Pending, Ready, wait_for  # noqa: PLC0415  # the same

    if duration < SHORTEST_WATCH:
        raise typer.BadParameter(f"it must be at least {SHORTEST_WATCH:g} s, not {duration:g} s", param_hint="--duration")
    progress = stopwatch_progress()
    with pipeline_for_steps(settings) as pipeline:
        application = pipeline.environment_at(MonitoredApplication).application
    start = time.time()
    progress(f"watching for {duration:g} s")
    end = start + duration
    wait_for(
        "the window to pass",
        lambda: Ready(None) if time.time() >= end else Pending("watching"),
        Deadline.after(duration + 5),
        interval=0.5,
    )
    rendered = application.rendered
    with prometheus_in_cluster(application.address) as client:
        summary = resource_summary(client, Window(start, end), rendered.namespaces, rendered, Deadline.after(60))
    print(resource_table(summary))


@with_settings("cluster")
def down(settings: Settings) -> None:
    """Delete this folder's cluster with its network, kubeconfig and state; succeeds if there is none.

    Example: `kindgate down --cluster-name kindgate-1a2b3c4d`
    """
    from kindgate.cluster.delete import delete_named  # noqa: PLC0415  # keeps --help quick
    from kindgate.host.container_engine import find_engine  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    deadline = Deadline.after(180)
    deleted = delete_named(find_engine(deadline), settings.cluster_name, deadline)
    print(f"cluster {settings.cluster_name} deleted" if deleted else f"cluster {settings.cluster_name} not found")


@with_settings("cluster", "images", "deploy", "load", "slo", "metrics", "report", "github")
def run(settings: Settings) -> None:
    """Do a full run without pytest: create, deploy, judge the SLO file's objectives, report, delete.

    Example: `kindgate run --slo-file slo.yaml --artifacts out`; exits with 20 if an objective is missed.
    """
    from kindgate.pipeline.full_run import run_everything  # noqa: PLC0415  # keeps --help quick

    with untrusted_output():
        full_run = run_everything(settings, stopwatch_progress(), print)
    for line in full_run.annotations:
        print(line, flush=True)
    sys.exit(full_run.exit_code)


@with_settings("cluster", "images", "deploy", "load", "slo", "metrics", "report", "github")
def compare(settings: Settings, base: Annotated[str, typer.Option(help="Same as --slo-base", metavar="REF_OR_OVERLAY")] = "") -> None:
    """Compare with a baseline: create the cluster, deploy both versions, judge the SLO file's `compare:`, report, delete.

    Example: `kindgate compare --base origin/main`; exits with 20 if this version is slower than tolerated, and with 21
    if the measurement is invalid.
    """
    from kindgate.pipeline.full_run import judge_comparison, run_everything  # noqa: PLC0415  # keeps --help quick

    requested = replace(settings, slo=replace(settings.slo, base=base or settings.slo.base))
    if not requested.slo.compares:
        raise SettingsError("no baseline to compare with", next_step="set --base REF_OR_OVERLAY or --slo-base-image NAME=IMAGE")
    with untrusted_output():
        full_run = run_everything(requested, stopwatch_progress(), print, judge_comparison)
    for line in full_run.annotations:
        print(line, flush=True)
    sys.exit(full_run.exit_code)
