"""`kindgate load` with a program of the user: its plan, and the options that it leaves without effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.cli.load_plan import GeneratorLocation
from kindgate.deploy.entry_requests import entry_url
from kindgate.errors import LoadError, SettingsError
from kindgate.load.k6_script import inspect_script, script_plan
from kindgate.load.locust_users import refuse_unusable_users
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.program import LocustUsers
from kindgate.load.wire import refuse_unknown_hosts
from kindgate.pipeline.burst_plans import chosen_entries


@dataclass(frozen=True)
class ConnectionOptions:
    """How connections are made: the timeout in seconds, whether certificates are verified, and the CAs to trust."""

    timeout: float
    verify: bool
    ca_file: str


@dataclass(frozen=True)
class UserOptions:
    """How many users send requests, for how many seconds, how many start per second (None: all at once), and from how many workers.

    The workers run `here` or in pods, which may have packages that this machine lacks.
    """

    users: int | None
    seconds: float
    spawn_rate: float | None
    workers: int
    here: bool = True


@dataclass(frozen=True)
class ProgramOptions:
    """The program that sends the load, one of a locustfile and a k6 script; where it sends it; the users of the locustfile."""

    locustfile: Path | None
    k6_script: Path | None
    urls: Sequence[str]
    hosts: Sequence[str]
    users: UserOptions


def program_plan(
    options: ProgramOptions,
    location: GeneratorLocation,
    connection: ConnectionOptions,
    of_requests: Mapping[str, object],
    of_users: Mapping[str, object],
) -> tuple[BurstPlan, tuple[str, ...]]:
    """The burst of a program, and the thresholds that it brings along.

    Raises `SettingsError` for options `of_requests` that are set, and `of_users` with a k6 script, which have no effect. Raises
    `LoadError` for a program that cannot be used, and `CommandNotFound` for a k6 script without k6.
    """
    if options.k6_script is not None:
        refuse_without_effect("--k6-script", {**of_requests, **of_users, "--spawn-rate": options.users.spawn_rate is not None})
        return k6_plan(program_target(location, options.urls, options.hosts), connection, options.k6_script)
    if options.locustfile is None:
        raise SettingsError("--spawn-rate starts the users of a locustfile", next_step="add --locustfile FILE")
    refuse_without_effect("--locustfile", of_requests)
    target = program_target(location, options.urls, options.hosts)
    return locust_plan(target, connection, options.locustfile, options.users), ()


def refuse_without_effect(program: str, options: Mapping[str, object]) -> None:
    """Raise `SettingsError` for options about requests that `program` makes itself; unset options are false."""
    given = [name for name, value in options.items() if value]
    if given:
        raise SettingsError(f"{program} defines the requests: remove {', '.join(given)}")


def program_target(location: GeneratorLocation, urls: Sequence[str], hosts: Sequence[str]) -> Route:
    """Where a program sends its requests: one URL, or one host of the running application.

    Raises `LoadError` if there is not exactly one.
    """
    if urls:
        if len(urls) > 1:
            raise LoadError("a program sends its requests to one address", next_step="give one --url")
        if not location.in_cluster:
            refuse_unknown_hosts(urls)
        return Route(urls[0])
    entries = chosen_entries(location.application.entries, hosts or None)
    first = {entry.host: entry for entry in reversed(entries)}
    if len(first) > 1:
        raise LoadError("a program sends its requests to one host", next_step=f"choose one with --host: {', '.join(sorted(first))}")
    entry = next(iter(first.values()))
    return Route(entry_url(location.address(), "", tls=entry.tls), entry.host, name=entry.host)


def locust_plan(target: Route, connection: ConnectionOptions, locustfile: Path, options: UserOptions) -> BurstPlan:
    """The burst that the users of a locustfile send to `target`.

    Raises `LoadError` for a file or a load that cannot be used, before anything is sent.
    """
    users = options.users
    if users is None:
        raise LoadError("--locustfile needs the number of users", next_step="add --users 50")
    rate = float(users) if options.spawn_rate is None else options.spawn_rate
    program = LocustUsers(str(locustfile.absolute()), rate, options.workers)
    plan = BurstPlan(
        routes=(target,),
        loop=ClosedLoop(users, options.seconds),
        timeout=connection.timeout,
        verify=connection.verify,
        ca_file=connection.ca_file,
        program=program,
    )
    refuse_unusable_users(plan, program, here=options.here)
    return plan


def k6_plan(target: Route, connection: ConnectionOptions, script: Path) -> tuple[BurstPlan, tuple[str, ...]]:
    """The burst of a k6 script, and the script's thresholds; k6 reads the script for this.

    Raises `CommandNotFound` without k6, and `LoadError` for a script that k6 cannot read.
    """
    inspected = inspect_script(script)
    plan = script_plan(inspected, target)
    return replace(plan, verify=connection.verify, ca_file=connection.ca_file), inspected.thresholds
