"""Run `kindgate scenario policy`: the connections of the running application as a table, judged by rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from kindgate.cli.console import stopwatch_progress
from kindgate.cli.steps import pipeline_for_steps
from kindgate.errors import SettingsError
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.load_lock import load_lock_of_run
from kindgate.pipeline.policy_run import try_admission, try_connections, try_permissions, try_pod_security
from kindgate.report.decision import exit_code_of
from kindgate.report.plain_text import aligned
from kindgate.scenarios.pod_admission import Level
from kindgate.settings import Settings
from kindgate.slo.connections import Connection, named_rules
from kindgate.slo.judge import overall
from kindgate.slo.policy_judge import judge_connections


def run_policy(
    settings: Settings,
    *,
    deny: Iterable[str],
    allow: Iterable[str],
    json_file: Path | None,
    level: Level | None = None,
    admission: bool = False,
    permissions: bool = False,
) -> int:
    """Try the connections, print them and the verdicts, and return the exit code of docs/exit-codes.md.

    With `level`, Pod Security judges the pods too; with `admission` and `permissions`, the workloads and the service accounts
    are judged.

    Raises `SettingsError` on an existing cluster, and `SloError` for a bad rule before anything is created.
    """
    rules = named_rules(allow, deny, "option")
    if settings.cluster.existing is not None:
        raise SettingsError("connections are tried only in a cluster that kindgate created", next_step="run without --kind-existing")
    with pipeline_for_steps(settings) as pipeline:
        rules = rules or pipeline.objectives.policy
        application = pipeline.environment_at(DeployedApplication)
        lock = load_lock_of_run(pipeline.run_id)
        tried = try_connections(application, lock, stopwatch_progress())
        more = [try_pod_security(application, lock, level)] if level is not None else []
        more += [try_admission(application, lock)] if admission else []
        more += [try_permissions(application, lock)] if permissions else []
    if json_file is not None:
        document = [asdict(one) for one in tried.connections]
        json_file.write_text(json.dumps(document, indent=2), encoding="utf-8")
    print("\n".join(matrix_lines(tried.connections)))
    judgement = judge_connections(rules, tried.connections, tried.base)
    results = [*judgement.results, *more]
    for result in results:
        print(result.explanation)
    return exit_code_of(overall(result.verdict for result in results), settings.slo.inconclusive)


def matrix_lines(connections: Sequence[Connection]) -> list[str]:
    """A line for each client and target; clients that saw the same at a target share one."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in connections:
        groups.setdefault((one.target, one.seen.value), []).append(one.client)
    rows = [(target, seen, ", ".join(clients)) for (target, seen), clients in sorted(groups.items())]
    return aligned([("target", "seen", "clients"), *rows])
