"""Parsers for the other tools' output. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
"""wrk's units, in milliseconds."""


class UnreadableError(Exception):
    """A tool failed, or printed unexpected output."""


@dataclass(frozen=True)
class Report:
    """A tool's own report: requests per second, number of requests, and percentiles in milliseconds."""

    rate: float
    count: int
    p90_ms: float
    p99_ms: float


def read_wrk(text: str) -> Report:
    """Parse `--latency` output; its percentiles are corrected for coordinated omission with the mean interval."""
    times = [_groups(rf"^\s+{quantile}%\s+([0-9.]+)(us|ms|s|m)$", text) for quantile in (90, 99)]
    p90, p99 = (float(number) * _UNITS[unit] for number, unit in times)
    return Report(_number(r"Requests/sec:\s+([0-9.]+)", text), int(_number(r"(\d+) requests in", text)), p90, p99)


def read_hey(text: str) -> Report:
    """Parse hey's output: seconds with four digits."""
    p90, p99 = (_number(rf"{quantile}%+ in ([0-9.]+) secs", text) * 1000 for quantile in (90, 99))
    count = int(_number(r"\[200\]\s+(\d+) responses", text))
    return Report(_number(r"Requests/sec:\s+([0-9.]+)", text), count, p90, p99)


def read_oha(text: str) -> Report:
    """Parse `--output-format json` output, in seconds."""
    output = json.loads(text)
    times = output["latencyPercentiles"]
    count = sum(output["statusCodeDistribution"].values())
    return Report(output["summary"]["requestsPerSec"], count, times["p90"] * 1000, times["p99"] * 1000)


def read_ab(text: str) -> Report:
    """Parse ab's output: whole milliseconds."""
    p90, p99 = (_number(rf"^\s+{quantile}%\s+(\d+)$", text) for quantile in (90, 99))
    return Report(_number(r"Requests per second:\s+([0-9.]+)", text), int(_number(r"Complete requests:\s+(\d+)", text)), p90, p99)


def read_locust(text: str) -> Report:
    """Parse the JSON arrays that master and workers print one after the other; the fullest is the master's.

    Times above 100 ms are rounded to two digits.
    """
    decoder, start, pages = json.JSONDecoder(), 0, []
    while (start := text.find("[", start)) >= 0:
        page, start = decoder.raw_decode(text, start)
        pages += page
    if not pages:
        raise UnreadableError("Locust reports no request: its workers did not get to run")
    output = max(pages, key=lambda page: int(page["num_requests"]))
    times = {float(time): int(count) for time, count in output["response_times"].items()}
    p90, p99 = np.percentile(np.repeat(list(times), list(times.values())), [90, 99])
    span = output["last_request_timestamp"] - output["start_time"]
    return Report(output["num_requests"] / max(span, 1e-9), output["num_requests"], float(p90), float(p99))


def read_k6(text: str) -> Report:
    """Parse the file of `--summary-export`."""
    metrics: Mapping[str, Any] = json.loads(text)["metrics"]
    times = metrics["http_req_duration"]
    return Report(metrics["http_reqs"]["rate"], metrics["http_reqs"]["count"], times["p(90)"], times["p(99)"])


def read_vegeta(text: str) -> Report:
    """Parse `vegeta report -type json` output, in nanoseconds."""
    output = json.loads(text)
    return Report(output["throughput"], output["requests"], output["latencies"]["90th"] / 1e6, output["latencies"]["99th"] / 1e6)


def read_naive(text: str) -> Report:
    """Parse the output of bench/naive.py."""
    output = json.loads(text)
    p90, p99 = np.percentile(output["times_ms"], [90, 99])
    return Report(len(output["times_ms"]) / output["seconds"], len(output["times_ms"]), float(p90), float(p99))


def _groups(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise UnreadableError(f"{pattern!r} is not in {text[-2000:]!r}")
    return match.groups()


def _number(pattern: str, text: str) -> float:
    return float(_groups(pattern, text)[0])
