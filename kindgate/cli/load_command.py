"""`kindgate load`: one burst, or a capacity search, against any URL or the running application."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from kindgate.cli.arguments import all_decoded, decoded, seconds
from kindgate.cli.command_options import with_settings
from kindgate.errors import SettingsError
from kindgate.options import SECONDS
from kindgate.settings import Settings

_WHAT = "Requests"
_HOW = "Load"
_OUT = "Results"


@with_settings("cluster", "images", "deploy", "slo_file")
def load(
    settings: Settings,
    *,
    url: Annotated[
        list[str] | None, typer.Option(help="URL to send requests to, without a cluster; repeatable", rich_help_panel=_WHAT)
    ] = None,
    weight: Annotated[
        list[int] | None, typer.Option(help="Relative weight of each --url, in the same order", rich_help_panel=_WHAT)
    ] = None,
    header: Annotated[list[str] | None, typer.Option(help="Request header, as `Name: value`; repeatable", rich_help_panel=_WHAT)] = None,
    method: Annotated[str, typer.Option(help="HTTP method", rich_help_panel=_WHAT)] = "GET",
    body: Annotated[str, typer.Option(help="Request body, or @FILE", metavar="TEXT|@FILE", rich_help_panel=_WHAT)] = "",
    expect: Annotated[str, typer.Option(help="Text that every response body must contain", metavar="TEXT", rich_help_panel=_WHAT)] = "",
    expect_json: Annotated[
        str,
        typer.Option(
            help="Dotted path that every JSON response body must have, with this value", metavar="PATH[=JSON]", rich_help_panel=_WHAT
        ),
    ] = "",
    expect_size: Annotated[
        int | None, typer.Option(help="Size in bytes that every response body must have", min=0, rich_help_panel=_WHAT)
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="Limit load to this host of the application; repeatable", rich_help_panel=_WHAT)
    ] = None,
    route: Annotated[
        list[str] | None,
        typer.Option(
            help="Limit load to this route or journey of the SLO file's workload; repeatable", metavar="NAME", rich_help_panel=_WHAT
        ),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Requests per second", rich_help_panel=_HOW)] = None,
    duration: Annotated[float | None, typer.Option(parser=seconds, help="Burst duration", metavar=SECONDS, rich_help_panel=_HOW)] = None,
    requests: Annotated[int | None, typer.Option(help="Number of requests to send instead of a duration", rich_help_panel=_HOW)] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(help="Ramp to RATE over SECONDS, starting at --rate or 0; repeatable", metavar="SECONDS:RATE", rich_help_panel=_HOW),
    ] = None,
    users: Annotated[
        int | None, typer.Option(help="Closed loop: number of users, each waiting for its response", rich_help_panel=_HOW)
    ] = None,
    locustfile: Annotated[
        Path | None, typer.Option(help="Closed loop: the --users of this locustfile send the requests", rich_help_panel=_HOW)
    ] = None,
    k6_script: Annotated[
        Path | None, typer.Option(help="Run this script with k6, which must be on PATH; the script defines the load", rich_help_panel=_HOW)
    ] = None,
    spawn_rate: Annotated[
        float | None, typer.Option(help="Users of the locustfile to start per second; default: all at once", rich_help_panel=_HOW)
    ] = None,
    arrival: Annotated[Literal["poisson", "uniform"] | None, typer.Option(help="Arrival process", rich_help_panel=_HOW)] = None,
    seed: Annotated[int | None, typer.Option(help="Seed for arrivals and the order of routes", rich_help_panel=_HOW)] = None,
    warmup: Annotated[
        float | None,
        typer.Option(parser=seconds, help="Warm-up duration; its results are discarded", metavar=SECONDS, rich_help_panel=_HOW),
    ] = None,
    timeout: Annotated[float | None, typer.Option(parser=seconds, help="Request timeout", metavar=SECONDS, rich_help_panel=_HOW)] = None,
    in_flight: Annotated[int | None, typer.Option(help="Maximum number of requests in flight", rich_help_panel=_HOW)] = None,
    processes: Annotated[int, typer.Option(help="Generator processes; 0: as many as needed", rich_help_panel=_HOW)] = 0,
    workers: Annotated[int, typer.Option(help="Locust workers that share the burst; 0: no Locust", rich_help_panel=_HOW)] = 0,
    in_cluster: Annotated[
        bool, typer.Option("--in-cluster", help="Run the workers as pods in the running cluster; no warm-up", rich_help_panel=_HOW)
    ] = False,
    worker_image: Annotated[
        str, typer.Option(help="Image for those pods; default: kindgate.local/load-generator", metavar="IMAGE", rich_help_panel=_HOW)
    ] = "",
    http2: Annotated[bool, typer.Option("--http2", help="Use HTTP/2", rich_help_panel=_HOW)] = False,
    redirects: Annotated[
        int | None,
        typer.Option(help="Maximum number of redirects to follow as part of a request; default: none", min=0, rich_help_panel=_HOW),
    ] = None,
    new_connections: Annotated[
        bool, typer.Option("--new-connections", help="Open a new connection for every request", rich_help_panel=_HOW)
    ] = False,
    insecure: Annotated[bool, typer.Option("--insecure", help="Trust any certificate", rich_help_panel=_HOW)] = False,
    ca_file: Annotated[
        str, typer.Option(help="CA certificates to trust instead of the system's", metavar="FILE", rich_help_panel=_HOW)
    ] = "",
    from_k6: Annotated[Path | None, typer.Option(help="Take rates and thresholds from k6's options.json", rich_help_panel=_HOW)] = None,
    threshold: Annotated[
        list[str] | None, typer.Option(help="Threshold in k6's grammar, as `metric: expression`; repeatable", rich_help_panel=_OUT)
    ] = None,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Judge even if a worker was lost", rich_help_panel=_OUT)] = False,
    find_capacity: Annotated[
        bool, typer.Option("--find-capacity", help="Search for the highest rate that meets the thresholds", rich_help_panel=_OUT)
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the result as JSON (docs/load-result.schema.json)", rich_help_panel=_OUT)
    ] = None,
    k6_summary: Annotated[Path | None, typer.Option(help="Write a summary in k6's export format", rich_help_panel=_OUT)] = None,
    raw: Annotated[Path | None, typer.Option(help="Write every sample, as CSV (.csv) or JSON lines", rich_help_panel=_OUT)] = None,
) -> None:
    """Send a burst of load and show the results; response times count from the intended send time.

    Without `--url`, the running application gets the workload of the SLO file, or without one, GET requests of its paths.
    Thresholds apply to this one burst; a verdict with known error rates takes many (`kindgate run`).

    Examples: `kindgate load --url http://127.0.0.1:8080/ --rate 1000 --duration 3 --threshold 'p(95)<200'`;
    `kindgate load --find-capacity --rate 200 --duration 5 --threshold 'p(99)<500'` against the running application
    """
    from kindgate.cli.load_plan import (  # noqa: PLC0415  # keeps --help quick
        GeneratorLocation,
        LoadOptions,
        RequestTemplate,
        application_routes,
        body_expectation,
        json_object,
        url_routes,
    )
    from kindgate.cli.load_program import ConnectionOptions, ProgramOptions, UserOptions, program_plan  # noqa: PLC0415  # the same
    from kindgate.cli.load_run import LoadRun, run_load  # noqa: PLC0415  # the same
    from kindgate.cli.load_thresholds import parse_thresholds  # noqa: PLC0415  # the same
    from kindgate.cli.load_workload import refuse_parts_of_nothing, refuse_request_options, workload_burst  # noqa: PLC0415  # the same
    from kindgate.load.distributed import run_distributed  # noqa: PLC0415  # the same
    from kindgate.load.k6 import read_k6_options  # noqa: PLC0415  # the same
    from kindgate.load.plan import BurstPlan  # noqa: PLC0415  # the same

    defaults = settings.load
    if in_cluster and not workers:
        raise SettingsError("--in-cluster requires --workers", next_step="add --workers 2")
    location = GeneratorLocation(settings, in_cluster=in_cluster, image=worker_image)
    connection = ConnectionOptions(
        timeout=defaults.timeout if timeout is None else timeout,
        verify=not insecure,
        ca_file=ca_file or ("" if url else location.ca_file),
    )
    imported = read_k6_options(json_object(from_k6)) if from_k6 else None
    burst = None
    own_thresholds: tuple[str, ...] = imported.thresholds if imported else ()
    if locustfile is not None or k6_script is not None or spawn_rate is not None:
        given = {
            "--route": route,
            "--weight": weight,
            "--header": header,
            "--method": method != "GET",
            "--body": body,
            "--expect": expect,
            "--expect-json": expect_json,
            "--expect-size": expect_size is not None,
            "--rate": rate,
            "--requests": requests,
            "--stage": stage,
            "--arrival": arrival,
            "--seed": seed is not None,
            "--in-flight": in_flight,
            "--processes": processes,
            "--http2": http2,
            "--redirects": redirects is not None,
            "--new-connections": new_connections,
            "--from-k6": from_k6,
            "--find-capacity": find_capacity,
            "--raw": raw,
        }
        of_users = {
            "--locustfile": locustfile,
            "--users": users,
            "--duration": duration,
            "--warmup": warmup,
            "--workers": workers,
            "--timeout": timeout is not None,
        }
        sent = UserOptions(users, defaults.duration if duration is None else duration, spawn_rate, workers or 1, here=not in_cluster)
        program = ProgramOptions(locustfile, k6_script, all_decoded(url), all_decoded(host), sent)
        plan, own_thresholds = program_plan(program, location, connection, given, of_users)
    else:
        load_options = LoadOptions(rate, duration, requests, users, arrival, stage or ())
        if imported and load_options.any_given:
            raise SettingsError("--from-k6 defines the load: remove --rate, --duration, --requests, --stage, --users and --arrival")
        headers = all_decoded(header)
        if imported and imported.user_agent and not any(text.lower().startswith("user-agent:") for text in headers):
            headers = (*headers, f"User-Agent: {imported.user_agent}")
        hosts, parts = all_decoded(host), all_decoded(route)
        others = [option for option, is_given in (("--url", url), ("--host", hosts)) if is_given]
        loaded = None if others else location.application.cluster.workload
        refuse_parts_of_nothing(parts, workload=loaded is not None, others=others)
        sized = replace(defaults, seed=defaults.seed if seed is None else seed, timeout=connection.timeout)
        if loaded is not None:
            refuse_request_options(
                {
                    "--header": bool(header),
                    "userAgent of --from-k6": bool(imported and imported.user_agent),
                    "--method": method != "GET",
                    "--body": bool(body),
                    "--expect": bool(expect),
                    "--expect-json": bool(expect_json),
                    "--expect-size": expect_size is not None,
                }
            )
            burst = workload_burst(location, loaded, load_options, sized, parts, loop=imported.loop if imported else None)
            plan = burst.plan
        else:
            template = RequestTemplate(method, headers, body, body_expectation(decoded(expect), decoded(expect_json), expect_size))
            plan = BurstPlan(
                routes=url_routes(all_decoded(url), weight or (), template, resolve_here=not in_cluster)
                if url
                else application_routes(location, hosts, template),
                loop=imported.loop if imported else load_options.loop(defaults),
                seed=sized.seed,
                timeout=sized.timeout,
            )
        followed = redirects if redirects is not None else imported.redirects if imported else None
        plan = replace(
            plan,
            in_flight=in_flight if in_flight is not None or not imported else imported.max_vus,
            keep_alive=not new_connections and (imported is None or imported.keep_alive),
            http_version="2" if http2 else plan.http_version,
            verify=connection.verify and (imported is None or imported.verify),
            ca_file=connection.ca_file,
            processes=processes,
            redirects=plan.redirects if followed is None else followed,
        )
    load_run = LoadRun(
        plan=plan,
        warmup=0.0 if in_cluster or k6_script else defaults.warmup if warmup is None else warmup,
        workers=workers if in_cluster or plan.program is None else 0,
        distribute=location.distribute if in_cluster else run_distributed,
        allow_missing=allow_missing,
        thresholds=(*parse_thresholds(own_thresholds, str(k6_script or from_k6)), *parse_thresholds(all_decoded(threshold))),
        find_capacity=find_capacity,
        json_file=json_file,
        k6_summary=k6_summary,
        raw_file=raw,
        own_cpu=None if url else location.application.cluster.own_cpu,
        to_urls=bool(url),
        prepared=nullcontext if burst is None else burst.prepared,
    )
    sys.exit(run_load(load_run))
