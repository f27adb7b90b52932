"""`make bench`: compare the load engine with other tools on loopback nginx, and measure the verdicts' error rates.

    python -m bench [--short | --verdicts | --recorded | --ingress | --workload]

Installs the tools, writes bench/results.json and the tables of docs/benchmarks.md, and exits with 1 if a goal is missed.
`--short` takes a minute or two and writes nothing. `--verdicts` repeats all error rates, `--recorded` only those on recorded
bursts, `--ingress` the load through the ingress of this folder's application, on a cluster that
is kept, and `--workload` requests that differ and journeys; each leaves the other figures of the last run unchanged. With
`BENCH_CLUSTER=1`, a full run includes the ingress.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path

import pycurl

from bench.arrival_timing import measure_arrival_timing
from bench.coordinated_omission import measure_omission
from bench.goals import load_goals, verdict_goals, workload_goals
from bench.install_tools import Toolbox, install_tools
from bench.nginx import running_nginx
from bench.noise_filter import SELECTION_RULE
from bench.real_runs import read_real_runs
from bench.results import Results, read_results
from bench.run_profile import FULL, SHORT, RunProfile
from bench.sizes import histogram_sizes
from bench.table import insert_generated, tables
from bench.through_ingress import kept_cluster_routes, measure_ingress_latency, measure_ingress_throughput
from bench.throughput import measure_throughput
from bench.tools import TOOLS
from bench.verdicts import RECORDED_QUIET, error_rates, recorded, recordings, simulated
from bench.workload_cost import measure_workload_cost
from kindgate.histogram import Histogram
from kindgate.load.process_limits import realtime_priority
from kindgate.load.result import BurstResult

ROOT = Path(__file__).parent.parent


def progress(text: str) -> None:
    """Print progress to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def machine() -> str:
    """Describe the machine and its software."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, Linux {platform.release()}, Python {platform.python_version()}, {pycurl.version.split(' zlib')[0]}"


def measure(tools: Toolbox, profile: RunProfile) -> Results:
    """Run all benchmarks."""
    for tool in TOOLS:
        if tool.program not in tools:
            progress(f"{tool.name} is left out: {tool.program} is not to be had on this machine")
    results: list[BurstResult] = []
    with realtime_priority(), running_nginx(tools["nginx"]) as server:
        timings = tuple(measure_arrival_timing(server, profile, progress))
        omissions = tuple(measure_omission(server, tools, profile, progress))
        throughput = tuple(measure_throughput(server, tools, profile, progress, results.append))
        workload = tuple(measure_workload_cost(server, profile, progress))
    load = Results(
        measured=time.strftime("%Y-%m-%d", time.gmtime()),
        machine=machine(),
        rule=SELECTION_RULE,
        tools=tools.versions,
        full_speed=throughput,
        open_loop=timings,
        frozen_server=omissions,
        histogram=histogram_sizes(Histogram.merged(result.total.response for result in results)),
        workload=workload,
    )
    if os.environ.get("BENCH_CLUSTER") == "1":
        load = with_ingress(load, tools, profile)
    return with_verdicts(load, profile)


def with_ingress(load: Results, tools: Toolbox, profile: RunProfile) -> Results:
    """Add the load through a real cluster's ingress to `load`; the cluster is created if missing, and kept."""
    routes = kept_cluster_routes(progress)
    return replace(
        load,
        ingress=tuple(measure_ingress_throughput(routes, tools, profile, progress)),
        ingress_paced=tuple(measure_ingress_latency(routes, profile, progress)),
    )


def with_workload(load: Results, tools: Toolbox, profile: RunProfile) -> Results:
    """Add the requests that differ and the journeys to `load`."""
    with realtime_priority(), running_nginx(tools["nginx"]) as server:
        return with_goals(replace(load, workload=tuple(measure_workload_cost(server, profile, progress))))


def with_verdicts(load: Results, profile: RunProfile) -> Results:
    """Add the verdicts' error rates and all goals to `load`."""
    progress("verdicts: simulated runs")
    return with_recorded(replace(load, error_rates=error_rates(simulated(), profile.runs, progress)), profile)


def with_recorded(load: Results, profile: RunProfile) -> Results:
    """Add the error rates on recorded bursts and on a real cluster, and all goals, to `load`."""
    progress("verdicts: recorded runs")
    by_name = dict(recordings())
    experiments = [experiment for name, recording in by_name.items() for experiment in recorded(recording, name)]
    bursts = len(by_name[RECORDED_QUIET].bursts) if RECORDED_QUIET in by_name else 0
    rates = load.error_rates.with_recorded(bursts, error_rates(experiments, profile.runs, progress))
    return with_goals(replace(load, error_rates=rates))


def with_goals(load: Results) -> Results:
    """Add the runs on a real cluster, and all goals for the figures of `load`."""
    real = read_real_runs()
    goals = (
        *load_goals(load.full_speed, load.open_loop, load.frozen_server, load.histogram),
        *workload_goals(load.workload),
        *verdict_goals(load.error_rates, real),
    )
    return replace(load, goals=goals, real_runs=real.runs if real else ())


def main() -> int:
    """Run the benchmarks; return 1 if a goal is missed, 2 if a required tool is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--short", action="store_true", help="less of everything, and only printed")
    choice.add_argument("--verdicts", action="store_true", help="only the verdicts' error rates; the other figures stay")
    choice.add_argument("--recorded", action="store_true", help="only what is about recorded bursts; the other figures stay")
    choice.add_argument("--ingress", action="store_true", help="only through the ingress of a real cluster; the same")
    choice.add_argument("--workload", action="store_true", help="only requests that differ, and journeys; the same")
    options = parser.parse_args()
    if options.verdicts:
        return publish(with_verdicts(read_results(), FULL))
    if options.recorded:
        return publish(with_recorded(read_results(), FULL))
    tools = install_tools(progress)
    if options.ingress:
        return publish(with_ingress(read_results(), tools, FULL))
    for program in ("nginx", "wrk"):
        if program not in tools:
            progress(f"{program} is needed, and could not be installed: install it, and run this again")
            return 2
    if options.workload:
        return publish(with_workload(read_results(), tools, FULL))
    return show(measure(tools, SHORT)) if options.short else publish(measure(tools, FULL))


def publish(results: Results) -> int:
    """Write the results and the page, and print the tables."""
    results.write()
    page = ROOT / "docs/benchmarks.md"
    page.write_text(insert_generated(page.read_text(encoding="utf-8"), tables(results)), encoding="utf-8")
    return show(results)


def show(results: Results) -> int:
    """Print the tables; return 1 if a goal is missed."""
    sys.stdout.write(f"{tables(results)}\n")
    return int(not all(goal.met for goal in results.goals))


if __name__ == "__main__":
    sys.exit(main())
