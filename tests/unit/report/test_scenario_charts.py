"""The timeline of an episode."""

from __future__ import annotations

import re
from dataclasses import replace

from kindgate.report.episode_records import EpisodeRecord, episode_record
from kindgate.report.scenario_charts import timeline_chart, timeline_words
from kindgate.slo.episode import EpisodeSlot, ReplicaCount, Requests
from tests.unit.slo.episodes import MARKS, restart

LOSS = {6: Requests(failed=3), 9: Requests(unanswered=2)}


def record(**changes: object) -> EpisodeRecord:
    """Return the record of an episode with losses."""
    return episode_record(restart(LOSS, **changes))


def test_one_axis_shows_requests_losses_times_pods_and_events() -> None:
    """Each has its entry in the legend, the action and the recovery are shaded."""
    chart = timeline_chart(record(), "t1", "rollout restart")
    assert chart is not None
    assert [key.name for key in chart.keys] == [
        "requests",
        "lost",
        "action",
        "recovery",
        "event",
        "p95",
        "ready pods of Deployment shop/web",
    ]
    assert chart.svg.count("var(--bad)") >= 1
    assert chart.svg.count("ready pods") == 1
    assert chart.svg.count("seconds of the episode") == 1
    assert "shop/web" not in chart.svg


def test_a_last_second_that_is_cut_short_is_no_drop() -> None:
    """The load ends within a second; its rate until then is drawn."""
    full = [EpisodeSlot(float(second), Requests(200), 8.0) for second in range(3)]
    cut = [*full[:2], EpisodeSlot(2.0, Requests(100), 8.0)]
    even, short = (
        timeline_chart(record(slots=tuple(seconds), replicas=(), events=(), marks=replace(MARKS, finished=end)), "t1", "rollout")
        for seconds, end in ((full, 3.0), (cut, 2.5))
    )
    assert even is not None
    assert short is not None
    lines = [
        re.search(r'id="t1-line2d_\d+"><path d="M [\d.]+ ([\d.]+) [^"]*"[^>]*stroke="var\(--series-1\)"', one.svg) for one in (even, short)
    ]
    assert lines[0] is not None
    assert lines[1] is not None
    heights = [set(re.findall(r"[ML] [\d.]+ ([\d.]+)", line[0])) for line in lines if line is not None]
    assert [len(each) for each in heights] == [1, 1]


def test_the_table_has_every_second_with_its_pods() -> None:
    """Readers who cannot see the picture get the same figures."""
    chart = timeline_chart(
        record(replicas=(ReplicaCount(0.5, "web", 2), ReplicaCount(8.0, "web", 3), ReplicaCount(1.5, "api", 1))), "t1", "rollout restart"
    )
    assert chart is not None
    assert chart.rows.columns == ("from s", "requests", "lost", "p95 ms", "ready pods of web", "ready pods of api")
    assert chart.rows.cells[0] == ("0", "200", "0", "8", "2", "—")
    assert chart.rows.cells[6] == ("6", "200", "3", "9", "2", "1")
    assert chart.rows.cells[8][4] == "3"
    assert len(chart.rows.cells) == 24


def test_the_description_says_what_the_picture_shows() -> None:
    """When requests were lost, when the action ran, and whether the steady state returned."""
    assert timeline_words(record()) == (
        "5 of 4,800 requests lost, between 6 s and 10 s. The action ran from 5 s to 17 s, and the steady state was back at 19 s. "
        "Ready pods per workload: 2 to 3."
    )
    never = episode_record(restart(recovery=None, replicas=(), marks=replace(MARKS, recovered=None)))
    assert timeline_words(never) == ("0 of 4,800 requests lost. The action ran from 5 s to 17 s, and the steady state did not return.")


def test_an_episode_without_answers_is_drawn() -> None:
    """No response time determines a scale then."""
    silent = tuple(EpisodeSlot(float(second), Requests(9, unanswered=9), None) for second in range(3))
    chart = timeline_chart(record(slots=silent, replicas=(), events=()), "t1", "rollout restart")
    assert chart is not None
    assert [key.name for key in chart.keys] == ["requests", "lost", "action", "recovery", "p95"]


def test_without_seconds_there_is_no_picture() -> None:
    """An empty chart would look like an outage."""
    assert timeline_chart(record(slots=()), "t1", "rollout restart") is None
