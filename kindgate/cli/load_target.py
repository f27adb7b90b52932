"""What `kindgate load` sends to: URLs, or the application that stands, as this machine or pods of the cluster reach it."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.cli.arguments import typed
from kindgate.cli.console import stopwatch_progress
from kindgate.cli.standing import standing
from kindgate.credentials import masked_url
from kindgate.deploy.entry_requests import trusted_file
from kindgate.errors import LoadError
from kindgate.load.plan import BurstPlan, Check, Route
from kindgate.load.result import BurstResult
from kindgate.load.target import refuse_unknown_hosts
from kindgate.load.wire import refuse_undecodable
from kindgate.model import ClusterAddress
from kindgate.pipeline.generators import ingress_in_cluster, run_in_cluster
from kindgate.pipeline.stages import Provisioned, Stage
from kindgate.pipeline.targets import chosen_entries, entry_routes
from kindgate.settings import Settings


class Place:
    """Where the burst is sent from: this machine, or pods of the cluster that stands, which is asked for once at most."""

    def __init__(self, settings: Settings, *, in_cluster: bool, image: str = "") -> None:
        self._settings = settings
        self._image = image
        self.in_cluster = in_cluster

    @functools.cached_property
    def reached(self) -> Provisioned:
        """What stands."""
        with standing(self._settings) as pipeline:
            return pipeline.reach(Stage.APP)

    def address(self) -> ClusterAddress:
        """The cluster, with its ingress as the generators reach it."""
        address = self.reached.address
        return ingress_in_cluster(address) if self.in_cluster else address

    @property
    def ca_file(self) -> str:
        """The authorities by which the application's certificates are verified; empty for the system's."""
        return str(trusted_file(self.reached.address) or "")

    def distribute(self, plan: BurstPlan, workers: int) -> BurstResult:
        """Send the plan from pods."""
        return run_in_cluster(self._settings, self.reached, plan, workers, stopwatch_progress(), image=self._image)


@dataclass(frozen=True)
class Message:
    """What every request carries; `headers` are `Name: value`."""

    method: str
    headers: Sequence[str]
    body: str
    check: Check | None

    def put_on(self, route: Route) -> Route:
        """`route` with all of it, but for a Host header, which is the route's own."""
        pairs = [_header(header) for header in self.headers]
        others = tuple((name, value) for name, value in pairs if name.lower() != "host")
        return replace(route, method=self.method.upper(), headers=others, body=_body(self.body), check=self.check)

    @property
    def host(self) -> str:
        """The Host header; empty without one."""
        hosts = [value for name, value in map(_header, self.headers) if name.lower() == "host"]
        return hosts[-1] if hosts else ""


def asked_check(text: str, json_path: str, size: int | None) -> Check | None:
    """What --expect, --expect-json and --expect-size ask of a body; None when they ask nothing."""
    if not text and not json_path and size is None:
        return None
    path, equals, value = json_path.partition("=")
    _refuse_no_path(path, given=bool(json_path))
    return Check(substring=text, json_path=path, equals=value if equals else None, size=size)


def _refuse_no_path(path: str, *, given: bool) -> None:
    """Raise `LoadError` for a path that leads nowhere in any body, JSONPath's `$.items[0]` among them."""
    wrong = "$" if re.match(r"\$(\.|\[|$)", path) else next(iter(re.findall(r"\[[^\]]*\]", path)), "")
    if given and (wrong or not all(path.split("."))):
        what = f"contains {wrong}, which is JSONPath syntax" if wrong else "has an empty step"
        raise LoadError(
            f"--expect-json {path!r} {what}, so it is not a dotted JSON path", next_step="use items.0.name or items.0.name=VALUE"
        )


def url_routes(urls: Sequence[str], weights: Sequence[int], message: Message, *, resolved_here: bool) -> tuple[Route, ...]:
    """One route per URL; a Host header becomes the route's host, and `weights`, where there are any, belong to the URLs in order."""
    if weights and len(weights) != len(urls):
        raise LoadError(f"{len(weights)} weights for {len(urls)} URLs", next_step="give each --url a --weight, in the same order")
    host = message.host
    name = {url: host or masked_url(url) if len(urls) == 1 else masked_url(url) for url in urls}
    routes = tuple(
        message.put_on(Route(url, host, name=name[url], weight=weight))
        for url, weight in zip(urls, weights or [1] * len(urls), strict=True)
    )
    if resolved_here:
        refuse_unknown_hosts(routes)
    return routes


def application_routes(place: Place, hosts: Sequence[str], message: Message) -> tuple[Route, ...]:
    """The hosts of the application that stands, or those of them that are asked for."""
    if message.host:
        raise LoadError(
            "requests to the application use its own hosts as Host header", next_step=f"use --host {message.host}, or add a --url"
        )
    entries = chosen_entries(place.reached.entries, hosts or None)
    return tuple(message.put_on(route) for route in entry_routes(entries, place.address()))


def _header(header: str) -> tuple[str, str]:
    name, colon, value = header.partition(":")
    if not colon or not name.strip():
        raise LoadError(f"--header {header!r} is not of the form 'Name: value'")
    return name.strip(), value.strip()


def _body(text: str) -> bytes:
    """The body itself, or what the file after @ holds."""
    try:
        if text.startswith("@"):
            return Path(text[1:]).read_bytes()
        written = typed(text)
        refuse_undecodable(written, "--body")
        return written.encode()
    except OSError as error:
        raise LoadError(f"--body {text}: {error}") from error
