"""The other load generators: how each is started, and what it says. A tool that is not installed is left out and named."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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
class Tool:
    """`flood` runs as fast as it can and `paced` at a rate (None: it cannot); both take a URL and seconds."""

    name: str
    program: str
    flood: Callable[[str, float], Report]
    paced: Callable[[str, float, int], Report] | None = None

    @property
    def installed(self) -> bool:
        """Whether it can be run here."""
        return self.program in sys.executable or shutil.which(self.program, path=search_path()) is not None


def go_folder() -> Path:
    """Where programs built from Go modules are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kindgate" / "bench"


def search_path() -> str:
    """PATH with what this benchmark built, and what is in the virtual environment."""
    return os.pathsep.join((str(go_folder()), str(Path(sys.executable).parent), os.environ.get("PATH", "")))


def _output(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """What a command writes; Locust's exit code 1 says that a request failed, and is no reason to stop."""
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {}), "PATH": search_path()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
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


def wrk(url: str, seconds: float) -> Report:
    """Two threads; its percentiles are corrected for coordinated omission with the mean interval."""
    text = _output(["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency", url])
    p90, p99 = (_milliseconds(re.search(rf"{q}%\s+(\S+)", text)[1]) for q in (90, 99))  # type: ignore[index]  # its own output
    return Report(_number(r"Requests/sec:\s+([0-9.]+)", text), int(_number(r"(\d+) requests in", text)), p90, p99)


def _hey(url: str, seconds: float, rate: int) -> Report:
    pace = ["-q", str(rate / USERS)] if rate else []
    connections = USERS if rate else CONNECTIONS
    text = _output(["hey", "-z", f"{seconds:g}s", "-c", str(connections), *pace, url])
    count = int(_number(r"\[200\]\s+(\d+) responses", text))
    p90, p99 = (_number(rf"{q}%+ in ([0-9.]+) secs", text) * 1000 for q in (90, 99))
    return Report(_number(r"Requests/sec:\s+([0-9.]+)", text), count, p90, p99)


def ab(url: str, seconds: float) -> Report:
    """Keep-alive, one thread."""
    text = _output(["ab", "-q", "-k", "-c", str(CONNECTIONS), "-n", "100000000", "-t", f"{seconds:g}", url])
    p90, p99 = (_number(rf"\n\s+{q}%\s+(\d+)", text) for q in (90, 99))
    return Report(_number(r"Requests per second:\s+([0-9.]+)", text), int(_number(r"Complete requests:\s+(\d+)", text)), p90, p99)


def _locust(url: str, seconds: float, rate: int) -> Report:
    """Two processes of FastHttpUser; its times are rounded to two digits above 100 ms."""
    users = USERS if rate else CONNECTIONS
    command = [sys.executable, "-m", "locust", "-f", str(FOLDER / "locustfile.py"), "--headless", "--processes", "2", "--json"]
    load = ["-u", str(users), "-r", str(users), "-t", f"{round(seconds)}s", "-H", url.rstrip("/")]
    said = max(_documents(_output([*command, *load], {"KINDGATE_BENCH_PACE": str(rate / users)})), key=lambda page: page["num_requests"])
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


def _k6(url: str, seconds: float, rate: int) -> Report:
    flood = {"executor": "constant-vus", "vus": CONNECTIONS, "duration": f"{seconds:g}s"}
    arrivals = {"executor": "constant-arrival-rate", "rate": rate, "duration": f"{seconds:g}s", "preAllocatedVUs": USERS, "maxVUs": 1000}
    options = {"scenarios": {"s": arrivals if rate else flood}, "summaryTrendStats": ["p(90)", "p(99)"]}
    script = f"import http from 'k6/http'; export const options = {json.dumps(options)}; export default () => {{ http.get('{url}') }}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "script.js").write_text(script)
        _output(["k6", "run", "--quiet", "--no-usage-report", "--summary-export", f"{folder}/out.json", f"{folder}/script.js"])
        metrics = json.loads((Path(folder) / "out.json").read_text())["metrics"]
    times = metrics["http_req_duration"]
    return Report(metrics["http_reqs"]["rate"], metrics["http_reqs"]["count"], times["p(90)"], times["p(99)"])


def _vegeta(url: str, seconds: float, rate: int) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "target").write_text(f"GET {url}\n")
        pace = ["-rate", str(rate)] if rate else ["-rate", "0", "-max-workers", str(CONNECTIONS)]
        out = f"{folder}/out"
        _output(["vegeta", "attack", "-targets", f"{folder}/target", "-duration", f"{seconds:g}s", *pace, "-output", out])
        said = json.loads(_output(["vegeta", "report", "-type", "json", out]))
    return Report(said["throughput"], said["requests"], said["latencies"]["90th"] / 1e6, said["latencies"]["99th"] / 1e6)


def _naive(url: str, seconds: float, rate: int) -> Report:
    said = json.loads(_output([sys.executable, str(FOLDER / "naive.py"), url, str(seconds), str(rate)]))
    times = said["times_ms"]
    p90, p99 = np.percentile(times, [90, 99])
    return Report(len(times) / said["seconds"], len(times), float(p90), float(p99))


def _both(name: str, program: str, run: Callable[[str, float, int], Report]) -> Tool:
    return Tool(name, program, lambda url, seconds: run(url, seconds, 0), run)


WRK = Tool("wrk -t2", "wrk", wrk)
"""What the others are measured against."""

TOOLS = (
    Tool("ab -k", "ab", ab),
    _both("hey", "hey", _hey),
    _both("vegeta", "vegeta", _vegeta),
    _both("k6", "k6", _k6),
    _both("Locust FastHttpUser x2", "locust", _locust),
    _both("requests loop", "python", _naive),
)
"""All others."""

GO_MODULES = {"vegeta": "github.com/tsenart/vegeta/v12@v12.13.0", "k6": "go.k6.io/k6@v1.4.0"}
"""Programs that are built where Go is there."""


def build_go_tools(say: Callable[[str], object]) -> None:
    """Build what is missing of `GO_MODULES`; without Go, or where a build fails, say so and go on."""
    for program, module in GO_MODULES.items():
        if shutil.which(program, path=search_path()):
            continue
        if shutil.which("go") is None:
            say(f"{program} is left out: it is not installed, and there is no Go to build it")
            continue
        say(f"building {module}")
        go_folder().mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["go", "install", module],
            env={**os.environ, "GOBIN": str(go_folder())},
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        if done.returncode:
            say(f"{program} is left out: {done.stderr.strip()[-500:]}")
