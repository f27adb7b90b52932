"""What a reviewer reads about scenarios: one line each, the headline, junit.xml, and the page."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.report.decision import decide
from kindgate.report.headline import headline
from kindgate.report.html import report_page
from kindgate.report.judged_scenarios import JudgedEpisodes
from kindgate.report.junit_properties import scenario_properties
from kindgate.report.key_figures import key_figures_of, scenarios
from kindgate.report.markdown import comment
from kindgate.report.plain_text import terminal_lines
from kindgate.report.run_report import RunReport
from kindgate.report.scenario_summary import scenario_summaries
from kindgate.slo.episode import Phase, PhaseFigures, Requests
from tests.unit.report.played import judged, objectives, played_run, repeated
from tests.unit.report.test_html import Page
from tests.unit.report.test_markdown import assert_harmless
from tests.unit.slo.episodes import restart

LOSS = {6: Requests(failed=3, unanswered=1)}
BUDGET = objectives("lost: count==0", "error_budget: rate<1")


def phases(**of: int) -> tuple[PhaseFigures, ...]:
    """Return phases with these numbers of requests."""
    return tuple(PhaseFigures(Phase(name), 5.0, Requests(number), None) for name, number in of.items())


@pytest.mark.parametrize(
    ("entry", "sentence", "verdict"),
    [
        (judged(restart()), "survived: rollout restart, 0 of 4,800 requests lost", "PASS"),
        (
            judged(restart(LOSS, action="drain", scenario="chaos"), by=objectives("lost: count<9", scenario="chaos")),
            "survived: chaos drain, 4 of 4,800 requests lost, back in 2 s",
            "PASS",
        ),
        (judged(restart(LOSS)), "rollout restart lost 4 of 4,800 requests (longest outage 0.4 s, foo)", "FAIL"),
        (
            repeated(restart(LOSS), restart(LOSS)),
            "rollout restart lost 4 of 4,800 requests, and 4 of 4,800 requests when it was repeated (longest outage 0.4 s, foo)",
            "FAIL",
        ),
        (
            repeated(restart(LOSS), restart()),
            "rollout restart: 4 of 4,800 requests lost, but 0 of 4,800 requests lost when it was repeated: not confirmed",
            "INCONCLUSIVE",
        ),
        (judged(restart(LOSS), restart()), "rollout restart lost 4 of 9,600 requests in 2 episodes (longest outage 0.4 s, foo)", "FAIL"),
        (
            judged(restart(), by=objectives("lost: count==0", "recovery: max<1000")),
            "rollout restart: recovery: max<1000 was 2,000 ms",
            "FAIL",
        ),
        (judged(restart(recovery=None), by=objectives("recovery: max<1000")), "recovery: max<1000 was without an end", "FAIL"),
        (judged(restart(error="not rolled out\nin 60 s")), "rollout restart did not succeed: not rolled out", "FAIL"),
        (judged(restart({6: Requests(unanswered=1)}, foreign=0.5)), "rollout restart: the measurement cannot be", "INVALID"),
        (judged(restart(phases=phases(before=9, during=0))), "rollout restart: no request showed anything", "INCONCLUSIVE"),
    ],
)
def test_one_line_says_what_happened(entry: JudgedEpisodes, sentence: str, verdict: str) -> None:
    """The number, and the worst of it; the same words lead the headline of a run that failed by it."""
    report = played_run(entry)
    (summary,) = scenario_summaries(report)
    assert sentence in "".join(summary.sentence)
    assert summary.verdict == verdict
    assert decide(report).verdict == verdict
    if verdict in {"FAIL", "INCONCLUSIVE"}:
        assert "".join(headline(report).summary) == "".join(summary.sentence)
    assert any(verdict in line and sentence in line for line in terminal_lines(report))


def test_failed_scenarios_lead() -> None:
    """The comment lists them first, and counts the others in its headline."""
    report = played_run(judged(restart(action="update")), judged(restart(LOSS)), judged(restart(LOSS, action="rollback")))
    lines = [line for line in comment(report).splitlines() if line.startswith("- ")]
    assert [line[:3] for line in lines] == ["- ❌", "- ❌", "- ✅"]
    assert "".join(headline(report).summary).endswith("(longest outage 0.4 s, foo), and 1 more scenario")


def test_a_scenario_joins_another_failure(failing: RunReport) -> None:
    """The headline about a slow route also names the lost requests."""
    played = played_run(judged(restart(LOSS)))
    both = failing.model_copy(update={"scenarios": played.scenarios, "episodes": played.episodes})
    assert "; rollout restart lost 4 of 4,800 requests" in "".join(headline(both).summary)


def test_a_run_of_scenarios_alone_may_merge() -> None:
    """It judged something."""
    top = headline(played_run(judged(restart())))
    assert top.summary == ("1 scenario survived, 1 test passed",)
    assert top.next_step == ("nothing to do: this change may merge",)
    assert key_figures_of(played_run(judged(restart(LOSS), by=BUDGET)))[0].value == "1 of 2"


def test_the_properties_of_a_scenario() -> None:
    """CI tools read them from junit.xml; a recovery that did not happen has no figure."""
    report = played_run(judged(restart(LOSS), restart(recovery=None), by=BUDGET))
    assert scenario_properties(scenario_summaries(report)) == [
        ("scenario.verdict[rollout restart]", "FAIL"),
        ("scenario.episodes[rollout restart]", "2"),
        ("scenario.requests[rollout restart]", "9600"),
        ("scenario.lost[rollout restart]", "4"),
        ("scenario.outage_ms[rollout restart]", "400.000"),
        ("scenario.first_success_ms[rollout restart]", "5.000"),
        ("scenario.error_budget[rollout restart]", "0.0416667"),
        ("scenario.verdict[rollout restart: lost: count==0]", "FAIL"),
        ("scenario.verdict[rollout restart: error_budget: rate<1]", "PASS"),
    ]


def test_the_page_has_a_section_with_a_timeline() -> None:
    """Figures, phases, routes, events and the picture of each episode, with unique ids."""
    again = judged(restart())
    spoiled = restart(undone="Deployment shop/web still has the annotation")
    page = Page(report_page(played_run(judged(restart(LOSS), spoiled, by=BUDGET), judged(restart(action="update")), again)))
    for text in (
        "Scenario: rollout restart",
        "Scenario: rollout update",
        "Scenario: rollout restart, test 2",
        "Episode 2 of 2",
        "Deployment shop/web",
        "Killing web-1",
    ):
        assert text in page.text
    for text in ("8.33 %", "4 of 4,800 requests lost, between 6 s and 7 s", "still has the annotation", "Time to first success"):
        assert text in page.text
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    regions = page.values("aria-label")
    assert "Table of Timeline of rollout restart, episode 2" in regions
    assert len(regions) == len(set(regions))


def test_the_page_shows_the_repetition() -> None:
    """It decided the verdict, so a reader sees what it lost and when."""
    page = Page(report_page(played_run(repeated(restart(LOSS), restart()))))
    assert {"Table of Timeline of rollout restart, episode 1", "Table of Timeline of rollout restart, repetition 1"} <= set(
        page.values("aria-label")
    )


def test_a_test_that_judged_its_scenario_is_not_listed_twice() -> None:
    """Its section says more than a row about the bursts that it did not send."""
    report = played_run(judged(restart()))
    described = tuple(test.model_copy(update={"scenario": "A restart loses nothing."}) for test in report.tests)
    assert scenarios(report.model_copy(update={"tests": described})) == ()
    assert len(scenarios(report.model_copy(update={"tests": described, "scenarios": ()}))) == 1


def test_an_episode_that_was_not_recorded_has_a_line() -> None:
    """Its verdict is known, its figures are not."""
    report = played_run(judged(restart(LOSS)))
    bare = report.model_copy(update={"scenarios": (report.scenarios[0].model_copy(update={"episodes": ()}),), "episodes": ()})
    assert "`lost: count==0` was 4" in comment(bare)
    assert "Scenario: rollout restart" in Page(report_page(bare)).text


@pytest.mark.parametrize("field", ["error", "undone", "targets", "routes", "events", "replicas"])
def test_foreign_words_are_harmless_everywhere(field: str) -> None:
    """Names and errors from the cluster appear only as code in a comment, and escaped on the page."""
    evil = "</svg><script>alert(1)</script> @acme/all [x](http://evil.example) `|\u202e"
    episode = played_run(judged(restart(LOSS))).episodes[0].episode()
    changes: dict[str, Any] = {
        "error": evil,
        "undone": evil,
        "targets": (evil,),
        "routes": tuple(type(route)(evil, route.requests, route.outage) for route in episode.routes),
        "events": tuple(type(event)(event.at, evil, evil) for event in episode.events),
        "replicas": tuple(type(row)(row.at, evil, row.ready) for row in episode.replicas),
    }
    report = played_run(judged(restart(LOSS, **{field: changes[field]})))
    assert_harmless(comment(report))
    page = report_page(report)
    assert "<script>alert" not in page
    assert "\u202e" not in page
