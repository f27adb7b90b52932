"""A k6 script as the load of a burst: k6 runs it, and its output is read into kindgate's histograms.

k6 is used where it is installed; it is no part of kindgate. Users (VUs) wait for responses, so a script is a closed loop,
unless executors with an arrival rate start all of its iterations.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from kindgate.errors import CommandNotFound, LoadError, clipped
from kindgate.load.k6 import k6_seconds, k6_thresholds
from kindgate.load.k6_output import k6_result
from kindgate.load.locust_users import base_url
from kindgate.load.machine import MachineTimes, health_between
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.program import K6Script
from kindgate.load.result import BurstResult

ADDRESS: Final = "BASE_URL"
"""Variable of the script (`__ENV.BASE_URL`) with the address of the application."""

_ARRIVAL_RATE: Final = frozenset({"constant-arrival-rate", "ramping-arrival-rate"})

_INSPECT_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 120.0
"""Seconds after the planned end for k6 to run its setup and teardown, and to write its output."""

_UNFINISHED: Final = re.compile(r"complete and (\d+) interrupted iterations")
"""In k6's last line of progress: iterations that did not end in time, whose requests are in no sample."""

_ABORTED: Final = 105
"""k6's exit code if a signal ended it (k6 `errext/exitcodes`)."""


@dataclass(frozen=True)
class InspectedScript:
    """What k6 says about a script: its kind of load, the most VUs, the seconds that it takes at most, its thresholds."""

    program: K6Script
    users: int
    seconds: float
    thresholds: tuple[str, ...]


def inspect_script(script: Path) -> InspectedScript:
    """Have k6 read a script, which runs its init code but sends nothing.

    Raises `CommandNotFound` if k6 is not on PATH, and `LoadError` for a script that k6 cannot read.
    """
    if not script.is_file():
        raise LoadError(f"{script}: file not found", next_step="name an existing k6 script")
    command = [_k6(), "inspect", "--execution-requirements", str(script.absolute())]
    try:
        inspected = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_INSPECT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{script}: k6 did not read the script", waited=error.timeout, next_step="run `k6 inspect FILE`") from error
    if inspected.returncode:
        raise LoadError(f"{script}: k6 cannot read the script", last_state=clipped(inspected.stderr), next_step="run `k6 inspect FILE`")
    return read_inspection(script, inspected.stdout)


def read_inspection(script: Path, text: str) -> InspectedScript:
    """The output of `k6 inspect --execution-requirements`; raises `LoadError` if it is not that."""
    try:
        options: Mapping[str, Any] = json.loads(text)
        scenarios: Mapping[str, Mapping[str, Any]] = options.get("scenarios") or {}
        executors = [str(scenario["executor"]) for scenario in scenarios.values()]
        users, seconds = int(options["maxVUs"]), k6_seconds(options["totalDuration"])
    except (LoadError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(f"{script}: the output of `k6 inspect` is not understood", last_state=clipped(text, 500)) from error
    open_loop = bool(executors) and _ARRIVAL_RATE.issuperset(executors)
    program = K6Script(str(script.absolute()), open_loop)
    return InspectedScript(program, max(1, users), max(seconds, 1e-3), tuple(k6_thresholds(options)))


def script_plan(inspected: InspectedScript, target: Route) -> BurstPlan:
    """The burst of a script, whose application is at `target`."""
    return BurstPlan(routes=(target,), loop=ClosedLoop(inspected.users, inspected.seconds), program=inspected.program)


def run_k6_script(plan: BurstPlan, program: K6Script) -> BurstResult:
    """Run a script on this machine. Ctrl-C ends it early: the result then holds what was measured until then.

    Raises `CommandNotFound` if k6 is not on PATH, and `LoadError` if it fails, or if no request was sent.
    """
    k6 = _k6()
    with tempfile.TemporaryDirectory(prefix="kindgate-load-") as name:
        folder = Path(name)
        (folder / "config.json").write_text(json.dumps(_config(plan)), encoding="utf-8")
        command = [k6, "run", *_OPTIONS, "--config", str(folder / "config.json"), "--out", f"json={folder / 'out.json'}"]
        command += ["--env", f"{ADDRESS}={base_url(plan.routes[0])}", program.script]
        before, used = MachineTimes.now(), _child_seconds()
        started = time.monotonic()
        interrupted, log = _run(command, _environment(plan), (plan.loop.seconds or 0.0) + _GRACE_SECONDS)
        wall = time.monotonic() - started
        share_of_cores = (_child_seconds() - used) / len(os.sched_getaffinity(0))
        health = health_between(before, MachineTimes.now(), [(share_of_cores, wall)])
        unfinished = max(map(int, _UNFINISHED.findall(log)), default=0)
        try:
            with (folder / "out.json").open(encoding="utf-8") as lines:
                return k6_result(plan, lines, health, interrupted=interrupted, unfinished=unfinished)
        except FileNotFoundError as error:
            raise LoadError("k6 wrote no output", last_state=clipped(log)) from error


_OPTIONS: Final = ("--no-thresholds", "--no-summary", "--no-usage-report", "--no-color", "--address", "localhost:0")
"""kindgate judges itself; k6's REST server gets any free port."""


def _run(command: list[str], environment: Mapping[str, str], seconds: float) -> tuple[bool, str]:
    """Run k6; return whether it was interrupted, and its log. Raises `LoadError` if it fails or takes longer than `seconds`."""
    interrupted = False
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            log, _ = process.communicate(timeout=seconds)
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)
            log, _ = process.communicate()
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise LoadError("k6 did not finish", waited=error.timeout, next_step="run the script with k6 alone") from error
        if process.returncode not in ({0, _ABORTED} if interrupted else {0}):
            raise LoadError(f"k6 ended with code {process.returncode}", last_state=clipped(log), next_step="run the script with k6 alone")
    return interrupted, log


def _k6() -> str:
    found = shutil.which("k6")
    if found is None:
        raise CommandNotFound(
            "k6 is not on PATH, but the load is a k6 script",
            next_step="install k6 (https://grafana.com/docs/k6/latest/set-up/install-k6/), "
            "or import the script's requests: kindgate init --from-k6 FILE",
        )
    return found


def _config(plan: BurstPlan) -> dict[str, Any]:
    """Options that the script may override: the application's name leads to its address, also on the standard ports."""
    target = plan.routes[0]
    options: dict[str, Any] = {"insecureSkipTLSVerify": True} if not plan.verify else {}
    address, name = urlsplit(target.url), urlsplit(f"//{target.host}").hostname
    if name and address.hostname:
        port = address.port or (443 if address.scheme == "https" else 80)
        standard = 443 if address.scheme == "https" else 80
        options["hosts"] = {name: address.hostname, f"{name}:{standard}": f"{address.hostname}:{port}"}
    return options


def _environment(plan: BurstPlan) -> dict[str, str]:
    """The variables of k6, which trusts the CAs of `SSL_CERT_FILE` as every Go program does."""
    return {**os.environ, **({"SSL_CERT_FILE": plan.ca_file} if plan.ca_file else {})}


def _child_seconds() -> float:
    """CPU time in seconds of all children of this process that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
