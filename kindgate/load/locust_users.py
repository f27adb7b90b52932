"""The users of a locustfile as the load of a burst: on Locust's master and workers, with kindgate's histograms.

Users wait for responses, so such a burst is a closed loop: it slows down with the server and hides how long users would
have waited. Locust patches the standard library when imported, so it is never imported here.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kindgate.errors import LoadError, clipped
from kindgate.load.distributed import await_result, launched_swarm, refuse_missing_locust
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.program import LocustUsers
from kindgate.load.recorded_requests import with_known_names
from kindgate.load.result import BurstResult
from kindgate.load.wire import bracketed, wire_host

RECORDER: Final = Path(__file__).with_name("locust_recorder.py")
"""The locustfile that records the requests of another one; Locust loads both."""

_LIST_SECONDS: Final = 60.0
_USERS_HEADING: Final = "Available Users:"


def run_locust_users(plan: BurstPlan, program: LocustUsers) -> BurstResult:
    """Send the burst of `plan` with the users of a locustfile, from Locust workers on this machine.

    Ctrl-C ends the burst early: the result then holds what was measured until then. Raises `LoadError` if Locust is not
    installed, if no worker reports, and if no request was sent.
    """
    refuse_missing_locust("a locustfile")
    files = f"{RECORDER},{program.locustfile}"
    with (
        tempfile.TemporaryDirectory(prefix="kindgate-load-") as folder,
        launched_swarm(plan, program.workers, Path(folder), locustfiles=files, load=locust_options(plan, program)) as swarm,
    ):
        return with_known_names(plan, await_result(swarm, Path(folder), (plan.loop.seconds or 0.0) + 2 * plan.timeout))


def locust_options(plan: BurstPlan, program: LocustUsers) -> list[str]:
    """The options of Locust's master for this load."""
    users = plan.loop.users if isinstance(plan.loop, ClosedLoop) else 0
    return [
        *("-u", str(users), "-r", f"{program.spawn_rate:g}", "--host", base_url(plan.routes[0])),
        *("--stop-timeout", f"{plan.timeout:g}"),
    ]


def base_url(target: Route) -> str:
    """The URL that the users' paths are appended to: with the target's host as its name, at the target's port."""
    parts = urlsplit(target.url)
    path = parts.path.rstrip("/")
    if not target.host:
        return f"{parts.scheme}://{parts.netloc}{path}"
    name = urlsplit(f"//{wire_host(target.host)}")
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{parts.scheme}://{bracketed(name.hostname or '')}{port}{path}"


def refuse_unusable_users(plan: BurstPlan, program: LocustUsers, *, here: bool = True) -> None:
    """Raise `LoadError` for a load that cannot be sent as it is described.

    If the load is sent from `here`, Locust loads the file for this.
    """
    loop = plan.loop
    if not isinstance(loop, ClosedLoop) or loop.seconds is None:
        raise LoadError("the users of a locustfile need a number and a duration", next_step="set both")
    starting = loop.users / program.spawn_rate
    if starting > loop.seconds:
        raise LoadError(
            f"{loop.users} users take {starting:g} s to start at {program.spawn_rate:g} per second, which is not within {loop.seconds:g} s",
            next_step="raise the spawn rate or the duration",
        )
    locustfile = Path(program.locustfile)
    if here:
        user_classes(locustfile)
    else:
        refuse_unreadable_locustfile(locustfile)


def user_classes(locustfile: Path) -> tuple[str, ...]:
    """The names of the users that a locustfile defines.

    Locust loads the file for this, so its code runs. Raises `LoadError` if Locust is not installed, or the file cannot be
    loaded or defines no user.
    """
    refuse_unreadable_locustfile(locustfile)
    refuse_missing_locust("a locustfile")
    command = [sys.executable, "-m", "locust", "-f", str(locustfile.absolute()), "--list"]
    try:
        listed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIST_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{locustfile}: Locust did not load the file", waited=error.timeout, next_step="find out why it blocks") from error
    _, heading, names = listed.stdout.rpartition(_USERS_HEADING)
    if listed.returncode or not heading:
        shown = clipped(listed.stderr or listed.stdout)
        raise LoadError(f"{locustfile}: Locust cannot load the file", last_state=shown, next_step="run `locust -f FILE --list`")
    if not names.split():
        raise LoadError(
            f"{locustfile}: the file defines no user", next_step="define a class that inherits from locust's HttpUser or FastHttpUser"
        )
    return tuple(names.split())


def refuse_unreadable_locustfile(locustfile: Path) -> None:
    """Raise `LoadError` for a file that is no Python source, without running it."""
    if locustfile.suffix != ".py" or "," in str(locustfile):
        raise LoadError(f"{locustfile} is not a locustfile", next_step="name a Python file (.py) whose path has no comma")
    try:
        ast.parse(locustfile.read_bytes(), str(locustfile))
    except FileNotFoundError as error:
        raise LoadError(f"{locustfile}: file not found", next_step="name an existing locustfile") from error
    except SyntaxError as error:
        marked = f"{(error.text or '').rstrip()}\n{' ' * max(0, (error.offset or 1) - 1)}^"
        raise LoadError(f"{locustfile}:{error.lineno or 1}:{error.offset or 1}: {error.msg}", last_state=marked) from error
    except (OSError, ValueError) as error:
        raise LoadError(f"{locustfile} cannot be read: {error}") from error
