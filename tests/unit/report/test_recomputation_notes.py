"""Pages for a recomputed report: differences by name, the base's objectives, and what recomputing proves."""

from __future__ import annotations

import functools
import re

import pytest
from hypothesis import HealthCheck, given, settings

from kindgate.model import Verdict
from kindgate.report.base_objectives import BaseObjectives
from kindgate.report.decision import decide
from kindgate.report.html import report_page
from kindgate.report.markdown import comment
from kindgate.report.recomputation import BaseVerdict, Recomputation, RecomputedVerdict
from kindgate.report.recompute import recompute_report
from kindgate.report.run_report import Outcome, RunReport
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from tests.unit.report.judged_runs import bursts_of, judged_run
from tests.unit.report.test_markdown import assert_harmless
from tests.unit.report.test_untrusted import HOSTILE

BURSTS = 4


@functools.cache
def _run(*, own: bool = False, limit: int = 1000) -> RunReport:
    return judged_run(Objectives(parse_marker((f"p(95)<{limit}",))), bursts_of(median=50.0), BURSTS, own=own)


def _main(limit: int) -> BaseObjectives:
    return BaseObjectives("main", Objectives(parse_marker((f"p(95)<{limit}",))), BURSTS, 200.0, 2.0)


def _pages(report: RunReport) -> tuple[str, str]:
    """Return the comment and the HTML page without its markup, and without the bursts, whose charts take long to draw."""
    page = report_page(report.model_copy(update={"bursts": ()}))
    return comment(report, decide(report, conclusion="success")), re.sub(
        r"<style.*?</style>|<script.*?</script>|<[^>]+>", "", page, flags=re.DOTALL
    )


def test_a_forged_pass_is_a_fail_on_every_page() -> None:
    """The first line names the objective; the table shows the claimed and the recomputed verdict."""
    failing = _run(limit=40)
    rows = tuple(row.model_copy(update={"verdict": Verdict.PASS}) for row in failing.objectives)
    text, page = _pages(recompute_report(failing.model_copy(update={"outcome": Outcome.PASSED, "exit_code": 0, "objectives": rows})))
    assert text.startswith("### ❌ FAIL: `the report claims PASS for p(95)<40 of http_req_duration, but its figures give FAIL`")
    assert re.search(r"\| `p\(95\)<40 of http_req_duration` \| the run \| PASS \| ❌ FAIL \|", text)
    assert "the report claims PASS for p(95)&lt;40" in page
    assert "1 not as reported" in page


def test_edited_objectives_show_both_verdicts() -> None:
    """The run's own objective passes in its table, main's fails in the other, and the page says which one counts."""
    for text in _pages(recompute_report(_run(), _main(40))):
        assert "passes its own objectives but fails those of main" in text
        assert "so the check uses the objectives of" in text
        assert text.count("p(95)<1000" if "###" in text else "p(95)&lt;1000") >= 1
        assert text.count("p(95)<40" if "###" in text else "p(95)&lt;40") >= 2


def test_an_accepting_maintainer_is_named() -> None:
    """The page names the maintainer who accepted a loosened objective."""
    text, page = _pages(recompute_report(_run(), _main(40), accepted_by="octocat"))
    assert text.startswith("### ✅ PASS")
    assert "`octocat` accepted them" in text
    assert "octocat accepted them" in page


def test_a_page_explains_what_recomputation_proves() -> None:
    """It also names the pull request's own objectives; a report that was not recomputed claims nothing."""
    text, page = _pages(recompute_report(_run(own=True)))
    assert "the pull request's own objectives, from its tests: `p(95)<1000 of http_req_duration`" in text
    for text_of_page in (text, page.lower()):
        assert "consistent, not that it is honest" in text_of_page
    assert "recomputed" not in comment(_run())


@given(objective=HOSTILE, reason=HOSTILE, branch=HOSTILE, accepted=HOSTILE)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_hostile_text_in_objectives_is_harmless(passing: RunReport, objective: str, reason: str, branch: str, accepted: str) -> None:
    """Names of tags, tests and branches come from the pull request."""
    claims = (RecomputedVerdict(objective=objective, own=True, claimed=Verdict.PASS, verdict=Verdict.FAIL, reason=reason, test=objective),)
    base = BaseVerdict(branch=branch, edited=True, accepted_by=accepted, rows=(RecomputedVerdict(objective=objective, reason=reason),))
    report = passing.model_copy(update={"recomputation": Recomputation(claims=claims, base=base)})
    page = comment(report, decide(report))
    assert_harmless(page)
    assert all(line.endswith("|") for line in page.splitlines() if line.startswith("| "))


@pytest.mark.parametrize("limit", [40, 1000])
def test_unedited_objectives_are_shown_once(limit: int) -> None:
    """Without an edit there is no second table, met or not."""
    report = recompute_report(_run(limit=limit), _main(limit))
    assert comment(report, decide(report)).count("| reported |") == 0
