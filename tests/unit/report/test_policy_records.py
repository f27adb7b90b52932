"""Judgements about policies in a report: their rows, their recomputation, and where they are shown."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from kindgate.github.comment_marker import digest_of
from kindgate.github.dropped_objectives import no_longer_judged
from kindgate.model import Verdict
from kindgate.pipeline.report_builder import Measurement, build_report
from kindgate.report.decision import decide
from kindgate.report.html import report_page
from kindgate.report.markdown import comment
from kindgate.report.plain_text import terminal_lines
from kindgate.report.policy_records import CONNECTIONS_LIMIT, JudgedPolicy, PolicyRecord, base_policy, edits_policy, policy_records
from kindgate.report.recompute import recompute_report
from kindgate.report.run_report import Outcome, Run, RunReport, TestResult
from kindgate.slo.connections import DEFAULT_RULES, Connection, Seen, named_rules
from kindgate.slo.policy_judge import PolicyJudgement, PolicyResult, judge_connections

TEST = "tests/e2e/scenarios/test_policy.py::test_strangers"
CLOSED = (Connection("shop", "db", 5432, Seen.CONNECTED), Connection("stranger", "db", 5432, Seen.REFUSED))
OPEN = (CLOSED[0], Connection("stranger", "db", 5432, Seen.CONNECTED))


def judged(connections: Iterable[Connection] = CLOSED, base: Iterable[Connection] = (), *deny: str, own: bool = False) -> JudgedPolicy:
    """A judgement by the default rules, or by these."""
    return JudgedPolicy(judge_connections(named_rules([], deny, "policy"), tuple(connections), tuple(base)), own)


def run_report(*entries: JudgedPolicy) -> RunReport:
    """The report of a run in which one test judged all `entries`."""
    failed = any(entry.judgement.verdict is not Verdict.PASS for entry in entries)
    test = TestResult(node_id=TEST, outcome="failed" if failed else "passed", seconds=9.0)
    run = Run(id="1", started=1_790_000_000.0, seconds=100.0)
    return build_report(run, exit_code=int(failed), measurements=[Measurement(TEST, policy=entries)], tests=(test,))


def record(*entries: JudgedPolicy) -> PolicyRecord:
    """The first record."""
    return policy_records((TEST, entry) for entry in entries)[0]


@pytest.mark.parametrize(("connections", "outcome"), [(CLOSED, Outcome.PASSED), (OPEN, Outcome.FAILED)])
def test_a_verdict_about_policies_decides_the_run(connections: tuple[Connection, ...], outcome: Outcome) -> None:
    """As any other verdict does."""
    report = run_report(judged(connections))
    assert report.outcome is outcome
    assert decide(report).may_merge is (outcome is Outcome.PASSED)


def test_a_stated_outcome_does_not_hide_a_missed_rule() -> None:
    """The content decides."""
    stated = run_report(judged()).model_copy(update={"policy": run_report(judged(OPEN)).policy})
    assert stated.outcome is Outcome.PASSED
    assert not decide(stated).may_merge


def test_a_missed_rule_is_the_headline() -> None:
    """The comment, the terminal and the page name the connection."""
    report = run_report(judged(OPEN))
    sentence = "stranger -> db:5432 connected; 1 of 1 connection misses it"
    assert f"policy: `deny stranger -> *`: `{sentence}`" in comment(report).splitlines()[0]
    assert f"- ❌ policy: `deny stranger -> *`: `{sentence}`" in comment(report)
    assert f"  FAIL     policy: deny stranger -> *: {sentence}" in terminal_lines(report)
    page = report_page(report)
    assert "<h2>Policy</h2>" in page
    assert "<td>connected</td>" in page


def test_a_met_rule_is_counted_in_the_headline() -> None:
    """A run that judged policies judged something."""
    text = comment(run_report(judged()))
    assert "1 policy requirement met" in text.splitlines()[0]
    assert "- ✅ policy: `deny stranger -> *`: `met by 1 connection`" in text


def test_the_page_shows_what_was_seen_at_the_base() -> None:
    """In the cells that differ."""
    assert "<td>connected (base: refused)</td>" in report_page(run_report(judged(OPEN, CLOSED)))


def test_the_comment_is_news_if_a_verdict_changes() -> None:
    """Its marker has another digest."""
    assert digest_of(run_report(judged())) != digest_of(run_report(judged(OPEN)))


def test_a_rule_that_is_no_longer_judged_is_listed() -> None:
    """Compared with the base's report."""
    assert no_longer_judged(run_report(judged(CLOSED, (), "shop -> db")), run_report(judged())) == (
        f"objective of policy: deny stranger -> * in {TEST}",
    )


def test_a_report_survives_its_own_reader() -> None:
    """Connections and rules are part of it."""
    report = run_report(judged(OPEN, CLOSED), judged(own=True))
    assert RunReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("entry", [judged(), judged(OPEN), judged(OPEN, CLOSED), judged(CLOSED, OPEN, "* -> db", own=True)])
def test_an_honest_report_is_recomputed_alike(entry: JudgedPolicy) -> None:
    """Verdicts follow from the connections."""
    report = run_report(entry)
    again = recompute_report(report)
    assert again.policy == report.policy
    assert again.recomputation is not None
    assert again.recomputation.contradicted == ()


def test_a_forged_verdict_is_refuted_by_the_connections() -> None:
    """The report claims a PASS for a stranger that connected."""
    honest = run_report(judged())
    seen = record(judged(OPEN)).connections
    again = recompute_report(honest.model_copy(update={"policy": (honest.policy[0].model_copy(update={"connections": seen}),)}))
    assert decide(again).verdict == "FAIL"
    assert again.policy[0].rows[0].verdict is Verdict.FAIL


def test_a_claim_about_connections_without_any_is_a_fail() -> None:
    """It cannot be recomputed."""
    report = run_report(judged())
    emptied = report.model_copy(update={"policy": (report.policy[0].model_copy(update={"connections": ()}),)})
    assert recompute_report(emptied).policy[0].rows[0].explanation == "FAIL: cannot be recomputed: the report has no connections for it."


def test_other_requirements_are_recomputed_from_their_counts() -> None:
    """A miss is a FAIL, whatever is claimed."""
    result = PolicyResult("pods meet x", "pod", 2, ("Pod a: y",), misses=1)
    report = run_report(JudgedPolicy(PolicyJudgement((result,))))
    assert recompute_report(report).policy == report.policy
    row = report.policy[0].rows[0].model_copy(update={"verdict": Verdict.PASS})
    forged = report.model_copy(update={"policy": (report.policy[0].model_copy(update={"rows": (row,)}),)})
    assert recompute_report(forged).policy[0].rows[0].verdict is Verdict.FAIL


def test_too_many_connections_are_left_out() -> None:
    """The row stays, and cannot be recomputed."""
    many = [Connection("stranger", f"s{number}", 80, Seen.REFUSED) for number in range(CONNECTIONS_LIMIT + 1)]
    assert record(judged(many)).connections == ()


def test_the_bases_rules_are_judged_from_the_runs_connections() -> None:
    """A rule that the change removed still counts; a test's own planted failure does not if there is another."""
    rules = named_rules([], ["shop -> db"], "slo.yaml")
    (verdict,) = base_policy([record(judged()), record(judged(OPEN, own=True))], rules)
    assert (verdict.objective, verdict.verdict) == ("policy: deny shop -> db", Verdict.FAIL)


def test_the_bases_rule_about_nothing_is_not_judged() -> None:
    """The change may have renamed what it is about."""
    (verdict,) = base_policy([record(judged())], named_rules([], ["stranger -> database"], "slo.yaml"))
    assert verdict.verdict is None


def test_a_base_without_rules_has_the_default_ones() -> None:
    """A change cannot lift them unseen; nothing is missed by a run that tried no connection."""
    assert [one.verdict for one in base_policy([record(judged(OPEN))], ())] == [Verdict.FAIL]
    assert base_policy([], DEFAULT_RULES) == ()


def test_other_rules_than_the_bases_are_an_edit() -> None:
    """Those of tests are not."""
    changed = record(judged(CLOSED, (), "shop -> db"))
    assert edits_policy([changed], ())
    assert not edits_policy([record(judged())], ())
    assert not edits_policy([record(judged(CLOSED, (), "shop -> db", own=True))], ())
