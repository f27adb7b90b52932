"""Other programs on the machine are distinguished from the run and its cluster, and invalidate timings while they use the CPUs."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil
import pytest

from bench.busy import burning_pod, busy_programs
from kindgate import Verdict
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.environment import RunningCluster
from kindgate.plugin.provisioning_access import environment_at
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import judge
from kindgate.slo.objectives import Objectives
from kindgate.slo.validity import FOREIGN

if TYPE_CHECKING:
    from kindgate import BurstResult, Bursts, Cluster

pytestmark = pytest.mark.e2e

CPUS = psutil.cpu_count() or 1
LONGEST = 120.0
"""Time limit of busy programs in seconds, in case they are not stopped."""


def share_of(cpu_seconds: Callable[[], float], measure: Callable[[], BurstResult]) -> tuple[float, BurstResult]:
    """The share of the machine's CPU time that a known load had during `measure`, and the measurement."""
    used, began = cpu_seconds(), time.monotonic()
    result = measure()
    return (cpu_seconds() - used) / (time.monotonic() - began) / CPUS, result


def foreign_of(result: BurstResult) -> float:
    """The CPU share of other programs according to the burst."""
    assert result.health.foreign is not None, "the CPU time of the cluster's nodes cannot be read here"
    return result.health.foreign


def test_times_are_invalid_while_other_programs_keep_every_cpu_busy(burst: Bursts) -> None:
    """Their usage is measured, and both a missed and a met timing become INVALID."""
    with busy_programs(CPUS, LONGEST) as programs:
        measured = [share_of(programs.cpu_seconds, lambda: burst(rate=100, duration=2, warmup=0.5)) for _ in range(3)]

    assert [(known, foreign_of(result)) for known, result in measured if foreign_of(result) < known - 0.25] == []
    judgement = judge(Objectives(parse_marker(("p(99)<5", "p(99)<9000"))), [burst_sample(result) for _, result in measured])
    assert [check.name for check in judgement.validity if check.failed and check.name == FOREIGN] == [FOREIGN]
    assert [result.verdict for result in judgement.results] == [Verdict.INVALID] * 2


def test_an_application_at_its_cpu_limit_is_not_a_foreign_program(
    burst: Bursts, cluster: Cluster, namespace: str, request: pytest.FixtureRequest
) -> None:
    """CPU time of a pod that keeps every CPU busy counts as its nodes', and other programs get at most the rest."""
    own_cpu = environment_at(request.config, RunningCluster).own_cpu
    assert own_cpu is not None
    name = f"burning-{secrets.token_hex(4)}"
    cluster.kubectl("--namespace", namespace, "apply", "--filename", "-", stdin=json.dumps(burning_pod(name, CPUS)))
    cluster.kubectl("--namespace", namespace, "wait", f"pod/{name}", "--for", "condition=Ready", "--timeout", "60s")
    processes = [process for process in psutil.process_iter(["cmdline"]) if name in (process.info["cmdline"] or ())]

    def burned() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    before, used = own_cpu.now(), burned()
    known, result = share_of(burned, lambda: burst(rate=100, duration=2, warmup=0.5))
    used, after = burned() - used, own_cpu.now(before)

    assert used > 0.2
    assert before is not None
    assert after is not None
    assert sum(after.nodes) - sum(before.nodes) >= used - 0.1
    assert foreign_of(result) <= 1.15 - known
