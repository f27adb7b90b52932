"""`make bench`: the load engine beside other tools, in one run on loopback nginx, and the verdicts' error rates.

    python -m bench [--skip-verdicts]

Writes bench/results.json and bench/RESULTS.md; ends with 1 when a goal is missed. `BENCH_CLUSTER=1` also measures through the
ingress of the cluster that stands (`kindgate up`, `kindgate deploy`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

import pycurl

from bench import verdicts
from bench.closed import floods
from bench.frozen import honesties
from bench.goals import goals
from bench.nginx import running_nginx
from bench.punctual import punctualities
from bench.sizes import histogram_sizes
from bench.table import page
from bench.through_ingress import through_ingress
from bench.tools import TOOLS, build_go_tools
from kindgate.histogram import Histogram
from kindgate.load.result import BurstResult

FOLDER = Path(__file__).parent


def say(text: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def machine() -> str:
    """What was measured on."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, Linux {platform.release()}, Python {platform.python_version()}, {pycurl.version.split(' libssh')[0]}"


def measure_load() -> bool:
    """All of the load engine's measurements; whether every goal is met."""
    build_go_tools(say)
    for tool in TOOLS:
        if not tool.installed:
            say(f"{tool.name} is left out: {tool.program} is not installed")
    kept: list[BurstResult] = []
    with running_nginx() as server:
        lags = list(punctualities(server, say))
        honest = list(honesties(server, say))
        fast = list(floods(server, say, kept.append))
    sizes = histogram_sizes(Histogram.merged(result.total.response for result in kept))
    judged = list(goals(fast, lags, honest, sizes))
    document = {
        "machine": machine(),
        "full_speed": [asdict(row) for row in fast],
        "open_loop": [asdict(row) for row in lags],
        "frozen_server": [{**asdict(row), "honest": row.honest} for row in honest],
        "histogram": asdict(sizes),
        "goals": [asdict(goal) for goal in judged],
        "ingress": [asdict(row) for row in through_ingress(say)] if os.environ.get("BENCH_CLUSTER") == "1" else [],
    }
    (FOLDER / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = page(machine(), fast, lags, honest, judged)
    (FOLDER / "RESULTS.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return all(goal.met for goal in judged)


def main() -> int:
    """Measure; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skip-verdicts", action="store_true", help="leave out the verdicts' error rates, which take minutes")
    options = parser.parse_args()
    met = measure_load()
    return int(not met) if options.skip_verdicts else max(int(not met), verdicts.main([]))


if __name__ == "__main__":
    sys.exit(main())
