"""`kindgate load`: one burst, or a search for capacity, against any URL or the application that stands."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kindgate.cli.settings import with_settings
from kindgate.errors import LoadError, SettingsError
from kindgate.settings import Settings

if TYPE_CHECKING:
    from kindgate.load.plan import ClosedLoop, OpenLoop, Route

_WHAT = "What is sent"
_HOW = "How it is sent"
_OUT = "What comes out"


@with_settings("cluster", "deploy")
def load(
    settings: Settings,
    *,
    url: Annotated[list[str] | None, typer.Option(help="URL to send to, needing no cluster; repeatable", rich_help_panel=_WHAT)] = None,
    header: Annotated[list[str] | None, typer.Option(help="`Name: value`; repeatable", rich_help_panel=_WHAT)] = None,
    method: Annotated[str, typer.Option(help="HTTP method", rich_help_panel=_WHAT)] = "GET",
    body: Annotated[str, typer.Option(help="Request body, or @FILE", metavar="TEXT|@FILE", rich_help_panel=_WHAT)] = "",
    expect: Annotated[str, typer.Option(help="Text that every body has to contain", metavar="TEXT", rich_help_panel=_WHAT)] = "",
    host: Annotated[list[str] | None, typer.Option(help="Only these of the application's hosts; repeatable", rich_help_panel=_WHAT)] = None,
    rate: Annotated[float | None, typer.Option(help="Requests per second", rich_help_panel=_HOW)] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds", rich_help_panel=_HOW)] = None,
    requests: Annotated[int | None, typer.Option(help="Number of requests, instead of a duration", rich_help_panel=_HOW)] = None,
    users: Annotated[int | None, typer.Option(help="Closed loop: so many users, each waiting for its answer", rich_help_panel=_HOW)] = None,
    arrival: Annotated[Literal["poisson", "uniform"] | None, typer.Option(help="Arrivals", rich_help_panel=_HOW)] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of arrivals and of the order of routes", rich_help_panel=_HOW)] = None,
    warmup: Annotated[float | None, typer.Option(help="Seconds of load that are sent first and discarded", rich_help_panel=_HOW)] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds after which a request has failed", rich_help_panel=_HOW)] = None,
    in_flight: Annotated[int | None, typer.Option(help="Requests that may be unanswered at a time", rich_help_panel=_HOW)] = None,
    processes: Annotated[int, typer.Option(help="Generator processes; 0: as many as are needed", rich_help_panel=_HOW)] = 0,
    workers: Annotated[int, typer.Option(help="Locust workers that share the burst; 0: no Locust", rich_help_panel=_HOW)] = 0,
    http2: Annotated[bool, typer.Option("--http2", help="HTTP/2", rich_help_panel=_HOW)] = False,
    new_connections: Annotated[bool, typer.Option("--new-connections", help="A connection per request", rich_help_panel=_HOW)] = False,
    insecure: Annotated[bool, typer.Option("--insecure", help="Trust any certificate", rich_help_panel=_HOW)] = False,
    from_k6: Annotated[Path | None, typer.Option(help="Rates and thresholds from k6's options.json", rich_help_panel=_HOW)] = None,
    threshold: Annotated[
        list[str] | None, typer.Option(help="`metric: expression` in k6's grammar; repeatable", rich_help_panel=_OUT)
    ] = None,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Judge although a worker was lost", rich_help_panel=_OUT)] = False,
    find_capacity: Annotated[
        bool, typer.Option("--find-capacity", help="Raise the rate until a threshold fails", rich_help_panel=_OUT)
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write docs/load-result.schema.json's document", rich_help_panel=_OUT)
    ] = None,
    k6_summary: Annotated[Path | None, typer.Option(help="Write a summary as k6 exports it", rich_help_panel=_OUT)] = None,
    raw: Annotated[Path | None, typer.Option(help="Write every sample; .csv, or JSON lines", rich_help_panel=_OUT)] = None,
) -> None:
    """Send a burst of load and show what was measured; response times count from the intended moment.

    Thresholds are held against this one burst: a verdict with known error rates takes many (`kindgate run`).

    Example: `kindgate load --url http://127.0.0.1:8080/ --rate 1000 --duration 3 --threshold 'p(95)<200'`
    """
    from kindgate.cli.load_run import LoadRun, run_load  # noqa: PLC0415  # keeps --help quick
    from kindgate.load.k6 import read_options  # noqa: PLC0415  # the same
    from kindgate.load.plan import BurstPlan  # noqa: PLC0415  # the same

    usual = settings.load
    imported = read_options(_json_file(from_k6)) if from_k6 else None
    if imported and (rate, duration, requests, users, arrival) != (None,) * 5:
        raise SettingsError("--from-k6 says how much is sent: leave out --rate, --duration, --requests, --users and --arrival")
    loop = imported.loop if imported else _loop(settings, rate=rate, duration=duration, requests=requests, users=users, arrival=arrival)
    plan = BurstPlan(
        routes=_routes(url, header or [], method, _body(body), expect) if url else _application(settings, host or [], method, header or []),
        loop=loop,
        seed=usual.seed if seed is None else seed,
        timeout=usual.timeout if timeout is None else timeout,
        in_flight=in_flight if in_flight or not imported else imported.max_vus,
        keep_alive=not new_connections,
        http_version="2" if http2 else "1.1",
        verify=not insecure,
        processes=processes,
    )
    wanted = LoadRun(
        plan=plan,
        warmup=usual.warmup if warmup is None else warmup,
        workers=workers,
        allow_missing=allow_missing,
        thresholds=(*(imported.thresholds if imported else ()), *(threshold or [])),
        find_capacity=find_capacity,
        json_file=json_file,
        k6_summary=k6_summary,
        raw_file=raw,
    )
    sys.exit(run_load(wanted))


def _loop(
    settings: Settings,
    *,
    rate: float | None,
    duration: float | None,
    requests: int | None,
    users: int | None,
    arrival: Literal["poisson", "uniform"] | None,
) -> OpenLoop | ClosedLoop:
    """The loop that options describe; settings fill in what they leave out."""
    from kindgate.load.plan import ClosedLoop, OpenLoop  # noqa: PLC0415  # keeps --help quick

    seconds = duration if duration is not None or requests is not None else settings.load.duration
    if users is not None:
        if rate is not None or arrival is not None:
            raise LoadError("--users is a closed loop, which has no rate and no arrivals: leave out --rate and --arrival")
        return ClosedLoop(users, seconds, requests)
    wanted = settings.load.rate if rate is None else rate
    return OpenLoop.constant(wanted, seconds=seconds, requests=requests, arrival=arrival or settings.load.arrival)


def _routes(urls: list[str], headers: list[str], method: str, body: bytes, expect: str) -> tuple[Route, ...]:
    """One route per URL; a Host header becomes the route's host."""
    from kindgate.load.plan import Check, Route  # noqa: PLC0415  # keeps --help quick
    from kindgate.load.target import refuse_unknown_hosts  # noqa: PLC0415  # the same

    pairs = [_pair(header) for header in headers]
    hosts = [value for name, value in pairs if name.lower() == "host"]
    others = tuple((name, value) for name, value in pairs if name.lower() != "host")
    check = Check(substring=expect) if expect else None
    host = hosts[-1] if hosts else ""
    name = {url: host or url for url in urls} if len(urls) == 1 else {url: url for url in urls}
    routes = tuple(Route(url, host, method.upper(), others, body, name=name[url], check=check) for url in urls)
    refuse_unknown_hosts(routes)
    return routes


def _application(settings: Settings, hosts: list[str], method: str, headers: list[str]) -> tuple[Route, ...]:
    """The hosts of the application that stands, or those of them that are asked for."""
    from kindgate.cli.standing import standing  # noqa: PLC0415  # keeps --help quick
    from kindgate.pipeline.stages import Stage  # noqa: PLC0415  # the same
    from kindgate.pipeline.targets import ingress_routes  # noqa: PLC0415  # the same

    with standing(settings) as pipeline:
        reached = pipeline.reach(Stage.APP)
    unknown = sorted(set(hosts) - set(reached.rendered.hosts))
    if unknown:
        raise LoadError(f"no Ingress routes {', '.join(unknown)}", next_step=f"the hosts are {', '.join(reached.rendered.hosts)}")
    routes = ingress_routes(reached.address.ingress_url, hosts or reached.rendered.hosts)
    return tuple(replace(route, method=method.upper(), headers=tuple(_pair(header) for header in headers)) for route in routes)


def _pair(header: str) -> tuple[str, str]:
    name, colon, value = header.partition(":")
    if not colon or not name.strip():
        raise LoadError(f"--header {header!r} is not of the form 'Name: value'")
    return name.strip(), value.strip()


def _body(text: str) -> bytes:
    """The body itself, or what the file after @ holds."""
    try:
        return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    except OSError as error:
        raise LoadError(f"--body {text}: {error}") from error


def _json_file(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LoadError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise LoadError(f"{path} holds no JSON object")
    return value
