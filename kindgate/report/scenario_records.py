"""A report's record of judged scenarios: each objective as written, its verdict, and the episodes behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from kindgate.model import Verdict
from kindgate.report.episode_records import EPISODES_LIMIT, ActionName
from kindgate.report.frozen_record import Count, Figure, Line, Name, Record, Share, Tags, Unit
from kindgate.slo.episode_objectives import EPISODE_METRICS, ERROR_BUDGET, EpisodeThreshold, tag_problem, tags_problem
from kindgate.slo.threshold import OPERATORS, PERCENTILE, Expression, selector_text

SCENARIOS_LIMIT = 60
SCENARIO_OBJECTIVES_LIMIT = 300
"""Maximum number of judged scenarios in a report, and of their objectives together."""

Place = Annotated[int, Field(ge=0, lt=EPISODES_LIMIT)]
"""Index of an episode in the report's episodes."""


class ScenarioObjective(Record):
    """One objective of a scenario as judged, and its outcome; see `kindgate.slo.episode_objectives.EpisodeThreshold`.

    `measured` and `limit` are in `unit`; `measured` is None without data, and for a time that did not end. `requests` were
    scheduled in the part that it is about.
    """

    metric: Name
    tags: Tags = Field(default_factory=dict)
    aggregation: Name
    operator: Annotated[str, Field(pattern=f"^({'|'.join(OPERATORS)})$")]
    limit: Figure
    quantile: Annotated[float, Field(ge=0, le=100)] | None = None
    allowed: Share | None = None
    verdict: Verdict
    measured: Figure | None = None
    unit: Unit = ""
    requests: Count = 0
    explanation: Line = ""
    test: Line = ""

    @property
    def expression(self) -> str:
        """The expression in the form of k6's examples, valid or not."""
        aggregate = f"{self.aggregation}({self.quantile:g})" if self.quantile is not None else self.aggregation
        return f"{aggregate}{self.operator}{self.limit:.12g}"

    @property
    def selector(self) -> str:
        """Its metric and tags in k6's syntax."""
        return selector_text(self.metric, self.tags)

    def __str__(self) -> str:
        """`lost{route:search}: count==0`."""
        return f"{self.selector}: {self.expression}"

    def threshold(self, scenario: str) -> EpisodeThreshold:
        """Convert to the judge's own type, without an origin. Raises `ValueError` for an objective that cannot be judged."""
        metric = EPISODE_METRICS.get(self.metric)
        if metric is None or self.aggregation not in metric.aggregations:
            raise ValueError(f"invalid objective: {self.aggregation} of {self.metric}")
        problems = [tag_problem(metric, key, value)[0] for key, value in self.tags.items()] + [tags_problem(metric, self.tags)[0]]
        if any(problems):
            raise ValueError(f"invalid objective of {self.selector}: {next(filter(None, problems))}")
        if (self.aggregation == PERCENTILE) != (self.quantile is not None):
            raise ValueError(f"an objective of {self.metric} lacks a percentile or must not have one")
        if (metric.name == ERROR_BUDGET) != (self.allowed is not None and self.allowed > 0):
            raise ValueError(f"an objective of {self.metric} lacks the share of its budget or must not have one")
        expression = Expression(self.aggregation, self.operator, self.limit, self.quantile)
        return EpisodeThreshold(scenario, metric, expression, tuple(sorted(self.tags.items())), self.allowed)


class ScenarioRecord(Record):
    """One action as a test judged it: its `objectives`, and the `episodes` behind them, as indexes into the report's.

    `repetition` are those that were to confirm a FAIL. `own` objectives come from the test, not from the SLO file. Without
    episodes, the verdicts cannot be recomputed.
    """

    test: Line = ""
    own: bool = False
    scenario: ActionName
    action: ActionName
    episodes: Annotated[tuple[Place, ...], Field(max_length=EPISODES_LIMIT)] = ()
    repetition: Annotated[tuple[Place, ...], Field(max_length=EPISODES_LIMIT)] = ()
    objectives: Annotated[tuple[ScenarioObjective, ...], Field(min_length=1, max_length=SCENARIO_OBJECTIVES_LIMIT)]

    @property
    def name(self) -> str:
        """Scenario and action: `rollout restart`."""
        return f"{self.scenario} {self.action}"


def scenario_objectives(records: Iterable[ScenarioRecord], *verdicts: Verdict) -> tuple[ScenarioObjective, ...]:
    """All objectives of `records`; with `verdicts`, those with one of these."""
    return tuple(row for record in records for row in record.objectives if not verdicts or row.verdict in verdicts)
