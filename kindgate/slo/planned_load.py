"""The load that is planned for judging: how many requests and journeys a burst has by tags, and how many bursts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kindgate.errors import SloError
from kindgate.slo.each import CarriedTags
from kindgate.slo.judge import ALPHA, LOOKS
from kindgate.slo.sample import SERIES_LIMIT, TAGS_LIMIT
from kindgate.slo.threshold import MetricType, Selector
from kindgate.slo.usage import request_tags

TAG_TEXT_LIMIT = 300
"""Maximum characters of a tag's key and of its value."""


@dataclass(frozen=True)
class PlannedSeries:
    """Planned requests, or journeys, of one burst with these tags (`host`, `route`, `journey`, `arm`, `method`)."""

    tags: Mapping[str, str]
    count: int


@dataclass(frozen=True)
class PlannedLoad:
    """The requests of one burst, those of the steps of journeys included, and its journeys.

    With `unknown`, another program decides what it sends, and how much: nothing can be refused for its tags or its number.
    """

    requests: tuple[PlannedSeries, ...]
    journeys: tuple[PlannedSeries, ...] = ()
    unknown: bool = False

    @property
    def carried(self) -> CarriedTags:
        """The tags of everything that is sent."""
        return CarriedTags(tuple(one.tags for one in self.requests), tuple(one.tags for one in self.journeys))

    @property
    def has_tags(self) -> bool:
        """Whether its parts are known, not only their number."""
        return any(one.tags for one in self.requests)

    def matching(self, selector: Selector) -> tuple[PlannedSeries, ...]:
        """What `selector` covers; the tag `kind` classifies failures, so nothing planned has it."""
        tags = {key: value for key, value in selector.tags if key != "kind"}
        tags = request_tags(selector) if selector.metric.type is MetricType.USAGE else tags
        planned = self.journeys if selector.metric.per_journey else self.requests
        return tuple(one for one in planned if all(one.tags.get(key) == value for key, value in tags.items()))

    def size(self, selector: Selector) -> int:
        """Number of requests of one burst that `selector` covers, or of journeys."""
        return sum(one.count for one in self.matching(selector))

    def known_tags(self, selector: Selector) -> str:
        """The tags that a selector of this metric can have, as text."""
        planned = self.journeys if selector.metric.per_journey else self.requests
        return ", ".join(sorted({f"{key}:{value}" for one in planned for key, value in one.tags.items() if value})) or "none"

    def scaled(self, factor: float) -> PlannedLoad:
        """The load at another rate, as many times as high; counts are rounded down."""

        def scaled(part: Iterable[PlannedSeries]) -> tuple[PlannedSeries, ...]:
            return tuple(PlannedSeries(one.tags, math.floor(one.count * factor)) for one in part)

        return replace(self, requests=scaled(self.requests), journeys=scaled(self.journeys))

    def refuse_too_varied(self) -> None:
        """Raise `SloError` for more series or tags than a report can hold, which would leave its verdicts without figures."""
        series = (*self.requests, *self.journeys)
        if max(len(self.requests), len(self.journeys)) > SERIES_LIMIT:
            raise SloError(f"a burst has more than {SERIES_LIMIT} routes or journeys", next_step="divide the load between several suites")
        for one in series:
            if len(one.tags) > TAGS_LIMIT:
                raise SloError(f"{_shown(one)} has more than {TAGS_LIMIT} tags", next_step="remove some of its own tags")
            if any(len(text) > TAG_TEXT_LIMIT for tag in one.tags.items() for text in tag):
                raise SloError(f"{_shown(one)} has a tag of more than {TAG_TEXT_LIMIT} characters", next_step="give it a short name")


@dataclass(frozen=True)
class BurstsPlan:
    """`bursts` per look, `looks` looks, each burst made of `load`. One burst in one look is quick mode.

    For a comparison, `bursts` are pairs of figures.
    """

    bursts: int
    load: PlannedLoad
    looks: int = LOOKS

    @property
    def alpha(self) -> float:
        """Error rate of each look per side."""
        return ALPHA / self.looks

    @property
    def most_bursts(self) -> int:
        """Number of bursts up to the last look."""
        return self.bursts * self.looks

    @property
    def quick(self) -> bool:
        """Whether there is only one burst, which decides nothing but facts."""
        return self.most_bursts == 1


def _shown(series: PlannedSeries) -> str:
    """The name of a series in an error."""
    name = series.tags.get("route") or series.tags.get("journey") or "a route"
    return name if len(name) <= 100 else f"{name[:100]}…"
