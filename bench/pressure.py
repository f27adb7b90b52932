"""Measure the CPU pressure of bursts to a trivial local server, with and without programs that keep CPUs busy.

    python -m bench.pressure [--runs 10]

`kindgate load --url` blames the machine for a missed response time limit above `PRESSURE_SHARE`: the pressure must stay
below it without other programs, and exceed it if every CPU is busy. Requires an otherwise idle machine; the use of other
programs is shown in cores.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

import psutil

from bench.busy import busy_programs
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.slo.validity import PRESSURE_SHARE

RATES, SECONDS, BUSY_SECONDS = (500.0, 2000.0, 4000.0), 2.0, 300.0

_SERVER = """
import asyncio
async def answer(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\nfoo\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextlib.contextmanager
def trivial_server() -> Iterator[str]:
    """Yield the URL of a single-process server that answers immediately."""
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise AssertionError("its output is a pipe")
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.kill()


def pressure_row(url: str, rate: float, runs: int) -> str:
    """Return one row: pressure and p(99) over `runs` bursts."""
    plan = BurstPlan((Route(url),), OpenLoop.constant(rate, seconds=SECONDS), timeout=2.0)
    with GeneratorPool() as pool:
        warm_up(plan, 0.5, pool)
        results = [run_burst(plan, pool=pool) for _ in range(runs)]
    measured = [result.health.pressure for result in results if result.health.pressure is not None]
    if not measured:
        raise SystemExit("this kernel has no CPU pressure (PSI)")
    slow = [result.total.response.percentile(99) / 1000 for result in results if result.total.response.count]
    others = max(result.health.other_cpu for result in results)
    above = sum(pressure > PRESSURE_SHARE for pressure in measured)
    return (
        f"pressure {min(measured):.0%} to {max(measured):.0%}, median {median(measured):.0%}, "
        f"above {PRESSURE_SHARE:.0%} in {above} of {len(measured)}; "
        f"p(99) {median(slow):.1f} ms in the median burst, {max(slow):.1f} ms at most; server and others up to {others:.2f} cores"
    )


def main() -> None:
    """Measure and print all rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10, help="bursts of each row")
    options = parser.parse_args()
    with trivial_server() as url:
        for busy in range((psutil.cpu_count() or 1) + 1):
            for rate in RATES:
                with busy_programs(busy, BUSY_SECONDS):
                    row = pressure_row(url, rate, options.runs)
                sys.stdout.write(f"{busy} busy programs, {rate:,.0f} per second: {row}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
