"""The `policy` fixture: connections are judged by rules and recorded, and a user's own cluster is left alone."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.pipeline.environment import Environment
from kindgate.pipeline.policy_run import TriedConnections
from kindgate.plugin.controller import LazyPipeline
from kindgate.plugin.policy import Policies
from kindgate.report.policy_records import JudgedPolicy
from kindgate.settings import SloSettings
from kindgate.slo.connections import Connection, Seen, named_rules
from kindgate.slo.policy_judge import PolicyResult
from tests.unit.plugin.conftest import StandIn, reached

CLOSED = (Connection("shop", "db", 5432, Seen.CONNECTED), Connection("stranger", "db", 5432, Seen.REFUSED))
OPEN = (CLOSED[0], Connection("stranger", "db", 5432, Seen.CONNECTED))


class Tried:
    """The fixture with given connections, what was recorded, and how often they were tried."""

    def __init__(self, head: tuple[Connection, ...], base: tuple[Connection, ...] = (), *, deny: Iterable[str] = ()) -> None:
        self.recorded: list[JudgedPolicy] = []
        self.times = 0
        self._tried = TriedConnections(head, base)
        rules = named_rules([], deny, "slo.yaml")
        self.policy = Policies(
            self._try_all,
            try_pods=lambda level: PolicyResult(f"{level} pods", "pod", 1, ("web: root",), misses=1),
            try_workloads=lambda: PolicyResult("workloads", "workload", 1),
            try_accounts=lambda: PolicyResult("accounts", "service account", 1),
            rules=rules,
            settings=SloSettings(),
            record=self.recorded.append,
        )

    def _try_all(self) -> TriedConnections:
        self.times += 1
        return self._tried


def test_check_judges_by_the_default_and_records() -> None:
    """No stranger may connect."""
    tried = Tried(CLOSED)
    judgement = tried.policy.check()
    assert judgement.verdict is Verdict.PASS
    assert tried.recorded == [JudgedPolicy(judgement)]


def test_an_open_connection_fails_the_test() -> None:
    """With the sentence about it; the verdict is recorded too."""
    tried = Tried(OPEN)
    with pytest.raises(pytest.fail.Exception, match="stranger -> db:5432 connected"):
        tried.policy.check()
    assert [one.judgement.verdict for one in tried.recorded] == [Verdict.FAIL]


def test_the_slo_file_has_the_rules() -> None:
    """They replace the default."""
    with pytest.raises(pytest.fail.Exception, match="deny shop -> db: shop -> db:5432 connected"):
        Tried(CLOSED, deny=["shop -> db"]).policy.check()


def test_a_tests_own_rules_replace_those_of_the_file() -> None:
    """They are recorded as such."""
    tried = Tried(OPEN, deny=["shop -> db"])
    assert tried.policy.check(allow=["* -> db"]).verdict is Verdict.PASS
    assert [one.own for one in tried.recorded] == [True]


def test_what_only_the_base_denies_fails_the_test() -> None:
    """Although a rule of the suite does not deny it."""
    with pytest.raises(pytest.fail.Exception, match="this change opens db:5432 to pods of other namespaces"):
        Tried(OPEN, CLOSED, deny=["shop -> db"]).policy.check()


def test_a_bad_rule_is_an_error_before_anything_is_tried() -> None:
    """The cluster may take minutes."""
    tried = Tried(CLOSED)
    with pytest.raises(SloError, match="is not of the form"):
        tried.policy.check(deny=["db"])
    assert tried.times == 0


def test_the_matrix_is_not_recorded() -> None:
    """A test can plant a failure and judge it itself."""
    tried = Tried(OPEN)
    assert tried.policy.matrix() == OPEN
    assert tried.recorded == []


def test_pods_and_accounts_are_judged_and_recorded() -> None:
    """Each as one requirement."""
    tried = Tried(CLOSED)
    with pytest.raises(pytest.fail.Exception, match="FAIL: restricted pods: web: root; 1 of 1 pod misses it"):
        tried.policy.check_pod_security()
    assert tried.policy.check_permissions().verdict is Verdict.PASS
    assert tried.policy.check_admission().verdict is Verdict.PASS
    assert [one.judgement.verdict for one in tried.recorded] == [Verdict.FAIL, Verdict.PASS, Verdict.PASS]


@pytest.mark.usefixtures("forks")
def test_an_existing_cluster_is_left_alone(suite: pytest.Pytester, stand_in: StandIn) -> None:
    """Its nodes are not kindgate's."""

    def reaches(_lazy: LazyPipeline) -> Environment:
        return reached("http://127.0.0.1:1", "foo.localhost")

    requested_stages = stand_in(reaches)
    suite.makepyfile("def test_strangers(policy): policy.check()")
    cluster = ("--kind-existing", "kc", "--kind-context", "mine", "--ingress-url", "http://127.0.0.1:1")

    suite.runpytest_inprocess("-m", "policy", *cluster).assert_outcomes(skipped=1)

    assert requested_stages == []
