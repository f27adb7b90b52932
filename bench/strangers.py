"""Count on a real cluster how often the check for other programs on the machine fails, where it must and must not.

    python -m bench.strangers [busy] [quiet] [highest] [burning] [--runs 10]

Each run is ten bursts of a second through the ingress, judged once. `busy`: programs outside the run keep every CPU
busy, and the check must fail. It must not fail with nothing else running (`quiet`), at the highest rate at which every
other check holds (`highest`), and while a pod of the application uses its whole CPU limit (`burning`). All cases except
`busy` require an otherwise idle machine. The cluster is created for it and deleted at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil
from scipy.stats import binomtest

from bench.busy import burning_pod, busy_programs
from kindgate.host.command import run
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.plan import BurstPlan, OpenLoop
from kindgate.load.result import BurstResult
from kindgate.pipeline.burst_plans import entry_routes
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.environment import DeployedApplication, RunningCluster
from kindgate.pipeline.load_lock import load_lock_of_run
from kindgate.pipeline.phases import new_run_id
from kindgate.pipeline.provisioner import Pipeline
from kindgate.progress import Progress
from kindgate.settings_sources import build_settings
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import judge
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Objectives
from kindgate.slo.validity import FOREIGN
from kindgate.waiting import Deadline

OBJECTIVES = Objectives(parse_marker(("p(99)<5",)))
RATE, BURSTS, SECONDS, TIMEOUT = 500.0, 10, 1.0, 2.0
FACTOR, FASTEST = 1.25, 20_000.0
"""The factor by which the rate is raised, and its maximum in requests per second."""

BUSY_SECONDS = 300.0
"""Maximum duration of busy programs in seconds, in case they are not stopped."""

POD, POD_CPUS, POD_SECONDS = "burning", 1, 60.0


@dataclass(frozen=True)
class Case:
    """The other activity during the load, and whether the check must fail."""

    must_fail: bool
    activity: Callable[[RunningCluster], contextlib.AbstractContextManager[None]] = lambda _: contextlib.nullcontext()
    at_highest_rate: bool = False


@dataclass(frozen=True)
class JudgedRun:
    """The result of one run."""

    judgement: Judgement
    foreign: float

    @property
    def failed(self) -> bool:
        """Whether the check failed."""
        return any(check.name == FOREIGN and check.failed for check in self.judgement.validity)


@contextlib.contextmanager
def busy_cpus(_: RunningCluster) -> Iterator[None]:
    """Keep every CPU busy with programs outside the run."""
    with busy_programs(psutil.cpu_count() or 1, BUSY_SECONDS):
        yield


@contextlib.contextmanager
def busy_pod(cluster: RunningCluster) -> Iterator[None]:
    """Run a pod that uses its whole CPU limit."""

    def kubectl(*arguments: str, text: str | None = None) -> str:
        command: list[str | Path] = [cluster.kubectl, "--kubeconfig", cluster.address.kubeconfig, "--namespace", "default", *arguments]
        return run(command, input=text, deadline=Deadline.after(POD_SECONDS)).stdout

    kubectl("apply", "--filename", "-", text=json.dumps(burning_pod(POD, POD_CPUS)))
    try:
        kubectl("wait", f"pod/{POD}", "--for", "condition=Ready", "--timeout", "50s")
        yield
    finally:
        kubectl("delete", "pod", POD, "--now")


CASES: Mapping[str, Case] = MappingProxyType(
    {
        "busy": Case(must_fail=True, activity=busy_cpus),
        "quiet": Case(must_fail=False),
        "highest": Case(must_fail=False, at_highest_rate=True),
        "burning": Case(must_fail=False, activity=busy_pod),
    }
)


def run_and_judge(plan: BurstPlan, pool: GeneratorPool) -> JudgedRun:
    """Run `BURSTS` bursts and judge them."""
    results = [run_burst(plan, pool=pool) for _ in range(BURSTS)]
    known = [result.health.foreign for result in results if result.health.foreign is not None]
    if not known:
        raise SystemExit("the CPU time of the cluster's nodes cannot be read here")
    judgement = judge(OBJECTIVES, [burst_sample(result) for result in results], looks=1)
    return JudgedRun(judgement, sum(known) / len(known))


def highest_rate(plan: BurstPlan, pool: GeneratorPool, progress: Progress) -> BurstPlan:
    """Return the plan at the highest rate at which every other check holds."""
    best, rate = plan, RATE
    while rate <= FASTEST:
        faster = at_rate(plan, rate)
        result: BurstResult = run_burst(faster, pool=pool)
        validity = judge(OBJECTIVES, [burst_sample(result)], looks=1).validity
        failed = [check.name for check in validity if check.failed and check.name != FOREIGN]
        if failed:
            progress(f"at {rate:,.0f} per second: {', '.join(failed)}")
            break
        best, rate = faster, rate * FACTOR
    return best


def at_rate(plan: BurstPlan, rate: float) -> BurstPlan:
    """Return the plan at another rate."""
    return BurstPlan(plan.routes, OpenLoop.constant(rate, seconds=SECONDS), timeout=TIMEOUT)


def summary_line(name: str, runs: Sequence[JudgedRun], rate: float) -> str:
    """Format a case's result on one line."""
    failed = sum(run.failed for run in runs)
    low, high = (float(end) for end in binomtest(failed, len(runs)).proportion_ci(0.95, "exact"))
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(run.judgement.verdict.value for run in runs).items())
    shares = [run.foreign for run in runs]
    return (
        f"{name}: check failed in {failed} of {len(runs)} (95 % interval {low:.0%} to {high:.0%}), {verdicts}; "
        f"foreign CPU {min(shares):.1%} to {max(shares):.1%} of the machine, {rate:,.0f} requests per second"
    )


def main() -> None:
    """Run the cases and print the counts; exit with 1 if a result is not as required."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--runs", type=int, default=10, help="runs of each case")
    options = parser.parse_args()
    unknown = [name for name in options.cases if name not in CASES]
    if unknown:
        parser.error(f"there is no case {unknown[0]}: choose of {', '.join(CASES)}")
    pipeline = Pipeline(build_settings(Path.cwd(), {}, {}, os.environ), new_run_id(), _say)
    wrong = []
    try:
        application = pipeline.environment_at(DeployedApplication)
        cluster, routes = application.cluster, entry_routes(application.entries, application.address)
        plan = at_rate(BurstPlan(routes, OpenLoop.constant(RATE, seconds=SECONDS)), RATE)
        for name in options.cases or CASES:
            case = CASES[name]
            with load_lock_of_run(pipeline.run_id).exclusive(), GeneratorPool(cluster.own_cpu) as pool, case.activity(cluster):
                warm_up(plan, 2.0, pool)
                chosen = highest_rate(plan, pool, _say) if case.at_highest_rate else plan
                runs = [run_and_judge(chosen, pool) for _ in range(options.runs)]
            rate = chosen.loop.peak_rate if isinstance(chosen.loop, OpenLoop) else 0.0
            sys.stdout.write(summary_line(name, runs, rate) + "\n")
            sys.stdout.flush()
            wrong += [name for run in runs if run.failed is not case.must_fail][:1]
    finally:
        pipeline.cleanup.close(failed=False)
    sys.exit(1 if wrong else 0)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
