"""The `policy` fixture: what the application's policies allow, proven by trying, and judged by rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from kindgate.model import Verdict
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.policy_run import TriedConnections, try_admission, try_connections, try_permissions, try_pod_security
from kindgate.pipeline.report_builder import Measurement
from kindgate.plugin.inconclusive import apply_policy
from kindgate.plugin.item_objectives import slo_file_of
from kindgate.plugin.provisioning_access import load_lock_of, provider_of
from kindgate.plugin.session_state import SETTINGS
from kindgate.report.junit_properties import policy_properties
from kindgate.report.policy_records import JudgedPolicy, policy_row
from kindgate.scenarios.pod_admission import Level
from kindgate.settings import SloSettings
from kindgate.slo.connections import Connection, ConnectionRule, named_rules
from kindgate.slo.policy_judge import PolicyJudgement, PolicyResult, judge_connections


class Policies:
    """What the policies of the application allow: connections between its pods, and from pods that do not belong to it.

    All raise `KindgateError` if it cannot be tried. Nothing is left behind.
    """

    def __init__(
        self,
        try_all: Callable[[], TriedConnections],
        *,
        try_pods: Callable[[Level], PolicyResult],
        try_workloads: Callable[[], PolicyResult],
        try_accounts: Callable[[], PolicyResult],
        rules: tuple[ConnectionRule, ...],
        settings: SloSettings,
        record: Callable[[JudgedPolicy], object],
    ) -> None:
        self._try_all = try_all
        self._try_pods = try_pods
        self._try_workloads = try_workloads
        self._try_accounts = try_accounts
        self._rules = rules
        self._settings = settings
        self._record = record

    def matrix(self) -> tuple[Connection, ...]:
        """Try every connection of the application: from a pod of each workload, a neighbor and a stranger to each Service and port."""
        return self._try_all().connections

    def judge(self, *, deny: Iterable[str] = (), allow: Iterable[str] = ()) -> PolicyJudgement:
        """Try the connections and judge them by these rules, such as `* -> database:5432`; `allow` takes precedence.

        Without any, those under `scenarios: policy:` in the SLO file apply; without these, no stranger may connect. With a
        baseline, a connection that only the baseline denies is a FAIL unless a rule allows it. Raises `SloError` for a
        rule that is not understood, or that is about no connection.
        """
        own = named_rules(allow, deny, "policy")
        tried = self._try_all()
        judgement = judge_connections(own or self._rules, tried.connections, tried.base)
        self._record(JudgedPolicy(judgement, own=bool(own)))
        return judgement

    def check(self, *, deny: Iterable[str] = (), allow: Iterable[str] = ()) -> PolicyJudgement:
        """Judge, and fail the test unless every rule is met; the rules are as for `judge`."""
        judgement = self.judge(deny=deny, allow=allow)
        self._apply(judgement)
        return judgement

    def check_pod_security(self, level: Level = "restricted") -> PolicyJudgement:
        """Fail the test unless Pod Security at this level would admit all pods of the application, which are created as a dry run."""
        return self._checked(self._try_pods(level))

    def check_admission(self) -> PolicyJudgement:
        """Fail the test unless the policies of `k8s/components/admission-policies` would admit all workloads of the application.

        They require labels, a memory limit and a CPU request, images of known registries, and versions other than `latest`.
        """
        return self._checked(self._try_workloads())

    def check_permissions(self) -> PolicyJudgement:
        """Fail the test if a service account of the application has a wildcard permission, reads Secrets or creates pods.

        With a baseline, what the account of the same name may do there is no miss.
        """
        return self._checked(self._try_accounts())

    def _checked(self, result: PolicyResult) -> PolicyJudgement:
        judgement = PolicyJudgement((result,))
        self._record(JudgedPolicy(judgement))
        self._apply(judgement)
        return judgement

    def _apply(self, judgement: PolicyJudgement) -> None:
        explanations = (result.explanation for result in judgement.results if result.verdict is not Verdict.PASS)
        apply_policy(judgement.verdict, explanations, self._settings)


def policies_of(item: pytest.Item, application: DeployedApplication) -> Policies:
    """The fixture of one test."""

    def record(judged: JudgedPolicy) -> None:
        provider_of(item.config).record(Measurement(item.nodeid, policy=(judged,)))
        item.user_properties += policy_properties(policy_row(result) for result in judged.judgement.results)

    lock = load_lock_of(item.config)
    return Policies(
        lambda: try_connections(application, lock),
        try_pods=lambda level: try_pod_security(application, lock, level),
        try_workloads=lambda: try_admission(application, lock),
        try_accounts=lambda: try_permissions(application, lock),
        rules=slo_file_of(item.config).objectives.policy,
        settings=item.config.stash[SETTINGS].slo,
        record=record,
    )
