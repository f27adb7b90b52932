"""The section `scenarios:` of slo.yaml: its objectives, and errors that point at the mistake."""

from __future__ import annotations

import pytest

from kindgate.errors import SloError
from kindgate.slo.episode_objectives import EpisodeThreshold, default_threshold, thresholds_for
from kindgate.slo.slo_file import parse_document

GOOD = """\
thresholds:
  http_req_failed: ["rate<0.01", "rate<0.05"]
  http_req_failed{host:foo}: ["rate<0.001"]
scenarios:
  rollout:
    lost: ["count==0", rate<=0.5]
    lost{name:search, kind:failed}: ["count<3"]
    p95{phase:during}: ["max<800"]
    error_budget: ["rate<0.5"]
    recovery: ["p(90)<10000"]
  chaos:
    outage: ["max<500"]
    outage{action:drain}: ["max<9000"]
    lost{action:drain}: ["count<50"]
"""


def read(text: str) -> tuple[EpisodeThreshold, ...]:
    """Return the objectives about scenarios of a document."""
    return parse_document(text, "slo.yaml").scenarios


def test_each_scenario_has_its_objectives() -> None:
    """They keep order, tags and place; k6's `name` is a route, and the budget is that of all requests."""
    found = read(GOOD)
    assert [str(one) for one in found] == [
        "rollout: lost: count==0",
        "rollout: lost: rate<=0.5",
        "rollout: lost{kind:failed,route:search}: count<3",
        "rollout: p95{phase:during}: max<800",
        "rollout: error_budget: rate<0.5",
        "rollout: recovery: p(90)<10000",
        "chaos: outage: max<500",
        "chaos: outage{action:drain}: max<9000",
        "chaos: lost{action:drain}: count<50",
    ]
    assert [one.origin for one in found][:2] == ["slo.yaml:6:13", "slo.yaml:6:24"]
    assert [one.allowed for one in found if one.allowed] == [0.01]


def test_an_action_replaces_the_objectives_of_its_scenario() -> None:
    """Its own objective about the same part of an episode counts alone; scenarios without any lose no request."""
    found = read(GOOD)
    assert list(map(str, thresholds_for(found, "chaos", "drain"))) == [
        "chaos: outage{action:drain}: max<9000",
        "chaos: lost{action:drain}: count<50",
    ]
    assert list(map(str, thresholds_for(found, "chaos", "kill"))) == ["chaos: outage: max<500"]
    assert thresholds_for(found, "scaling", "scale-in") == (default_threshold("scaling", "scale-in"),)
    only_drain = read("scenarios: {chaos: {'lost{action:drain}': ['count<50']}}")
    assert thresholds_for(only_drain, "chaos", "kill") == (default_threshold("chaos", "kill"),)


def test_a_time_to_scale_out_is_not_judged_for_a_scale_in() -> None:
    """Each action has the objectives that its episodes have figures for, or the default."""
    found = read("scenarios: {scaling: {scale_out: ['max<60000'], 'lost{action:scale-in}': ['count<3']}}")
    assert list(map(str, thresholds_for(found, "scaling", "scale-out"))) == ["scaling: scale_out: max<60000"]
    assert list(map(str, thresholds_for(found, "scaling", "scale-in"))) == ["scaling: lost{action:scale-in}: count<3"]
    assert list(map(str, thresholds_for((), "scaling", "scale-out"))) == ["scaling: scale_out: max<120000"]
    assert list(map(str, thresholds_for((), "scaling", "scale-in"))) == ["scaling: lost: count==0"]


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("rolout: {lost: ['count==0']}", "2:3", "unknown scenario 'rolout'"),
        ("rollout: {}", "2:12", "no objective found"),
        ("rollout: {scale_out: ['max<1']}", "2:13", "scale_out is a figure of scaling scale-out"),
        ("scaling: {'scale_out{action:scale-in}': ['max<1']}", "2:14", "scale_out is a figure of scaling scale-out"),
        ("rollout: ['count==0']", "2:12", "rollout must be a mapping"),
        ("rollout: {lost: 'count==0'}", "2:20", "must be a list"),
        ("rollout: {lost: []}", "2:19", "must be a list"),
        ("rollout: {losses: ['count==0']}", "2:13", "unknown metric 'losses'"),
        ("rollout: {lost: ['p(95)<5']}", "2:21", "p(95) does not apply to lost"),
        ("rollout: {outage: ['count<5']}", "2:23", "count does not apply to outage"),
        ("rollout: {lost: ['count<']}", "2:27", "the limit is missing"),
        ("rollout: {lost: ['count<inf']}", "2:21", "the limit must be a number up to"),
        ("rollout: {lost: ['count<nan']}", "2:21", "the limit must be a number up to"),
        ("rollout: {'lost{route}': ['count<5']}", "2:19", "no colon or value"),
        ("rollout: {'lost{route:a': ['count<5']}", "2:18", "not closed"),
        ("rollout: {'lost{host:a}': ['count<5']}", "2:19", "lost has no tag host"),
        ("rollout: {'lost{kind:slow}': ['count<5']}", "2:19", "unknown kind 'slow'"),
        ("rollout: {'p95{phase:later}': ['max<5']}", "2:18", "unknown phase 'later'"),
        ("rollout: {p95: ['max<5']}", "2:13", "p95 is measured per phase"),
        ("rollout: {'lost{route:a,phase:after}': ['count<5']}", "2:14", "per route and per phase, not both"),
        ("rollout: {error_budget: ['rate<1']}", "2:13", "the error budget is unknown"),
    ],
)
def test_bad_input_is_an_error_with_its_place(text: str, place: str, problem: str) -> None:
    """Nothing is created for an objective that is not understood, and the caret is under the mistake."""
    with pytest.raises(SloError) as raised:
        read(f"scenarios:\n  {text}\n")
    assert f"slo.yaml:{place}: " in str(raised.value)
    assert problem in str(raised.value)
    shown, carets = raised.value.last_state.splitlines()[-2:]
    assert shown.strip() == text
    assert carets.index("^") + 1 == int(place.partition(":")[2])


def test_a_document_may_hold_only_scenarios() -> None:
    """It has objectives, so it is not empty; one without any is still an error."""
    assert read("scenarios: {rollout: {lost: ['count==0']}}")
    with pytest.raises(SloError, match="no objective found"):
        read("scenarios: {}")


def test_more_objectives_than_a_report_can_show_are_rejected() -> None:
    """The limit is checked when the document is read, not when its report is written."""
    many = ", ".join(["'count<5'"] * 101)
    with pytest.raises(SloError, match="more than 100 objectives about scenarios"):
        read(f"scenarios: {{rollout: {{lost: [{many}]}}}}")
