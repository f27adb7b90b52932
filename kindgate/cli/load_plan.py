"""Targets of `kindgate load`: URLs, or the running application, as reached from this machine or from pods."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.cli.arguments import typed
from kindgate.cli.console import stopwatch_progress
from kindgate.cli.steps import env
from kindgate.credentials import masked_url
from kindgate.deploy.entry_requests import trusted_file
from kindgate.errors import LoadError
from kindgate.load.plan import BurstPlan, Check, Route
from kindgate.load.result import BurstResult
from kindgate.load.wire import refuse_undecodable, refuse_unknown_hosts
from kindgate.model import ClusterAddress
from kindgate.pipeline.burst_series import chosen_entries, entry_routes
from kindgate.pipeline.environment import Environment, Stage
from kindgate.pipeline.in_cluster_load import ingress_in_cluster, run_in_cluster
from kindgate.settings import Settings


class Place:
    """Where bursts are sent from: this machine, or pods of the running cluster, which is looked up at most once."""

    def __init__(self, settings: Settings, *, in_cluster: bool, image: str = "") -> None:
        self._settings = settings
        self._image = image
        self.in_cluster = in_cluster

    @functools.cached_property
    def reached(self) -> Environment:
        """The running environment."""
        with env(self._settings) as pipeline:
            return pipeline.reach(Stage.APP)

    def address(self) -> ClusterAddress:
        """The cluster's address, with its ingress as the generators reach it."""
        address = self.reached.address
        return ingress_in_cluster(address) if self.in_cluster else address

    @property
    def ca_file(self) -> str:
        """CA certificates that verify the application's certificates; empty for the system's."""
        return str(trusted_file(self.reached.address) or "")

    def distribute(self, plan: BurstPlan, workers: int) -> BurstResult:
        """Send the plan from pods."""
        return run_in_cluster(self._settings, self.reached, plan, workers, stopwatch_progress(), image=self._image)


@dataclass(frozen=True)
class Message:
    """Parts that every request has; `headers` are `Name: value`."""

    method: str
    headers: Sequence[str]
    body: str
    check: Check | None

    def put_on(self, route: Route) -> Route:
        """Return `route` with these parts, except a Host header: the route keeps its own."""
        pairs = [_header(header) for header in self.headers]
        others = tuple((name, value) for name, value in pairs if name.lower() != "host")
        return replace(route, method=self.method.upper(), headers=others, body=_body(self.body), check=self.check)

    @property
    def host(self) -> str:
        """The Host header; empty without one."""
        hosts = [value for name, value in map(_header, self.headers) if name.lower() == "host"]
        return hosts[-1] if hosts else ""


def asked_check(text: str, json_path: str, size: int | None) -> Check | None:
    """The body check that --expect, --expect-json and --expect-size describe; None without them."""
    if not text and not json_path and size is None:
        return None
    path, equals, value = json_path.partition("=")
    _refuse_no_path(path, given=bool(json_path))
    return Check(substring=text, json_path=path, equals=value if equals else None, size=size)


def _refuse_no_path(path: str, *, given: bool) -> None:
    """Raise `LoadError` for a path that cannot match any body, such as JSONPath's `$.items[0]`."""
    wrong = "$" if re.match(r"\$(\.|\[|$)", path) else next(iter(re.findall(r"\[[^\]]*\]", path)), "")
    if given and (wrong or not all(path.split("."))):
        what = f"contains {wrong}, which is JSONPath syntax" if wrong else "has an empty step"
        raise LoadError(
            f"--expect-json {path!r} {what}, so it is not a dotted JSON path", next_step="use items.0.name or items.0.name=VALUE"
        )


def url_routes(urls: Sequence[str], weights: Sequence[int], message: Message, *, resolved_here: bool) -> tuple[Route, ...]:
    """One route per URL; a Host header becomes the route's host, and `weights`, if any, follow the order of the URLs."""
    if weights and len(weights) != len(urls):
        raise LoadError(f"{len(weights)} weights for {len(urls)} URLs", next_step="give each --url a --weight, in the same order")
    host = message.host
    name = {url: host or masked_url(url) if len(urls) == 1 else masked_url(url) for url in urls}
    routes = tuple(
        message.put_on(Route(url, host, name=name[url], weight=weight))
        for url, weight in zip(urls, weights or [1] * len(urls), strict=True)
    )
    if resolved_here:
        refuse_unknown_hosts(route.url for route in routes)
    return routes


def application_routes(place: Place, hosts: Sequence[str], message: Message) -> tuple[Route, ...]:
    """Routes to the running application's hosts, or only to `hosts`."""
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
    """The body itself, or the content of the file after @."""
    try:
        if text.startswith("@"):
            return Path(text[1:]).read_bytes()
        written = typed(text)
        refuse_undecodable(written, "--body")
        return written.encode()
    except OSError as error:
        raise LoadError(f"--body {text}: {error}") from error
