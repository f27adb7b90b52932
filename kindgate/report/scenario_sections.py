"""The page's section of each scenario: its episodes with their key figures and timelines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from kindgate.report.canvas import Chart
from kindgate.report.episode_records import EpisodeRecord
from kindgate.report.key_figures import KeyFigure
from kindgate.report.run_report import RunReport
from kindgate.report.scenario_charts import timeline_chart
from kindgate.report.scenario_records import ScenarioRecord
from kindgate.report.scenario_summary import ScenarioSummary, error_budget, scenario_summaries
from kindgate.report.units import number, percent, plural, short_span, span

CHARTED_EPISODES = 10
"""Number of episodes with a timeline on a page, those of failed scenarios first."""


@dataclass(frozen=True)
class EpisodeSection:
    """One episode on the page; `name` is unique on it."""

    name: str
    episode: EpisodeRecord
    figures: tuple[KeyFigure, ...]
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class ScenarioSection:
    """One scenario on the page; `name` is unique on it, even if several tests judged the same action."""

    name: str
    summary: ScenarioSummary
    episodes: tuple[EpisodeSection, ...]


def scenario_sections(report: RunReport) -> tuple[ScenarioSection, ...]:
    """The sections of a page, failed scenarios first."""
    sections: list[ScenarioSection] = []
    seen: Counter[str] = Counter()
    drawn = 0
    for summary in scenario_summaries(report):
        action = summary.record.name
        seen[action] += 1
        name = action if seen[action] == 1 else f"{action}, test {seen[action]}"
        episodes: list[EpisodeSection] = []
        for place, episode in enumerate((*summary.episodes, *summary.repetition), 1):
            of_episode = (
                f"{name}, episode {place}" if place <= len(summary.episodes) else f"{name}, repetition {place - len(summary.episodes)}"
            )
            chart = timeline_chart(episode, f"episode{drawn}", of_episode) if drawn < CHARTED_EPISODES else None
            drawn += chart is not None
            figures = tuple(_figures(summary.record, episode))
            episodes.append(EpisodeSection(of_episode, episode, figures, (chart,) if chart is not None else ()))
        sections.append(ScenarioSection(name, summary, tuple(episodes)))
    return tuple(sections)


def _figures(record: ScenarioRecord, episode: EpisodeRecord) -> Iterator[KeyFigure]:
    requests = episode.requests
    share = percent(requests.lost / requests.scheduled) if requests.scheduled else ""
    yield KeyFigure(
        "Requests lost", f"{requests.lost:,}", f"{share} of {plural(requests.scheduled, 'request')}", "fail" if requests.lost else "pass"
    )
    budget = error_budget(record, [episode])
    if budget is not None:
        yield KeyFigure("Error budget spent", percent(budget), "of what http_req_failed allows", "fail" if budget > 1 else "")
    outage = episode.longest_outage
    yield KeyFigure(
        "Longest outage", short_span(outage.outage) if outage is not None else "none", outage.route if outage is not None else ""
    )
    if requests.lost:
        yield KeyFigure("Time to first success", f"{number(episode.first_success)} ms", "after the first lost request")
    back = "not back" if episode.recovery is None else short_span(episode.recovery / 1000)
    yield KeyFigure("Recovery", back, "until p95 was as before", "fail" if episode.recovery is None else "")
    yield KeyFigure("Action", span(episode.ended - episode.began), "from its beginning to its end")
