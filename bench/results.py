"""All results of one benchmark run, and their file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from bench.arrival_timing import ArrivalTiming
from bench.coordinated_omission import OmissionResult
from bench.goals import Goal
from bench.real_runs import RealRun
from bench.sizes import Sizes
from bench.through_ingress import IngressLatency, IngressThroughput
from bench.throughput import ThroughputSample
from bench.verdicts import ErrorRates
from bench.workload_cost import WorkloadCost

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Results:
    """One run on `machine` on the date `measured`, with `tools` by name and version; `rule` states which samples are shown.

    `ingress` and `ingress_paced` are empty if there was no cluster, and `workload` until it is measured.
    """

    measured: str
    machine: str
    rule: str
    tools: Mapping[str, str]
    full_speed: tuple[ThroughputSample, ...]
    open_loop: tuple[ArrivalTiming, ...]
    frozen_server: tuple[OmissionResult, ...]
    histogram: Sizes
    goals: tuple[Goal, ...] = ()
    error_rates: ErrorRates = field(default_factory=ErrorRates)
    real_runs: tuple[RealRun, ...] = ()
    ingress: tuple[IngressThroughput, ...] = ()
    ingress_paced: tuple[IngressLatency, ...] = ()
    workload: tuple[WorkloadCost, ...] = ()

    def write(self, path: Path = RESULTS) -> None:
        """Write the results to a file."""
        path.write_bytes(_adapter().dump_json(self, indent=1) + b"\n")


def read_results(path: Path = RESULTS) -> Results:
    """Read what `Results.write` wrote. Raises `ValueError` for anything else."""
    return _adapter().validate_json(path.read_bytes())


@functools.cache
def _adapter() -> TypeAdapter[Results]:
    return TypeAdapter(Results)
