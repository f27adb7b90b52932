"""The other load generators and their command lines. Tools that are not in the toolbox are skipped."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.install_tools import Toolbox
from bench.reports import Report, UnreadableError, read_ab, read_hey, read_k6, read_locust, read_naive, read_oha, read_vegeta, read_wrk
from kindgate.host.command import run
from kindgate.waiting import Deadline

CONNECTIONS = 32
FOLDER = Path(__file__).parent
TIMEOUT = 120.0
TRIES = 3
USERS = 100
"""Users of the closed-loop tools that can be limited to a rate."""


@dataclass(frozen=True)
class Load:
    """The load to send: `rate` requests per second (0: as many as possible) for `seconds`, with `host` as the Host header if set."""

    url: str
    seconds: float
    rate: int = 0
    host: str = ""

    def header(self, option: str) -> list[str]:
        """Return the Host header as an option, for tools that accept whole headers."""
        return [option, f"Host: {self.host}"] if self.host else []


@dataclass(frozen=True)
class Tool:
    """A tool; `program` is its name in the toolbox. If not `paced`, it cannot be limited to a rate, and ignores it."""

    name: str
    program: str
    run: Callable[[Toolbox, Load], Report]
    paced: bool = True


def _output(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> str:
    """Return a command's output. Locust exits with 1 after a failed request and k6 with 99 after a missed threshold: no errors here."""
    process = run(command, env=environment, deadline=Deadline.after(TIMEOUT), check=False)
    if process.returncode not in {0, 1, 99}:
        raise UnreadableError(f"{command[0]} ended with {process.returncode}: {process.stderr[-2000:]}")
    return process.stdout


def _wrk(tools: Toolbox, load: Load) -> Report:
    """Run with two threads; percentiles are corrected for coordinated omission with the mean interval."""
    text = _output([tools["wrk"], "-t2", f"-c{CONNECTIONS}", f"-d{load.seconds:g}s", "--latency", *load.header("-H"), load.url])
    return read_wrk(text)


def _hey(tools: Toolbox, load: Load) -> Report:
    pace = ["-q", str(load.rate / USERS)] if load.rate else []
    connections = USERS if load.rate else CONNECTIONS
    host = ["-host", load.host] if load.host else []
    text = _output([tools["hey"], "-z", f"{load.seconds:g}s", "-c", str(connections), *pace, *host, load.url])
    return read_hey(text)


def _oha(tools: Toolbox, load: Load) -> Report:
    """At a fixed rate, times count from when a request was due."""
    pace = ["-q", str(load.rate), "--latency-correction"] if load.rate else []
    connections = USERS if load.rate else CONNECTIONS
    host = ["--host", load.host] if load.host else []
    shape = ["-z", f"{load.seconds:g}s", "-c", str(connections), *pace, *host]
    return read_oha(_output([tools["oha"], "--no-tui", "--output-format", "json", *shape, load.url]))


def _ab(tools: Toolbox, load: Load) -> Report:
    """Run with keep-alive on one thread."""
    shape = ["-c", str(CONNECTIONS), "-n", "100000000", "-t", f"{load.seconds:g}"]
    text = _output([tools["ab"], "-q", "-k", *shape, *load.header("-H"), load.url])
    return read_ab(text)


def _locust(tools: Toolbox, load: Load) -> Report:
    """Run two FastHttpUser processes, with retries: on a busy machine the workers do not always get CPU time."""
    users = USERS if load.rate else CONNECTIONS
    command = [tools["locust"], "-m", "locust", "-f", FOLDER / "locustfile.py", "--headless", "--processes", "2", "--json"]
    shape = ["-u", str(users), "-r", str(users), "-t", f"{max(3, round(load.seconds))}s", "-H", load.url.rstrip("/")]
    environment = {"KINDGATE_BENCH_PACE": str(load.rate / users), "KINDGATE_BENCH_HOST": load.host}
    for _ in range(TRIES - 1):
        with contextlib.suppress(UnreadableError):
            return read_locust(_output([*map(str, command), *shape], environment))
    return read_locust(_output([*map(str, command), *shape], environment))


def _k6(tools: Toolbox, load: Load) -> Report:
    duration = {"duration": f"{load.seconds:g}s"}
    flood = {"executor": "constant-vus", "vus": CONNECTIONS, **duration}
    arrivals = {"executor": "constant-arrival-rate", "rate": load.rate, "preAllocatedVUs": USERS, "maxVUs": 1000, **duration}
    options = {"scenarios": {"s": arrivals if load.rate else flood}, "summaryTrendStats": ["p(90)", "p(99)"]}
    params = json.dumps({"headers": {"Host": load.host} if load.host else {}})
    script = f"""import http from 'k6/http';
export const options = {json.dumps(options)};
export default () => {{ http.get('{load.url}', {params}) }}"""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "script.js").write_text(script)
        _output([tools["k6"], "run", "--quiet", "--no-usage-report", "--summary-export", f"{folder}/out.json", f"{folder}/script.js"])
        return read_k6((Path(folder) / "out.json").read_text())


def _vegeta(tools: Toolbox, load: Load) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "target").write_text(f"GET {load.url}\n")
        pace = ["-rate", str(load.rate)] if load.rate else ["-rate", "0", "-max-workers", str(CONNECTIONS)]
        out = f"{folder}/out"
        shape = ["-targets", f"{folder}/target", "-duration", f"{load.seconds:g}s", *pace, *load.header("-header")]
        _output([tools["vegeta"], "attack", *shape, "-output", out])
        return read_vegeta(_output([tools["vegeta"], "report", "-type", "json", out]))


def _naive(tools: Toolbox, load: Load) -> Report:
    return read_naive(_output([tools["requests"], FOLDER / "naive.py", load.url, str(load.seconds), str(load.rate), load.host]))


WRK = Tool("wrk -t2", "wrk", _wrk, paced=False)
"""The reference for the other tools."""

TOOLS = (
    Tool("ab -k", "ab", _ab, paced=False),
    Tool("hey", "hey", _hey),
    Tool("oha", "oha", _oha),
    Tool("vegeta", "vegeta", _vegeta),
    Tool("k6", "k6", _k6),
    Tool("Locust FastHttpUser x2", "locust", _locust),
    Tool("sequential requests.get, no Session", "requests", _naive),
)
"""All other tools."""
