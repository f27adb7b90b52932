"""`kindgate scenario`: an action under load against the running application, and the undo of what an interrupted one left."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kindgate.cli.arguments import all_decoded
from kindgate.cli.command_options import with_settings
from kindgate.cli.console import print_redacted, stopwatch_progress
from kindgate.settings import Settings

if TYPE_CHECKING:
    from kindgate.host.container_engine import Engine
    from kindgate.model import ClusterAddress
    from kindgate.pipeline.run_tools import Tools

FIND_SECONDS = 600.0

scenario = typer.Typer(
    name="scenario", help="What happens in production, done to the running application under load.", no_args_is_help=True
)


@scenario.command()
@with_settings("cluster", "images", "deploy", "load", "slo", "scenario")
def rollout(
    settings: Settings,
    change: Annotated[
        Literal["restart", "update", "rollback", "bad-image"],
        typer.Argument(help="restart, update (--env or --image), rollback (a new revision and back) or bad-image", metavar="[CHANGE]"),
    ] = "restart",
    *,
    workload: Annotated[
        list[str] | None, typer.Option(help="Workload to roll out; default: all behind the entries; repeatable", metavar="[KIND/]NAME")
    ] = None,
    env: Annotated[list[str] | None, typer.Option(help="Variable of the update; repeatable", metavar="NAME=VALUE")] = None,
    image: Annotated[list[str] | None, typer.Option(help="Image of the update in place of NAME; repeatable", metavar="NAME=IMAGE")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the episode as JSON", metavar="FILE")] = None,
) -> None:
    """Roll out the application under load, undo that, and judge it by `scenarios:` of the SLO file; by default no request may be lost.

    Examples: `kindgate scenario rollout`, `kindgate scenario rollout update --env GREETING=hello`
    """
    from kindgate.cli.scenario_run import RolloutRequest, run_requested  # noqa: PLC0415  # keeps --help quick

    request = RolloutRequest(change, tuple(workload or ()), tuple(env or ()), tuple(image or ()), json_file)
    sys.exit(run_requested(settings, request))


@scenario.command()
@with_settings("cluster", "images", "deploy", "load", "slo", "scenario")
def chaos(
    settings: Settings,
    fault: Annotated[
        Literal[
            "kill-pod",
            "kill-pods",
            "kill-container",
            "kill-containers",
            "kill-ingress",
            "drain",
            "pause-node",
            "stop-node",
            "kill-kubelet",
            "lose-dns",
            "partition",
            "packet-loss",
            "cpu-pressure",
            "memory-pressure",
        ],
        typer.Argument(
            help="kill-pod or kill-container (one of each workload), kill-pods or kill-containers (all), kill-ingress, "
            "drain, pause-node, stop-node or kill-kubelet (a worker), lose-dns, partition, packet-loss, "
            "cpu-pressure or memory-pressure (a pod of each workload)",
            metavar="[FAULT]",
        ),
    ] = "kill-pod",
    *,
    workload: Annotated[
        list[str] | None,
        typer.Option(help="Workload to injure; default: all behind the entries; repeatable", metavar="[KIND/]NAME"),
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Kill pods without a grace period")] = False,
    node: Annotated[str, typer.Option(help="Node to act on; default: a worker with most pods of the application", metavar="NODE")] = "",
    lasting: Annotated[float | None, typer.Option("--for", help="Duration of a fault that lasts; default: 15", metavar="SECONDS")] = None,
    percent: Annotated[
        int | None,
        typer.Option(help="Share of the packets that packet-loss drops (20), or of its limit to which memory-pressure fills memory (80)"),
    ] = None,
    direction: Annotated[Literal["in", "out", "both"], typer.Option(help="Packets of a network fault, as the pod sees them")] = "both",
    peer: Annotated[
        list[str] | None,
        typer.Option(help="Workload whose packets a network fault drops; default: all; repeatable", metavar="[KIND/]NAME"),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the episode as JSON", metavar="FILE")] = None,
) -> None:
    """Cause a fault under load, and judge it by `scenarios:` of the SLO file; by default no request may be lost.

    Examples: `kindgate scenario chaos`, `kindgate scenario chaos kill-pods --workload web --now`
    """
    from kindgate.cli.chaos_request import ChaosRequest  # noqa: PLC0415  # keeps --help quick
    from kindgate.cli.scenario_run import run_requested  # noqa: PLC0415  # the same

    request = ChaosRequest(
        fault,
        tuple(workload or ()),
        now,
        json_file,
        node=node,
        seconds=lasting,
        percent=percent,
        direction=direction,
        peers=tuple(peer or ()),
    )
    sys.exit(run_requested(settings, request))


@scenario.command()
@with_settings("cluster", "images", "deploy", "slo")
def policy(
    settings: Settings,
    *,
    deny: Annotated[list[str] | None, typer.Option(help="Connection that must be impossible; repeatable", metavar="RULE")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="Connection that must be possible, also if --deny covers it; repeatable", metavar="RULE")
    ] = None,
    pod_security: Annotated[
        Literal["baseline", "restricted"] | None,
        typer.Option(help="Also judge whether this level of Pod Security admits the pods: baseline or restricted", metavar="LEVEL"),
    ] = None,
    admission: Annotated[bool, typer.Option("--admission", help="Also judge the workloads by kindgate's admission policies")] = False,
    permissions: Annotated[bool, typer.Option("--permissions", help="Also judge what the service accounts may do")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the connections as JSON", metavar="FILE")] = None,
) -> None:
    """Try the connections between the application's pods and from others, and judge them by rules such as `* -> database:5432`.

    Without --deny and --allow, the rules are those of `scenarios: policy:` in the SLO file; without these, no pod of another
    namespace may connect. It sends no load.

    Examples: `kindgate scenario policy`, `kindgate scenario policy --deny "* -> database:5432" --allow "web -> database:5432"`
    """
    from kindgate.cli.policy_run import run_policy  # noqa: PLC0415  # keeps --help quick

    code = run_policy(
        settings,
        deny=all_decoded(deny),
        allow=all_decoded(allow),
        json_file=json_file,
        level=pod_security,
        admission=admission,
        permissions=permissions,
    )
    sys.exit(code)


@scenario.command()
@with_settings("cluster", "images", "deploy", "load", "slo", "scenario")
def scaling(
    settings: Settings,
    direction: Annotated[
        Literal["out-and-in", "scale-out", "scale-in"],
        typer.Argument(help="out-and-in, or one of its halves: scale-out, scale-in", metavar="[DIRECTION]"),
    ] = "out-and-in",
    *,
    workload: Annotated[
        list[str] | None,
        typer.Option(help="Workload whose autoscaler is tested; default: all behind the entries; repeatable", metavar="[KIND/]NAME"),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the (last) episode as JSON", metavar="FILE")] = None,
) -> None:
    """Raise the load until autoscalers add pods, then lower it until they remove them, and judge both by `scenarios:` of the SLO file.

    By default a new pod must be ready in time, and no request may be lost while pods are removed.

    Examples: `kindgate scenario scaling --scenario-peak 1000`, `kindgate scenario scaling scale-out --workload web`
    """
    from kindgate.cli.scaling_request import ScalingRequest  # noqa: PLC0415  # keeps --help quick
    from kindgate.cli.scenario_run import run_requested  # noqa: PLC0415  # the same

    directions: tuple[Literal["scale-out", "scale-in"], ...] = ("scale-out", "scale-in") if direction == "out-and-in" else (direction,)
    requests = [ScalingRequest(each, tuple(workload or ()), json_file) for each in directions]
    sys.exit(run_requested(replace(settings, autoscaling=True), *requests))


@scenario.command()
@with_settings("cluster")
def undo(settings: Settings) -> None:
    """Undo what interrupted scenarios left in the cluster; succeeds if there is nothing to undo.

    Example: `kindgate scenario undo --cluster-name kindgate-1a2b3c4d`
    """
    from kindgate.errors import ScenarioError  # noqa: PLC0415  # keeps --help quick
    from kindgate.scenarios.undo import undo_leftovers  # noqa: PLC0415  # the same

    address, tools, engine = _find_cluster(settings)
    leftovers = undo_leftovers(address, tools.kubectl, engine, by_hand=True)
    for leftover in leftovers:
        print_redacted(f"{leftover.what}: {leftover.error or 'undone'}")
    if not leftovers:
        print("nothing to undo")
    if any(leftover.error for leftover in leftovers):
        raise ScenarioError("some actions are not undone", next_step="wait until the process that is named has ended, and run it again")


def _find_cluster(settings: Settings) -> tuple[ClusterAddress, Tools, Engine | None]:
    """The running cluster, its programs and its engine, without preparing a run; raises `ClusterError` if there is no cluster.

    Nodes that a scenario left stopped or paused are started first: without them, the cluster is not running.
    """
    from kindgate.cluster.attach import attach_existing, find_cluster  # noqa: PLC0415  # keeps --help quick
    from kindgate.errors import ClusterError  # noqa: PLC0415  # the same
    from kindgate.host.container_engine import find_engine  # noqa: PLC0415  # the same
    from kindgate.pipeline.run_tools import find_tools  # noqa: PLC0415  # the same
    from kindgate.scenarios.undo import undo_node_faults  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    deadline = Deadline.after(FIND_SECONDS)
    tools = find_tools(settings, deadline, stopwatch_progress())
    if settings.cluster.existing is not None:
        return attach_existing(settings.cluster, deadline=deadline), tools, None
    engine = find_engine(deadline)
    undo_node_faults(settings.cluster_name, engine, by_hand=True)
    address = find_cluster(engine, settings.cluster_name, tools.kind, deadline) if tools.kind is not None else None
    if address is None:
        raise ClusterError(f"cluster {settings.cluster_name} not found", next_step="list clusters with `kindgate list`")
    return address, tools, engine
