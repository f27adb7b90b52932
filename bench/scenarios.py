"""Repeat an action under load on a real cluster, and count what it lost and how it was judged.

    python -m bench.scenarios [restart | update | kill-pod] [--runs 10] [--busy 2] [--app-overlay DIR] [--json FILE] [--keep]

Each run is one action as `kindgate scenario` does it, judged by the SLO file. `--busy` programs outside the
run use the CPUs meanwhile. The cluster is created if missing, and deleted at the end unless `--keep` is given. `--json` appends
each episode to a file, one per line.
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

from bench.busy import busy_programs
from kindgate.errors import KindgateError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.episode_run import episode_plan, episode_targets, run_episode
from kindgate.pipeline.load_lock import load_lock_of_run
from kindgate.pipeline.phases import new_run_id
from kindgate.pipeline.provisioner import Pipeline
from kindgate.scenarios.action import Action
from kindgate.scenarios.pod_kill import PodKill
from kindgate.scenarios.rollout import Rollout, Update
from kindgate.settings import Settings
from kindgate.settings_sources import build_settings
from kindgate.slo.episode import Episode
from kindgate.slo.episode_confirm import confirm_episodes, needs_repetition
from kindgate.slo.episode_judge import EpisodeJudgement, judge_scenario

BUSY_SECONDS = 3600.0
"""Maximum duration of busy programs in seconds, in case they are not stopped."""

MakeAction = Callable[[ClusterAddress, Sequence[ObjectRef]], Action]

ACTIONS: Mapping[str, MakeAction] = MappingProxyType(
    {
        "restart": lambda address, workloads: Rollout(address, workloads, "restart"),
        "update": lambda address, workloads: Update(address, workloads, env={"KINDGATE_SCENARIO": "update"}),
        "kill-pod": PodKill,
    }
)


@dataclass(frozen=True)
class JudgedRun:
    """One action, the verdict about it, and its repetition, if it failed first."""

    episode: Episode
    judgement: EpisodeJudgement
    repetition: Episode | None = None


def judged_runs(pipeline: Pipeline, settings: Settings, action: MakeAction, runs: int) -> Iterator[JudgedRun]:
    """Do the action `runs` times and judge each. Raises `KindgateError` if one cannot be done."""
    application = pipeline.environment_at(DeployedApplication)
    objectives = pipeline.objectives
    plan = episode_plan(settings.load, objectives, application, settings.scenario.rate)
    workloads, lock = episode_targets(application), load_lock_of_run(pipeline.run_id)

    def run() -> Episode:
        episode = run_episode(action(application.address, workloads), plan, application, load=settings.load, lock=lock)
        if episode.undone:
            raise SystemExit(f"the application is not as it was before: {episode.undone}")
        return episode

    for _ in range(runs):
        episode = run()
        judgement, repetition = judge_scenario(objectives, episode), None
        if needs_repetition(judgement, [episode]):
            repetition = run()
            judgement = confirm_episodes(judgement, [episode], [repetition])
        yield JudgedRun(episode, judgement, repetition)


def run_line(number: int, run: JudgedRun) -> str:
    """Format one run: its verdict, what each route lost, and the CPU time of other programs."""
    episode, requests = run.episode, run.episode.requests
    routes = ", ".join(f"{route.route} {route.requests.lost:,}" for route in episode.routes if route.requests.lost)
    foreign = "unknown" if episode.foreign is None else f"{episode.foreign:.1%}"
    kinds = f"{requests.failed} failed, {requests.unanswered} unanswered{f'; {routes}' if routes else ''}"
    again = f", repeated: {run.repetition.requests.lost:,} of {run.repetition.requests.scheduled:,} lost" if run.repetition else ""
    lost = f"{requests.lost:,} of {requests.scheduled:,} lost ({kinds}){again}"
    return f"{number}: {run.judgement.verdict}, {lost}, {foreign} foreign CPU{f', {episode.error}' if episode.error else ''}"


def summary_line(name: str, runs: Sequence[JudgedRun]) -> str:
    """Format all runs on one line."""
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(run.judgement.verdict.value for run in runs).items())
    lost, sent = sum(run.episode.requests.lost for run in runs), sum(run.episode.requests.scheduled for run in runs)
    losing = sum(bool(run.episode.requests.lost) for run in runs)
    return f"{name}: {len(runs)} runs, {verdicts}; {losing} lost requests, {lost:,} of {sent:,} in total"


def main() -> None:
    """Run, and print a line per run and one about all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", default="restart", choices=ACTIONS)
    parser.add_argument("--runs", type=int, default=10, help="number of runs")
    parser.add_argument("--busy", type=float, default=0.0, help="CPUs that programs outside the run keep busy")
    parser.add_argument("--app-overlay", default="", help="the application's overlay")
    parser.add_argument("--slo-file", default="", help="its objectives")
    parser.add_argument("--cluster-name", default="", help="the cluster's name")
    parser.add_argument("--json", type=Path, help="file to append the episodes to")
    parser.add_argument("--keep", action="store_true", help="keep the cluster")
    options = parser.parse_args()
    given = {"app_overlay": options.app_overlay, "slo_file": options.slo_file, "cluster_name": options.cluster_name}
    settings = build_settings(Path.cwd(), {**given, "kind_keep": "always" if options.keep else "never"}, {}, os.environ)
    pipeline = Pipeline(settings, settings.cluster_name if options.cluster_name else new_run_id(), _say)
    runs: list[JudgedRun] = []
    try:
        pipeline.environment_at(DeployedApplication)
        busy = busy_programs(options.busy, BUSY_SECONDS) if options.busy else contextlib.nullcontext()
        with busy:
            for run in judged_runs(pipeline, settings, ACTIONS[options.action], options.runs):
                runs.append(run)
                sys.stdout.write(run_line(len(runs), run) + "\n")
                sys.stdout.flush()
                if options.json is not None:
                    with options.json.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(run.episode.to_json()) + "\n")
    except KindgateError as error:
        raise SystemExit(str(error)) from error
    finally:
        if options.keep:
            pipeline.cleanup.release()
        else:
            pipeline.cleanup.close(failed=False)
    sys.stdout.write(summary_line(f"{options.action} with {options.busy:g} busy CPUs", runs) + "\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
