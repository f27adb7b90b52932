"""The comment and the job summary: golden pages, the first two lines, size limits and hostile text."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kindgate.model import Verdict
from kindgate.report.decision import Requirements, decide, no_verdict
from kindgate.report.failure_causes import EndedContainer
from kindgate.report.headline import headline
from kindgate.report.load_scope import CLOSED_LOOP, SAFE_ROUTES_ONLY
from kindgate.report.markdown import (
    COMMENT_LIMIT,
    MARKER_RESERVE,
    SUMMARY_LIMIT,
    Leg,
    comment,
    comment_without_report,
    job_summary,
    matrix_comment,
)
from kindgate.report.objective_records import EarlierLooks, GateChanges
from kindgate.report.run_report import Link, Outcome, RunReport, SetupError, TestResult
from tests.unit.report.conftest import CAPACITY

GOLDEN = Path(__file__).parent / "golden"
ENDINGS = ("passing", "failing", "inconclusive", "invalid", "setup_failed", "interrupted")
LIMIT = COMMENT_LIMIT - MARKER_RESERVE


def _with_tests(report: RunReport, count: int, text: str) -> RunReport:
    tests = tuple(
        TestResult(node_id=f"{text}[{number}]", outcome="failed", seconds=1.0, error=text, cause=text, details=text, bundle="failures/x")
        for number in range(count)
    )
    return report.model_copy(update={"outcome": Outcome.FAILED, "exit_code": 1, "tests": tests})


def _matches_golden(name: str, page: str) -> None:
    """Compare with the golden file; KINDGATE_GOLDEN=write rewrites it for review in the diff."""
    file = GOLDEN / f"{name}.md"
    if os.environ.get("KINDGATE_GOLDEN") == "write":
        file.write_text(page)
    assert page == file.read_text()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_comment_matches_its_golden_file(ending: str, request: pytest.FixtureRequest) -> None:
    """Every change to a comment shows up in a diff."""
    _matches_golden(ending, comment(request.getfixturevalue(ending)))


def test_a_truncated_comment_matches_its_golden_file(failing: RunReport) -> None:
    """The least useful rows are dropped first, and the page states how many."""
    _matches_golden("truncated", comment(_with_tests(failing, 40, "tests/e2e/test_many.py::test_it"), limit=6000))


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_first_two_lines_hold_verdict_cause_and_next_step(ending: str, request: pytest.FixtureRequest) -> None:
    """The first two lines are what a reviewer sees before unfolding anything."""
    first, second, *_ = comment(request.getfixturevalue(ending)).splitlines()
    expected = {
        "passing": ("PASS", "to spare", "may merge"),
        "failing": ("FAIL", "CPU throttling", "failures/test_slo_all"),
        "inconclusive": ("INCONCLUSIVE", "the limit is within", "--slo-bursts"),
        "invalid": ("INVALID", "loop lag: p99 12 ms (valid: at most 2.5 ms)", "keep other work off"),
        "setup_failed": ("SETUP FAILED", "ImagePullBackOff", "correct the image"),
        "interrupted": ("INTERRUPTED", "interrupted", "pytest -m e2e"),
    }[ending]
    verdict, cause, next_step = expected
    assert verdict in first
    assert re.search(rf"\*\*Cause:\*\* .*{re.escape(cause)}.*\*\*Next:\*\* .*{re.escape(next_step)}", second)


def test_a_truncated_comment_keeps_its_first_two_lines(failing: RunReport) -> None:
    """The first two lines survive any limit."""
    report = _with_tests(failing, 40, "tests/e2e/test_many.py::test_it")

    assert comment(report, limit=2500).splitlines()[:2] == comment(report).splitlines()[:2]
    assert comment(report, limit=700).splitlines()[:2] == comment(report).splitlines()[:2]
    assert "**Cause:**" in comment(report, limit=700).splitlines()[1]


def test_the_first_line_names_the_missed_threshold_with_value_and_limit(failing: RunReport) -> None:
    """Line one states the measured value and the limit."""
    assert "`p(95)<50` of `http_req_duration` was 81.3 ms (limit 50 ms)" in comment(failing).splitlines()[0]


@pytest.mark.parametrize(
    ("verdict", "outcome", "words"),
    [
        (Verdict.PASS, Outcome.PASSED, "1 figure within tolerance, 1 test passed"),
        (
            Verdict.FAIL,
            Outcome.FAILED,
            "`p(95)` 67.5 % slower (+51.0 % to +82.0 %), from 48.5 ms to 81.3 ms; certainly slower, and not shown to be within 10 %",
        ),
        (
            Verdict.INCONCLUSIVE,
            Outcome.INCONCLUSIVE,
            "`p(95)` 67.5 % slower (+51.0 % to +82.0 %), from 48.5 ms to 81.3 ms; 10 % is tolerated",
        ),
        (Verdict.INVALID, Outcome.INVALID, "so 1 objective got no verdict"),
    ],
)
def test_a_comparison_without_objectives_has_a_headline(failing: RunReport, verdict: Verdict, outcome: Outcome, words: str) -> None:
    """A run that only compares two versions states the change in line one and explains it in line two."""
    row = failing.comparison[0].model_copy(update={"verdict": verdict})
    tests = tuple(test for test in failing.tests if test.outcome == "passed")
    report = failing.model_copy(
        update={"objectives": (), "comparison": (row,), "tests": tests, "outcome": outcome, "gates": (), "exit_code": 0}
    )

    first, second, *_ = comment(report).splitlines()

    assert words in first
    if verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INVALID}:
        assert "slower in this pull request" in second


def test_the_headline_names_the_route_that_regressed_most(failing: RunReport) -> None:
    """Of several slower routes the worst leads, and its own sentence is the cause; a route without answers is worse than any."""
    tests = tuple(test for test in failing.tests if test.outcome == "passed")
    search, checkout = (
        failing.comparison[0].model_copy(
            update={"verdict": Verdict.FAIL, "tags": {"route": route}, "change": change, "explanation": f"FAIL: {route} is slower."}
        )
        for route, change in (("search", 0.2), ("checkout", 0.31))
    )
    report = failing.model_copy(
        update={"objectives": (), "comparison": (search, checkout), "tests": tests, "outcome": Outcome.FAILED, "exit_code": 20}
    )
    first, second, *rest = comment(report).splitlines()

    assert ": `checkout`: `p(95)` 31 % slower (+51.0 % to +82.0 %), from 48.5 ms to 81.3 ms" in first
    assert first.endswith(", and 1 more figure")
    assert "**Cause:** `checkout is slower`" in second
    assert any(line.startswith("| `p(95)`<br>`http_req_duration{route:checkout}` |") for line in rest)
    silent = search.model_copy(update={"head": None, "change": 999.0})
    first = comment(report.model_copy(update={"comparison": (silent, checkout)})).splitlines()[0]
    assert "`search`: `p(95)` of the pull request has no value because too many requests failed (baseline 48.5 ms)" in first


def test_the_headline_leads_with_the_container_that_ended(failing: RunReport) -> None:
    """A cause with its share of requests comes before the objective that it explains."""
    first = comment(_with_ended(failing)).splitlines()[0]

    assert ": `ingress/traefik` was OOM-killed: 26 % of requests failed; `" in first
    assert (
        "`ingress/traefik` ended with exit code 1: 26 %" in comment(_with_ended(failing, out_of_memory=False, exit_code=1)).splitlines()[0]
    )


@pytest.mark.parametrize("changes", [{"test": "another test"}, {"at": -10.0}, {"at": 30.0}, {"requests": 0}])
def test_a_container_that_ended_elsewhere_is_not_the_cause(failing: RunReport, changes: dict[str, Any]) -> None:
    """Another test's objective, or a moment outside the judged bursts (here: seconds after their start), explains nothing."""
    assert "OOM-killed" not in comment(_with_ended(failing, **changes)).splitlines()[0]


def _with_ended(report: RunReport, **changes: Any) -> RunReport:
    """Return the report with a container that ended a second after the start of the only burst of two tests, one of which failed."""
    missed = next(one for one in report.objectives if one.verdict is Verdict.FAIL)
    entry = report.judged[0].model_copy(update={"test": missed.test, "bursts": (0,), "confirmation": None})
    fields: dict[str, Any] = {
        "test": missed.test,
        "workload": "ingress/traefik",
        "out_of_memory": True,
        "exit_code": 137,
        "failed": 26,
        "requests": 100,
    }
    fields |= {"at": 1.0} | changes
    fields["at"] += report.figures[0].started
    other = entry.model_copy(update={"test": "another test"})
    return report.model_copy(update={"judged": (entry, other), "ended_containers": (EndedContainer(**fields),)})


def test_the_load_of_a_run_without_a_workload_is_limited(failing: RunReport) -> None:
    """A reader must not take verdicts about GET requests for verdicts about logins and checkouts."""
    assert SAFE_ROUTES_ONLY in comment(failing)
    assert SAFE_ROUTES_ONLY not in comment(failing.model_copy(update={"workload": "slo.yaml"}))
    assert SAFE_ROUTES_ONLY not in comment(failing.model_copy(update={"objectives": (), "comparison": ()}))


def test_a_closed_loop_is_stated_with_the_verdicts(failing: RunReport) -> None:
    """Whatever the objectives are about."""
    first, *others = failing.figures
    closed = failing.model_copy(update={"figures": (first.model_copy(update={"closed_loop": "50 users"}), *others), "workload": "slo.yaml"})
    assert CLOSED_LOOP in comment(closed)
    assert CLOSED_LOOP not in comment(failing)


def test_an_unconfirmed_comparison_comes_first(failing: RunReport) -> None:
    """Unconfirmed results precede undecided objectives in the headline, and the row shows what the interim looks found."""
    looks = EarlierLooks(verdict=Verdict.FAIL, change=0.675, low=0.51, high=0.82, pairs=10)
    expected = "INCONCLUSIVE: not confirmed: 10 pairs of bursts said FAIL (67.5 % slower), and 20 new ones cannot tell: p(95) is as it was."
    row = failing.comparison[0].model_copy(
        update={"verdict": Verdict.INCONCLUSIVE, "change": 0.02, "low": -0.03, "high": 0.07, "first": looks, "explanation": expected}
    )
    open_row = row.model_copy(update={"metric": "p(50)", "first": None})
    report = failing.model_copy(
        update={
            "objectives": (failing.objectives[0].model_copy(update={"verdict": Verdict.INCONCLUSIVE}),),
            "comparison": (open_row, row),
            "tests": failing.tests[:1],
            "outcome": Outcome.INCONCLUSIVE,
            "exit_code": 0,
        }
    )
    first, second, *rest = comment(report).splitlines()

    assert "INCONCLUSIVE for `" in first
    assert ": not confirmed: `p(95)` 2 % slower (-3.0 % to +7.0 %), from" in first
    assert first.endswith(", and 2 more undecided objectives")
    assert "**Cause:** `10 pairs of bursts said FAIL (67.5 % slower), and 20 new ones cannot tell" in second
    (cells,) = (line for line in rest if line.startswith("| `p(95)`") and "not confirmed" in line)
    assert cells.endswith("| ❓ INCONCLUSIVE, not confirmed | FAIL: +67.5 % (+51.0 % to +82.0 %) in 10 pairs |")
    assert decide(report).reason == "not confirmed: 1 compared figure, 2 objectives could not be decided"


def test_a_pass_without_objectives_is_qualified(passing: RunReport) -> None:
    """`-m smoke` passes without any load, which alone does not justify a merge."""
    first, second = comment(passing.model_copy(update={"objectives": (), "comparison": ()})).splitlines()[:2]

    assert first == "### ✅ PASS for `0123456`: 2 tests passed, no objective judged"
    assert "no objective was judged" in second


@pytest.mark.parametrize(
    ("outcomes", "deselected", "counted"),
    [
        (["passed", *["skipped"] * 19], 0, "19 skipped"),
        (["passed", "xfailed", "xpassed", "skipped"], 3, "1 skipped, 1 xfailed, 1 xpassed, 3 deselected"),
        (["passed"], 1, "1 deselected"),
    ],
)
def test_the_headline_counts_skipped_and_deselected_tests(passing: RunReport, outcomes: list[str], deselected: int, counted: str) -> None:
    """One pass among 19 skips is not a plain PASS."""
    report = passing.model_copy(update={"tests": tuple(map(_ended, outcomes)), "deselected": deselected})
    assert comment(report).startswith(f"### ✅ PASS ({counted}) for `0123456`: ")


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"tests": ()}, "### ❌ NO VERDICT for `0123456`: no e2e test passed\n"),
        ({"tests": "skipped"}, "### ❌ NO VERDICT for `0123456`: no e2e test passed: 1 skipped\n"),
        ({"objectives": ()}, "### ❌ NO VERDICT for `0123456`: no objective was judged\n"),
    ],
)
def test_a_missing_required_check_leads_the_comment(passing: RunReport, report: dict[str, Any], expected: str) -> None:
    """A green run without its required tests or objectives is not a PASS and is not called mergeable."""
    changed = passing.model_copy(update=report | ({"tests": (_ended("skipped"),)} if report.get("tests") == "skipped" else {}))
    page = comment(changed, decide(changed, Requirements(objectives=True)))
    assert page.startswith(expected)
    assert "may merge" not in page


def _ended(outcome: str) -> TestResult:
    return TestResult.model_validate({"node_id": "tests/e2e/test_a.py::test_a", "outcome": outcome, "seconds": 1.0})


def test_a_cause_precedes_an_explanation_and_an_error(failing: RunReport) -> None:
    """The order holds whichever test it comes from: the first failing test may lack a cause."""
    plain = TestResult(node_id="tests/e2e/test_a.py::test_a", outcome="failed", seconds=1.0, error="assert 0")
    caused, explained = failing.model_copy(update={"tests": (plain, *failing.tests)}), failing.model_copy(update={"tests": (plain,)})
    erring = explained.model_copy(update={"objectives": (), "comparison": ()})

    lines = [comment(report).splitlines()[1] for report in (caused, explained, erring)]

    assert [line.split("`")[1].split()[0] for line in lines] == ["CPU", "5", "assert"]


@pytest.mark.parametrize(("samples", "expected"), [(6000, "has no value because too many requests failed"), (0, "has no data")])
def test_a_threshold_without_a_value_is_explained(failing: RunReport, samples: int, expected: str) -> None:
    """If too many requests fail, a percentile has no value."""
    objective = failing.objectives[0].model_copy(update={"measured": None, "samples": samples})
    page = comment(failing.model_copy(update={"objectives": (objective,)}))

    assert page.startswith(f"### ❌ FAIL for `0123456`: `p(95)<50` of `http_req_duration` {expected} (limit 50 ms)\n")


def test_a_report_contradicted_by_its_run_is_a_failure(passing: RunReport) -> None:
    """A report that contradicts GitHub's conclusion, in either direction, is UNTRUSTED."""
    red = passing.model_copy(update={"exit_code": 1})
    assert comment(passing, decide(passing, conclusion="failure")).startswith("### ❌ UNTRUSTED")
    assert comment(red, decide(red, conclusion="success")).startswith("### ❌ UNTRUSTED")
    assert comment(passing, decide(passing, conclusion="success")).startswith("### ✅ PASS")


def test_a_commit_without_a_report_is_named(failing: RunReport) -> None:
    """The comment shows what is known about this commit and no older verdict."""
    page = comment_without_report(no_verdict("the run uploaded no report"), "0123456789" * 4, failing.links)

    assert page.startswith("### ❌ NO VERDICT for `0123456`: `the run uploaded no report`\n")
    assert "before merging" in page.splitlines()[1]
    assert failing.links[0].url in page


def test_changes_to_the_gate_are_named(failing: RunReport) -> None:
    """A loosened threshold is pointed out."""
    page = comment(failing)
    assert "changes the gate that judges it: `tests/e2e/slo.yaml`" in page
    assert "| `rate<0.001` | `rate<0.01` |" in page


def test_ten_thousand_failures_fit(failing: RunReport) -> None:
    """The page is cut between rows, says so, and keeps its objectives and footer."""
    page = comment(_with_tests(failing, 10_000, "tests/e2e/test_many.py::test_it"))
    assert len(page) <= LIMIT
    assert re.search(r"_[\d,]+ more failing tests omitted", page)
    assert "**Objectives**" in page
    assert page.rstrip().endswith("</sub>")
    assert page.count("<details>") == page.count("</details>")


def test_a_comment_is_limited_in_bytes(failing: RunReport) -> None:
    """A three-byte character counts as three."""
    page = comment(_with_tests(failing, 2000, "測試" * 50))
    assert len(page.encode()) <= LIMIT


@given(st.integers(1500, 12_000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_no_limit_leaves_markup_open(failing: RunReport, limit: int) -> None:
    """Folds, fences and rows are closed wherever the page is cut."""
    page = comment(_with_tests(failing, 20, "a`b|c"), limit=max(limit, 2500))
    assert len(page.encode()) <= max(limit, 2500)
    assert page.count("<details>") == page.count("</details>")
    assert len(re.findall(r"^`{3,}", page, re.MULTILINE)) % 2 == 0
    assert all(line.endswith("|") for line in page.splitlines() if line.startswith("|"))


def test_the_summary_contains_rows_cut_from_the_comment(failing: RunReport) -> None:
    """The summary is a separate page with space for every failing test."""
    page = job_summary(_with_tests(failing, 400, "tests/e2e/test_many.py::test_it"))
    assert "omitted" not in page
    assert page.count("test_it[399]") == 2


def test_the_summary_accounts_for_earlier_content_of_the_step(failing: RunReport) -> None:
    """GitHub drops the whole summary if it is one byte too long."""
    page = job_summary(_with_tests(failing, 9000, "tests/e2e/test_many.py::test_it"), used=SUMMARY_LIMIT - 30_000)
    assert len(page.encode()) <= 30_000


def test_many_legs_of_the_largest_reports_fit(failing: RunReport) -> None:
    """If every matrix job's report is at its bounds, the worst job's headline and the table of all jobs stay, and rendering stays fast."""
    long = "x" * 300
    full = _with_tests(failing, 300, "é" * 900).model_copy(
        update={
            "run": failing.run.model_copy(update={"command": "c" * 900}),
            "links": tuple(Link(name=f"page {place}", url=f"https://example.com/{'z' * 900}") for place in range(20)),
            "gate_changes": GateChanges(files=tuple(f"{place}{long}"[:300] for place in range(40))),
        }
    )
    page = matrix_comment([Leg(f"leg-{number}", full, decide(full)) for number in range(20)])

    assert max(len(page), len(page.encode())) <= LIMIT
    assert page.startswith("### `leg-0` ❌ FAIL")
    assert page.count("| `leg-") == 20
    assert "sections omitted" in page
    assert page.count("<details>") == page.count("</details>")


def test_the_worst_leg_leads_the_comment(passing: RunReport, failing: RunReport) -> None:
    """One red matrix job makes the comment red; each job has its row and its section."""
    page = matrix_comment([Leg("k8s-1.36", passing, decide(passing)), Leg("k8s-1.37", failing, decide(failing))])
    assert page.startswith("### `k8s-1.37` ❌ FAIL")
    assert "| `k8s-1.36` | ✅ PASS |" in page
    assert page.index("`k8s-1.37` ❌") < page.index("### `k8s-1.36` ✅")


def test_a_leg_contradicted_by_its_run_leads_the_comment(passing: RunReport, failing: RunReport) -> None:
    """A forged PASS is not hidden behind other failures."""
    page = matrix_comment([Leg("a", failing, decide(failing)), Leg("b", passing, decide(passing, conclusion="failure"))])
    assert page.startswith("### `b` ❌ UNTRUSTED")


def test_a_leg_without_a_report_is_a_failure(passing: RunReport) -> None:
    """A missing report counts as a failure."""
    page = matrix_comment([Leg("k8s-1.36", passing, decide(passing))], {"k8s-1.37": "it was cancelled"}, head="0123456789" * 4)
    assert page.startswith("### ❌ NO VERDICT for `0123456`: no report from `k8s-1.37`")
    assert "it was cancelled" in page.splitlines()[1]
    assert "| `k8s-1.37` | ❌ no report |" in page


def test_evenly_spaced_bursts_have_a_numeric_axis(failing: RunReport) -> None:
    """Forty labels would overlap; a burst without a figure leaves a gap that a scale would hide."""
    burst = failing.bursts[0]
    empty = burst.model_copy(update={"overall": burst.overall.model_copy(update={"p95": None})})

    assert 'x-axis "burst" 1 --> 40\n' in comment(failing.model_copy(update={"bursts": (burst,) * 40}))
    assert 'x-axis "burst" [1, 3, 4]\n' in comment(failing.model_copy(update={"bursts": (burst, empty, burst, burst)}))


def test_identical_objectives_are_distinguished_by_test(failing: RunReport) -> None:
    """Two tests may judge the same threshold under different loads."""
    one = failing.objectives[0]
    page = comment(failing.model_copy(update={"objectives": (one, one.model_copy(update={"test": "tests/e2e/test_other.py::test_it"}))}))

    assert "| verdict | also fails on baseline? | test |" in page
    assert "| `tests/e2e/test_other.py::test_it` |" in page
    assert "| test |" not in comment(failing).split("failing test")[0]


HOSTILE = [
    "@everyone see #1 and https://evil.example",
    "<!-- kindgate:x v1 -->",
    "``` `` ` ````\n# heading",
    "|a|b\\|c|",
    "</details><script>alert(1)</script><img src=x onerror=alert(1)>",
    "[link](https://evil.example) ![image](https://evil.example/x.png)",
    "safe\u202etxt.exe\u200b\u2066\x1b[31m\x00\r\n",
    "```mermaid\nxychart-beta\n```",
    "$`math`$ &lt; &#64;everyone",
    "::set-output name=x::y",
    " ",
    "`",
]


def _outside_code(page: str) -> str:
    """Return the page without fenced blocks, code spans and code elements, as CommonMark parses them."""
    page = re.sub(r"^(`{3,})[^`\n]*\n.*?^\1$", "", page, flags=re.MULTILINE | re.DOTALL)
    page = re.sub(r"<code>[^<]*</code>", "", page)
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", page)


def assert_harmless(page: str) -> None:
    """Assert that foreign text has no effect outside code."""
    plain = _outside_code(page)
    for sign in ("@", "<!--", "<script", "<img", "evil.example", "![", "#1", "::set"):
        assert sign not in plain
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u200b-\u200f\u202a-\u202e\u2060-\u2069]", page)
    assert set(re.findall(r"<(/?[a-z]+)", plain)) <= {"br", "details", "/details", "summary", "/summary", "sub", "/sub"}


def _hostile(report: RunReport, text: str) -> RunReport:
    """Return the report with `text` in every field that a pull request controls."""
    assert report.cluster is not None
    return report.model_copy(
        update={
            "tests": (
                TestResult(node_id=text, outcome="failed", seconds=1.0, error=text, cause=text, details=text, bundle="failures/x"),
                *report.tests,
            ),
            "objectives": tuple(
                one.model_copy(update={"metric": text, "expression": text, "explanation": text}) for one in report.objectives
            ),
            "comparison": tuple(one.model_copy(update={"metric": text}) for one in report.comparison),
            "phases": tuple(one.model_copy(update={"name": text, "note": text}) for one in report.phases),
            "resources": tuple(
                window.model_copy(
                    update={"notes": (text,), "workloads": tuple(one.model_copy(update={"workload": text}) for one in window.workloads)}
                )
                for window in report.resources
            ),
            "notes": (text,),
            "cluster": report.cluster.model_copy(update={"name": text, "node_image": text}),
            "environment": report.environment.model_copy(update={"cpu_model": text, "os": text, "versions": {text: text}}),
            "run": report.run.model_copy(update={"command": text}),
            "gate_changes": report.gate_changes.model_copy(update={"files": (text,)}),
            "setup_error": SetupError(phase=text, message=text, last_state=text, next_step=text),
        }
    )


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_appears_only_as_code(failing: RunReport, text: str, outcome: Outcome) -> None:
    """No mention, issue, URL, image, comment, markup or invisible character takes effect, in any kind of run."""
    assert_harmless(comment(_hostile(failing, text).model_copy(update={"outcome": outcome})))


@example("| ")
@given(st.text(st.sampled_from("`|\\\n @#<>!-[]()*_~$\u202eaé"), max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_random_text_does_not_break_tables_or_fences(failing: RunReport, text: str) -> None:
    """Every table row keeps its columns, whatever the name of a test."""
    page = comment(_hostile(failing, text))
    assert_harmless(page)
    outside_of_fences = re.sub(r"(?ms)^(`{3,})[^`\n]*$.*?^\1$", "", page)
    rows = [line for line in outside_of_fences.splitlines() if line.startswith("| ")]
    columns = [len(re.findall(r"(?<!\\)(?:\\\\)*\|", re.sub(r"\\\|", "", row))) for row in rows]
    heads = [place for place, row in enumerate(rows) if set(row) <= set("| -")]
    for head, following in zip(heads, [*heads[1:], len(rows) + 1], strict=True):
        assert len(set(columns[head - 1 : following - 1])) == 1


def test_a_cause_omits_the_verdict_and_ends_with_one_period(failing: RunReport) -> None:
    """Repeated verdicts (`FAIL: FAIL: ...`) and double periods (`minutes..`) are avoided."""
    objective = failing.objectives[0].model_copy(update={"explanation": "FAIL: p(95) = 81 ms: too slow; this speaks for this machine."})
    report = failing.model_copy(update={"objectives": (objective,), "tests": ()})
    assert headline(report).cause == ("p(95) = 81 ms: too slow; this speaks for this machine",)


def test_a_capacity_has_a_table_of_its_own(passing: RunReport) -> None:
    """Foreign words in the sentence and in the table are code."""
    hostile = CAPACITY.model_copy(update={"reason": "@octocat"})
    page = comment(passing.model_copy(update={"capacity": (hostile,)}))

    assert "**Capacity: 800 requests and journeys per second within the objectives; at 1,000/s: `@octocat`;" in page
    assert "| 2 | 400 | 0.15 | 5 |" in page
    below = CAPACITY.model_copy(update={"met": None, "workloads": (), "cpu_per_request": None, "price": None})
    assert "below 1,000 requests and journeys per second" in comment(passing.model_copy(update={"capacity": (below,)}))
