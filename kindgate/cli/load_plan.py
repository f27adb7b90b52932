"""The burst that `kindgate load` sends: its load profile, its requests, and their target.

The target is a list of URLs or the running application, as reached from this machine or from pods.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kindgate.cli.arguments import decoded
from kindgate.cli.console import stopwatch_progress
from kindgate.cli.steps import pipeline_for_steps
from kindgate.credentials import masked_url
from kindgate.deploy.entry_requests import trusted_file
from kindgate.duration import duration_seconds
from kindgate.errors import LoadError
from kindgate.load.expectation import Expectation
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route, Stage
from kindgate.load.result import BurstResult
from kindgate.load.wire import refuse_undecodable, refuse_unknown_hosts
from kindgate.model import ClusterAddress
from kindgate.pipeline.burst_plans import chosen_entries, entry_routes
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.in_cluster_load import ingress_in_cluster, run_in_cluster
from kindgate.settings import LoadSettings, Settings


@dataclass(frozen=True)
class LoadOptions:
    """The options that define the load; None or empty if not given."""

    rate: float | None
    duration: float | None
    requests: int | None
    users: int | None
    arrival: Literal["poisson", "uniform"] | None
    stages: Sequence[str] = ()

    @property
    def any_given(self) -> bool:
        """Whether any of them was given."""
        return bool(self.stages) or (self.rate, self.duration, self.requests, self.users, self.arrival) != (None,) * 5

    def loop(self, defaults: LoadSettings) -> OpenLoop | ClosedLoop:
        """Build the loop, with settings as defaults. Raise `LoadError` if options contradict each other."""
        if self.stages:
            return self._ramped(defaults)
        seconds = self.duration if self.duration is not None or self.requests is not None else defaults.duration
        if self.users is not None:
            if self.rate is not None or self.arrival is not None:
                raise LoadError("--users is a closed loop, which has neither rate nor arrivals: remove --rate and --arrival")
            return ClosedLoop(self.users, seconds, self.requests)
        rate = defaults.rate if self.rate is None else self.rate
        return OpenLoop.constant(rate, seconds=seconds, requests=self.requests, arrival=self.arrival or defaults.arrival)

    def _ramped(self, defaults: LoadSettings) -> OpenLoop:
        """Build the stages: each ramps linearly from the previous rate to its own; the first starts at --rate, or at zero."""
        if (self.duration, self.requests, self.users) != (None, None, None):
            raise LoadError("--stage defines both duration and load: remove --duration, --requests and --users")
        rate, stages = self.rate or 0.0, []
        for text in self.stages:
            length, colon, end = text.rpartition(":")
            if not colon:
                raise LoadError(
                    f"--stage {text!r} is not of the form SECONDS:RATE", next_step="for example --stage 10:500 --stage 1m30s:500"
                )
            seconds = duration_seconds(length)
            if seconds is None:
                raise LoadError(f"--stage {text!r}: {length!r} is not a number of seconds or a duration such as 1m30s")
            if not re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", end):
                raise LoadError(f"--stage {text!r}: {end!r} is not a number")
            stages.append(Stage(seconds, rate, float(end)))
            rate = float(end)
        return OpenLoop(tuple(stages), self.arrival or defaults.arrival)


class GeneratorLocation:
    """Where bursts are sent from: this machine, or pods of the running cluster, which is looked up at most once."""

    def __init__(self, settings: Settings, *, in_cluster: bool, image: str = "") -> None:
        self._settings = settings
        self._image = image
        self.in_cluster = in_cluster

    @functools.cached_property
    def application(self) -> DeployedApplication:
        """The running application."""
        with pipeline_for_steps(self._settings) as pipeline:
            return pipeline.environment_at(DeployedApplication)

    def address(self) -> ClusterAddress:
        """The cluster's address, with its ingress as the generators reach it."""
        address = self.application.address
        return ingress_in_cluster(address) if self.in_cluster else address

    @property
    def ca_file(self) -> str:
        """CA certificates that verify the application's certificates; empty for the system's."""
        return str(trusted_file(self.application.address) or "")

    def distribute(self, plan: BurstPlan, workers: int) -> BurstResult:
        """Send the plan from pods."""
        return run_in_cluster(self._settings, self.application.cluster, plan, workers, stopwatch_progress(), image=self._image)


@dataclass(frozen=True)
class RequestTemplate:
    """Parts that every request has; `headers` are `Name: value`."""

    method: str
    headers: Sequence[str]
    body: str
    expect: Expectation | None

    def apply_to(self, route: Route) -> Route:
        """Return `route` with these parts, except a Host header: the route keeps its own."""
        pairs = [_header(header) for header in self.headers]
        others = tuple((name, value) for name, value in pairs if name.lower() != "host")
        return replace(route, method=self.method.upper(), headers=others, body=_body(self.body), expect=self.expect)

    @property
    def host(self) -> str:
        """The Host header; empty without one."""
        hosts = [value for name, value in map(_header, self.headers) if name.lower() == "host"]
        return hosts[-1] if hosts else ""


def body_expectation(text: str, json_path: str, size: int | None) -> Expectation | None:
    """The expectation that --expect, --expect-json and --expect-size describe; None without them."""
    if not text and not json_path and size is None:
        return None
    path, equals, value = json_path.partition("=")
    _refuse_no_path(path, is_set=bool(json_path))
    return Expectation(
        substring=text,
        json=((path, value),) if equals else (),
        exists=(path,) if path and not equals else (),
        size_min=size,
        size_max=size,
    )


def url_routes(urls: Sequence[str], weights: Sequence[int], template: RequestTemplate, *, resolve_here: bool) -> tuple[Route, ...]:
    """One route per URL; a Host header becomes the route's host, and `weights`, if any, follow the order of the URLs."""
    if weights and len(weights) != len(urls):
        raise LoadError(f"{len(weights)} weights for {len(urls)} URLs", next_step="give each --url a --weight, in the same order")
    if any(weight < 1 for weight in weights):
        raise LoadError(f"a weight must be at least 1, not {min(weights)}", next_step="leave out a --url that is not to be requested")
    host = template.host
    name = {url: host or masked_url(url) if len(urls) == 1 else masked_url(url) for url in urls}
    routes = tuple(
        template.apply_to(Route(url, host, name=name[url], weight=weight))
        for url, weight in zip(urls, weights or [1] * len(urls), strict=True)
    )
    if resolve_here:
        refuse_unknown_hosts(route.url for route in routes)
    return routes


def application_routes(location: GeneratorLocation, hosts: Sequence[str], template: RequestTemplate) -> tuple[Route, ...]:
    """Routes to the running application's hosts, or only to `hosts`."""
    if template.host:
        raise LoadError(
            "requests to the application use its own hosts as Host header", next_step=f"use --host {template.host}, or add a --url"
        )
    entries = chosen_entries(location.application.entries, hosts or None)
    return tuple(template.apply_to(route) for route in entry_routes(entries, location.address()))


def json_object(path: Path) -> dict[str, Any]:
    """Read a k6 options file; raise `LoadError` if it holds no JSON object."""
    try:
        value = json.loads(path.read_bytes())  # bytes, so the encoding is detected: PowerShell redirects in UTF-16
    except (OSError, ValueError) as error:
        raise LoadError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise LoadError(f"{path} does not contain a JSON object")
    return value


def _refuse_no_path(path: str, *, is_set: bool) -> None:
    """Raise `LoadError` for a path that cannot match any body, such as JSONPath's `$.items[0]`."""
    wrong = "$" if re.match(r"\$(\.|\[|$)", path) else next(iter(re.findall(r"\[[^\]]*\]", path)), "")
    if is_set and (wrong or not all(path.split("."))):
        problem = f"contains {wrong}, which is JSONPath syntax" if wrong else "has an empty step"
        raise LoadError(
            f"--expect-json {path!r} {problem}, so it is not a dotted JSON path", next_step="use items.0.name or items.0.name=VALUE"
        )


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
        body = decoded(text)
        refuse_undecodable(body, "--body")
        return body.encode()
    except OSError as error:
        raise LoadError(f"--body {text}: {error}") from error
