"""A run's judged scenarios in its report: complete entries within bounds."""

from __future__ import annotations

import pytest

from kindgate.model import Verdict
from kindgate.report.episode_records import EPISODES_LIMIT
from kindgate.report.judged_scenarios import scenario_figures
from kindgate.report.scenario_records import SCENARIOS_LIMIT, scenario_objectives
from kindgate.slo.episode import Requests
from tests.unit.report.played import TEST, judged, objectives, played_run
from tests.unit.slo.episodes import restart

ALL = objectives("lost{route:foo,kind:failed}: count<9", "recovery: p(90)<10000", "error_budget: rate<1", "p95{phase:during}: max<99")


def test_objectives_are_kept_as_they_were_judged() -> None:
    """The publisher judges the same ones; their places in a file do not matter to it."""
    entry = judged(restart({6: Requests(failed=3)}), by=ALL)
    (record,) = played_run(entry).scenarios
    assert [str(row.threshold("rollout")) for row in record.objectives] == [str(one.threshold) for one in entry.judgement.results]
    assert [row.unit for row in record.objectives] == ["", "ms", "share", "ms"]
    assert {row.test for row in record.objectives} == {TEST}
    assert scenario_objectives([record], Verdict.PASS) == record.objectives


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"metric": "http_reqs"}, "invalid objective"),
        ({"aggregation": "avg"}, "invalid objective"),
        ({"tags": {"host": "a"}}, "no tag host"),
        ({"tags": {"phase": "later"}}, "unknown phase"),
        ({"tags": {"phase": "after", "route": "a"}}, "per route and per phase"),
        ({"metric": "p95", "aggregation": "max", "tags": {}}, "measured per phase"),
        ({"quantile": 5.0}, "lacks a percentile"),
        ({"allowed": 0.1}, "share of its budget"),
        ({"metric": "error_budget", "aggregation": "rate", "tags": {}}, "share of its budget"),
    ],
)
def test_an_objective_that_nobody_can_write_is_not_judged(changes: dict[str, object], problem: str) -> None:
    """A forged report may contain anything."""
    row = played_run(judged(restart(), by=ALL)).scenarios[0].objectives[0]
    with pytest.raises(ValueError, match=problem):
        row.model_copy(update=changes).threshold("rollout")


def test_a_judgement_is_recorded_with_all_its_episodes_or_none() -> None:
    """A part of repeated episodes could give a different verdict; failed judgements come first."""
    many, failed = judged(*[restart()] * (EPISODES_LIMIT - 1)), judged(restart({6: Requests(failed=1)}))
    kept = scenario_figures([("a", judged(restart(), restart())), ("b", many), ("c", failed)])
    assert [len(record.episodes) for record in kept.scenarios] == [2, 0, 1]
    assert [record.test for record in kept.scenarios] == ["a", "b", "c"]
    assert (len(kept.episodes), kept.left_out) == (3, 1)
    assert kept.episodes[kept.scenarios[2].episodes[0]].requests.lost == 1
    assert [row.test for row in kept.checks if row.name == "load"] == ["a", "b", "c"]


def test_too_many_judgements_are_cut_and_counted() -> None:
    """The report says so, and the failed one is kept."""
    entries = [judged(restart())] * (SCENARIOS_LIMIT + 4) + [judged(restart({6: Requests(failed=1)}))]
    report = played_run(*entries)
    assert len(report.scenarios) == SCENARIOS_LIMIT
    assert report.scenarios[-1].objectives[0].verdict is Verdict.FAIL
    assert any("the episodes of 5 judged scenarios were omitted" in note for note in report.notes)
