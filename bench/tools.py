"""The other load generators: how each is started, and what it says. A tool that is not in the toolbox is left out."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.provide import Toolbox
from kindgate.host.command import run
from kindgate.waiting import Deadline

CONNECTIONS = 32
FOLDER = Path(__file__).parent
TIMEOUT = 120.0
USERS = 100
"""Users of the closed-loop tools that can be held to a rate."""


@dataclass(frozen=True)
class Report:
    """What a tool said of itself: requests per second, and percentiles in milliseconds where it gives them."""

    rate: float
    count: int | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True)
class Load:
    """What a tool is to send: `rate` requests per second (0: as many as it can) for so many seconds, for `host` if it is given."""

    url: str
    seconds: float
    rate: int = 0
    host: str = ""

    def header(self, option: str) -> list[str]:
        """The Host header as an option of a tool that takes whole headers."""
        return [option, f"Host: {self.host}"] if self.host else []


@dataclass(frozen=True)
class Tool:
    """`program` is its name in the toolbox; one that is not `paced` cannot be held to a rate, and ignores it."""

    name: str
    program: str
    run: Callable[[Toolbox, Load], Report]
    paced: bool = True


def _output(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> str:
    """What a command writes; Locust's exit code 1 says that a request failed, k6's 99 a threshold: no reasons to stop."""
    done = run(command, env=environment, deadline=Deadline.after(TIMEOUT), check=False)
    if done.returncode not in {0, 1, 99}:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if not found:
        raise RuntimeError(f"{pattern!r} is not in {text[-2000:]!r}")
    return float(found[1])


def _milliseconds(value: str) -> float:
    """A time as wrk writes it."""
    number, unit = re.fullmatch(r"([0-9.]+)(us|ms|s|m)", value).groups()  # type: ignore[union-attr]  # their own output
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[unit]


def _wrk(tools: Toolbox, load: Load) -> Report:
    """Two threads; its percentiles are corrected for coordinated omission with the mean interval."""
    text = _output([tools["wrk"], "-t2", f"-c{CONNECTIONS}", f"-d{load.seconds:g}s", "--latency", *load.header("-H"), load.url])
    p90, p99 = (_milliseconds(re.search(rf"\n\s+{q}%\s+(\S+)", text)[1]) for q in (90, 99))  # type: ignore[index]  # its own output
    return Report(_number(r"Requests/sec:\s+([0-9.]+)", text), int(_number(r"(\d+) requests in", text)), p90, p99)


def _hey(tools: Toolbox, load: Load) -> Report:
    pace = ["-q", str(load.rate / USERS)] if load.rate else []
    connections = USERS if load.rate else CONNECTIONS
    host = ["-host", load.host] if load.host else []
    text = _output([tools["hey"], "-z", f"{load.seconds:g}s", "-c", str(connections), *pace, *host, load.url])
    count = int(_number(r"\[200\]\s+(\d+) responses", text))
    p90, p99 = (_number(rf"{q}%+ in ([0-9.]+) secs", text) * 1000 for q in (90, 99))
    return Report(_number(r"Requests/sec:\s+([0-9.]+)", text), count, p90, p99)


def _ab(tools: Toolbox, load: Load) -> Report:
    """Keep-alive, one thread."""
    shape = ["-c", str(CONNECTIONS), "-n", "100000000", "-t", f"{load.seconds:g}"]
    text = _output([tools["ab"], "-q", "-k", *shape, *load.header("-H"), load.url])
    p90, p99 = (_number(rf"\n\s+{q}%\s+(\d+)", text) for q in (90, 99))
    return Report(_number(r"Requests per second:\s+([0-9.]+)", text), int(_number(r"Complete requests:\s+(\d+)", text)), p90, p99)


def _locust(tools: Toolbox, load: Load) -> Report:
    """Two processes of FastHttpUser; its times are rounded to two digits above 100 ms."""
    users = USERS if load.rate else CONNECTIONS
    command: list[str | Path] = [
        tools["locust"],
        "-m",
        "locust",
        "-f",
        FOLDER / "locustfile.py",
        "--headless",
        "--processes",
        "2",
        "--json",
    ]
    shape = ["-u", str(users), "-r", str(users), "-t", f"{max(3, round(load.seconds))}s", "-H", load.url.rstrip("/")]
    pages = _documents(_output([*command, *shape], {"KINDGATE_BENCH_PACE": str(load.rate / users), "KINDGATE_BENCH_HOST": load.host}))
    said = max(pages, key=lambda page: page["num_requests"])
    times = {float(time): int(count) for time, count in said["response_times"].items()}
    p90, p99 = np.percentile(np.repeat(list(times), list(times.values())), [90, 99])
    span = said["last_request_timestamp"] - said["start_time"]
    return Report(said["num_requests"] / max(span, 1e-9), said["num_requests"], float(p90), float(p99))


def _documents(text: str) -> list[dict[str, Any]]:
    """The pages that Locust's master and workers have each printed a JSON array of, one after the other."""
    decoder, place, pages = json.JSONDecoder(), 0, []
    while (place := text.find("[", place)) >= 0:
        page, place = decoder.raw_decode(text, place)
        pages += page
    if not pages:
        raise RuntimeError("Locust reports no request: its workers did not get to run")
    return pages


def _k6(tools: Toolbox, load: Load) -> Report:
    lasting = {"duration": f"{load.seconds:g}s"}
    flood = {"executor": "constant-vus", "vus": CONNECTIONS, **lasting}
    arrivals = {"executor": "constant-arrival-rate", "rate": load.rate, "preAllocatedVUs": USERS, "maxVUs": 1000, **lasting}
    options = {"scenarios": {"s": arrivals if load.rate else flood}, "summaryTrendStats": ["p(90)", "p(99)"]}
    asked = json.dumps({"headers": {"Host": load.host} if load.host else {}})
    script = f"""import http from 'k6/http';
export const options = {json.dumps(options)};
export default () => {{ http.get('{load.url}', {asked}) }}"""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "script.js").write_text(script)
        _output([tools["k6"], "run", "--quiet", "--no-usage-report", "--summary-export", f"{folder}/out.json", f"{folder}/script.js"])
        metrics = json.loads((Path(folder) / "out.json").read_text())["metrics"]
    times = metrics["http_req_duration"]
    return Report(metrics["http_reqs"]["rate"], metrics["http_reqs"]["count"], times["p(90)"], times["p(99)"])


def _vegeta(tools: Toolbox, load: Load) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "target").write_text(f"GET {load.url}\n")
        pace = ["-rate", str(load.rate)] if load.rate else ["-rate", "0", "-max-workers", str(CONNECTIONS)]
        out = f"{folder}/out"
        shape = ["-targets", f"{folder}/target", "-duration", f"{load.seconds:g}s", *pace, *load.header("-header")]
        _output([tools["vegeta"], "attack", *shape, "-output", out])
        said = json.loads(_output([tools["vegeta"], "report", "-type", "json", out]))
    return Report(said["throughput"], said["requests"], said["latencies"]["90th"] / 1e6, said["latencies"]["99th"] / 1e6)


def _naive(tools: Toolbox, load: Load) -> Report:
    said = json.loads(_output([tools["requests"], FOLDER / "naive.py", load.url, str(load.seconds), str(load.rate), load.host]))
    times = said["times_ms"]
    p90, p99 = np.percentile(times, [90, 99])
    return Report(len(times) / said["seconds"], len(times), float(p90), float(p99))


WRK = Tool("wrk -t2", "wrk", _wrk, paced=False)
"""What the others are measured against."""

TOOLS = (
    Tool("ab -k", "ab", _ab, paced=False),
    Tool("hey", "hey", _hey),
    Tool("vegeta", "vegeta", _vegeta),
    Tool("k6", "k6", _k6),
    Tool("Locust FastHttpUser x2", "locust", _locust),
    Tool("requests loop", "requests", _naive),
)
"""All others."""
