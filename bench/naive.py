"""The typical first script: a loop around `requests.get`. `python bench/naive.py URL SECONDS RATE HOST` (rate 0: no pause)."""

from __future__ import annotations

import json
import sys
import time

import requests


def main(url: str, seconds: float, rate: float, host: str) -> None:
    """Send requests repeatedly, and print count and times in milliseconds as JSON."""
    times: list[float] = []
    headers = {"Host": host} if host else {}
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        sent = time.monotonic()
        requests.get(url, headers=headers, timeout=10)
        elapsed = time.monotonic() - sent
        times.append(elapsed * 1000)
        if rate:
            time.sleep(max(0.0, 1 / rate - elapsed))
    sys.stdout.write(json.dumps({"times_ms": times, "seconds": time.monotonic() - start}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
