"""Compare the answers of both versions to a sample of identical requests, once per series of bursts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from kindgate.deploy.entry_requests import entry_session
from kindgate.deploy.node_placement import pods_of
from kindgate.errors import KindgateError
from kindgate.load.plan import BurstPlan
from kindgate.model import ClusterAddress
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.judged_series import base_of
from kindgate.pipeline.run_secrets import RunSecrets, sources_of_cluster
from kindgate.redaction.personal_data import is_session_name, personal_format
from kindgate.redaction.redactor import Redactor
from kindgate.redaction.secret_names import MASK, is_secret_name
from kindgate.slo.answer_names import own_names
from kindgate.slo.answers import Answer, Place, RouteAnswers, compare_answers
from kindgate.slo.answers_verdict import AnswersResult, judge_answers
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.objectives import AnswersObjective, Objectives
from kindgate.waiting import Deadline
from kindgate.workload.answer_requests import ask, sampled_routes

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FILE: Final = ".answers.json"
"""The compared answers of a series, in its folder; not one of its bursts."""

FIND_SECONDS: Final = 30.0
"""Timeout for the API server to list the pods."""


@dataclass(frozen=True)
class Deployments:
    """The texts in which two equal versions differ: `pairs` of the baseline's with the pull request's, and their pods'."""

    pairs: tuple[tuple[str, str], ...]
    pods: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


CompareAnswers = Callable[[BurstSeries], tuple[AnswersResult, ...]]
"""Compares the answers of both versions of a series; called before they are swapped."""


def compare_no_answers(_burst_series: BurstSeries) -> tuple[AnswersResult, ...]:
    """For a comparison of response times alone."""
    return ()


def answers_comparison(objectives: Objectives, application: DeployedApplication) -> CompareAnswers:
    """The comparison that the objectives require of the application and its baseline; by default, changes are reported of a workload."""
    objective = objectives.answers or (AnswersObjective() if application.cluster.workload is not None else None)
    if objective is None:
        return compare_no_answers
    redactor = RunSecrets().redactor(sources_of_cluster(application.cluster))

    def compared(burst_series: BurstSeries) -> tuple[AnswersResult, ...]:
        return compare_series(objective, burst_series, application.address, lambda: deployments_of(application), redactor)

    return compared


def compare_series(
    objective: AnswersObjective,
    burst_series: BurstSeries,
    address: ClusterAddress,
    deployments: Callable[[], Deployments],
    redactor: Redactor,
) -> tuple[AnswersResult, ...]:
    """The compared answers of a series' routes, which all processes of the run share."""

    def make(plan: BurstPlan) -> str:
        routes = _compared(objective, plan, address, deployments(), redactor)
        return _adapter().dump_json(routes).decode()

    return judge_answers(objective, _adapter().validate_json(burst_series.stored(FILE, make)))


def deployments_of(application: DeployedApplication) -> Deployments:
    """The names of both versions in the cluster; without those of pods if the API server does not list them."""
    base = base_of(application)
    pairs = tuple((theirs, own) for own, theirs in (*base.hosts.items(), *base.namespaces.items()) if own != theirs)
    try:
        pods = pods_of((*base.namespaces.keys(), *base.namespaces.values()), application.address, Deadline.after(FIND_SECONDS))
    except KindgateError:
        return Deployments(pairs)
    addresses = [str((pod.get("status") or {}).get("podIP") or "") for pod in pods]
    return Deployments(pairs, tuple(str(pod["metadata"]["name"]) for pod in pods), tuple(filter(None, addresses)))


def redacted_value(redactor: Redactor, place: Place, value: str) -> str:
    """A value of an answer without secrets and personal data, known by the name of its place or by its format."""
    name = place.removeprefix("header ").rpartition(".")[2].removeprefix("JSON ")
    if place and (is_secret_name(name) or is_session_name(name)):
        return MASK
    return MASK if personal_format(value) else redactor.text(value)


def _compared(
    objective: AnswersObjective, plan: BurstPlan, address: ClusterAddress, deployments: Deployments, redactor: Redactor
) -> tuple[RouteAnswers, ...]:
    moment = dt.datetime.now(dt.UTC)
    setup: Mapping[str, Sequence[tuple[str, object]]] = dict(plan.setup_values)
    names = {
        arm: own_names(deployments.pairs, deployments.pods, deployments.addresses, dict(setup.get(arm, ())), moment) for arm in (HEAD, BASE)
    }

    def normalize(arm: str, answer: Answer) -> Answer:
        return names[arm].replaced(answer)

    def redact(place: Place, value: str) -> str:
        return redacted_value(redactor, place, value)

    with entry_session(address) as session:
        return tuple(
            compare_answers(route.name, ask(session, route, normalize, objective.headers, timeout=plan.timeout), objective.headers, redact)
            for route in sampled_routes(plan, objective.requests)
        )


@cache
def _adapter() -> TypeAdapter[tuple[RouteAnswers, ...]]:
    from pydantic import TypeAdapter  # noqa: PLC0415  # only a comparison needs it

    return TypeAdapter(tuple[RouteAnswers, ...])
