"""The report's records of what each test judged: its objectives as written, the looks, and the figures of the bursts behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Field

from kindgate.model import Verdict
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT, Figure, Line, Name, Record, Seconds, Tags
from kindgate.report.markdown_escape import shortened
from kindgate.report.measurements import BURSTS_LIMIT, NOTHING, BurstFigures, Size, figures_of
from kindgate.slo.capacity_search import RateTrial
from kindgate.slo.compare import Comparison
from kindgate.slo.judge import LOOKS
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import CapacityObjective, Tolerance
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import (
    AGGREGATIONS,
    DEFAULT_METRIC,
    METRICS,
    OPERATORS,
    PERCENTILE,
    Expression,
    Selector,
    Threshold,
    selector_text,
)

OBJECTIVES_LIMIT = 500
COMPARISON_LIMIT = 200
"""Maximum objectives and compared figures in a report."""

SEARCH_LIMIT = 100
"""Maximum rates of a search for a capacity."""

Place = Annotated[int, Field(ge=0, lt=BURSTS_LIMIT)]
"""Index of a burst in the report's figures."""


@dataclass(frozen=True)
class RoundOrigin:
    """The bursts of a confirmation round.

    `starts` and `placement` are as in `Origin`; `prepared` describes how both versions were prepared for it.
    """

    starts: tuple[float, ...]
    placement: str = ""
    prepared: str = ""


@dataclass(frozen=True)
class Origin:
    """The bursts behind a judgement, and the source of its objectives.

    `starts` are the start times of the bursts (seconds since the epoch), in order; `per_look` bursts were planned per look,
    and `turns` of them make one figure of a comparison; `placement` describes how the placement of the two versions
    differed. `own` objectives come from the test's markers, not from the SLO file. `confirmation` is the round after a
    comparison's looks. `within` are the thresholds that limit a capacity, and `search` is what other rates showed.
    """

    starts: tuple[float, ...]
    per_look: int
    turns: int = 1
    placement: str = ""
    own: bool = False
    confirmation: RoundOrigin | None = None
    within: tuple[Threshold, ...] = ()
    search: tuple[RateTrial, ...] = ()

    @property
    def all_starts(self) -> tuple[float, ...]:
        """Starts of the looks' bursts and the confirmation round's."""
        return self.starts + (self.confirmation.starts if self.confirmation is not None else ())


UNKNOWN_ORIGIN = Origin((), 1)


class JudgedThreshold(Record):
    """One threshold exactly as judged; see `kindgate.slo.threshold`."""

    metric: Name
    tags: Tags = Field(default_factory=dict)
    aggregation: Name
    operator: Annotated[str, Field(pattern=f"^({'|'.join(OPERATORS)})$")]
    limit: Figure
    quantile: Annotated[float, Field(ge=0, le=100)] | None = None
    abort_on_fail: bool = False
    delay_abort_eval: Seconds = 0.0

    def __str__(self) -> str:
        """Its expression in the form of k6's examples, valid or not."""
        aggregate = f"{self.aggregation}({self.quantile:g})" if self.quantile is not None else self.aggregation
        return f"{aggregate}{self.operator}{self.limit:.12g}"

    @property
    def selector(self) -> str:
        """Its metric and tags in k6's syntax."""
        return selector_text(self.metric, self.tags)

    def threshold(self, origin: str = "") -> Threshold:
        """Convert to the judge's own type. Raises `ValueError` for an unknown metric or aggregation, or a wrong percentile."""
        metric = METRICS.get(self.metric)
        if metric is None or self.aggregation not in AGGREGATIONS[metric.type]:
            raise ValueError(f"invalid objective: {self.aggregation} of {self.metric}")
        if (self.aggregation == PERCENTILE) != (self.quantile is not None):
            raise ValueError(f"an objective of {self.metric} lacks a percentile or must not have one")
        selector = Selector(metric, tuple(sorted(self.tags.items())))
        expression = Expression(self.aggregation, self.operator, self.limit, self.quantile)
        return Threshold(selector, expression, self.abort_on_fail, self.delay_abort_eval, origin)


class JudgedTolerance(Record):
    """One tolerated regression exactly as judged; see `kindgate.slo.objectives.Tolerance`."""

    quantile: Annotated[float, Field(gt=0, lt=100)]
    max_regression: Annotated[float, Field(gt=0, le=1000)]
    metric: Name = DEFAULT_METRIC
    tags: Tags = Field(default_factory=dict)

    @property
    def statistic(self) -> str:
        """As `Tolerance.statistic`, for any metric."""
        try:
            return self.tolerance().statistic
        except ValueError:
            return f"p({self.quantile:g})"

    @property
    def unit(self) -> str:
        """The unit of its metric; empty for an unknown one."""
        metric = METRICS.get(self.metric)
        return metric.unit if metric is not None else ""

    def tolerance(self, origin: str = "") -> Tolerance:
        """Convert to the judge's own type. Raises `ValueError` for a metric that cannot be compared."""
        metric = METRICS.get(self.metric)
        if metric is None or not metric.comparable:
            raise ValueError(f"{self.metric} cannot be compared")
        return Tolerance(self.quantile, self.max_regression, origin, Selector(metric, tuple(sorted(self.tags.items()))))


class SearchedRate(Record):
    """One rate of a search for a capacity; see `kindgate.slo.capacity_search.RateTrial`. It decides no verdict."""

    rate: Annotated[float, Field(gt=0, le=1e9)]
    verdict: Verdict
    reason: Line = ""

    def trial(self) -> RateTrial:
        """Convert to the judge's own type."""
        return RateTrial(self.rate, self.verdict, self.reason)


class ConfirmationRound(Record):
    """The bursts that confirmed a comparison or did not: `bursts` and `placement` are as in `Judged`.

    `prepared` describes how both versions were prepared for it.
    """

    bursts: Annotated[tuple[Place, ...], Field(max_length=BURSTS_LIMIT)]
    placement: Line = ""
    prepared: Line = ""


class Judged(Record):
    """One test's objectives: thresholds, or tolerated regressions against the baseline.

    `bursts` are indexes into the report's `figures`. `per_look` bursts were planned for each of `looks` looks, `turns` of them
    for one figure of a comparison, and `look` was the last. `placement` describes how the placement of the two versions
    differed. `own` objectives come from the test's markers, not from the SLO file. `confirmation` followed the looks of a
    comparison that decided something. An entry with `within`, the thresholds that limit a capacity, judges one: its bursts were
    sent at the required rate, and `search` holds what other rates showed.

    The outcomes of `thresholds` are in the report's `objectives`, those of `tolerances` in its `comparison`: entry after
    entry, in the same order.
    """

    test: Line = ""
    own: bool = False
    thresholds: Annotated[tuple[JudgedThreshold, ...], Field(max_length=OBJECTIVES_LIMIT)] = ()
    tolerances: Annotated[tuple[JudgedTolerance, ...], Field(max_length=COMPARISON_LIMIT)] = ()
    bursts: Annotated[tuple[Place, ...], Field(max_length=BURSTS_LIMIT)] = ()
    per_look: Annotated[int, Field(ge=1, le=BURSTS_LIMIT)]
    turns: Literal[1, 4] = 1
    look: Annotated[int, Field(ge=1, le=LOOKS)]
    looks: Annotated[int, Field(ge=1, le=LOOKS)]
    placement: Line = ""
    confirmation: ConfirmationRound | None = None
    within: Annotated[tuple[JudgedThreshold, ...], Field(max_length=OBJECTIVES_LIMIT)] = ()
    search: Annotated[tuple[SearchedRate, ...], Field(max_length=SEARCH_LIMIT)] = ()

    @property
    def all_bursts(self) -> tuple[int, ...]:
        """Indexes of the looks' bursts and the confirmation round's."""
        return self.bursts + (self.confirmation.bursts if self.confirmation is not None else ())

    @property
    def work(self) -> int:
        """Number of times that an objective is judged from a burst when the entry is recomputed."""
        return len(self.all_bursts) * (max(len(self.thresholds), len(self.within)) + len(self.tolerances))

    def capacity(self, origin: str = "") -> CapacityObjective:
        """The capacity that it judges. Raises `ValueError` or `SloError` for an impossible one."""
        (threshold,) = self.thresholds
        return CapacityObjective(threshold.threshold(origin), tuple(one.threshold() for one in self.within))


@dataclass(frozen=True)
class JudgedResult:
    """A judgement or comparison, the bursts behind it (None if unknown), and its test."""

    result: Judgement | Comparison
    origin: Origin | None = None
    test: str = ""


@dataclass(frozen=True)
class JudgedFigures:
    """A report's records of a run's judgements; the figures of `left_out` judgements did not fit."""

    judged: tuple[Judged, ...]
    figures: tuple[BurstFigures, ...]
    left_out: int


def judged_figures(results: Iterable[JudgedResult], samples: Iterable[BurstSample]) -> JudgedFigures:
    """The report records of `results`; `samples` are all bursts of the run, of which the judged ones are kept.

    A judgement whose rows or figures exceed the report's bounds, or whose bursts are not among `samples`, is recorded
    without figures: part of them could give a different verdict.
    """
    kept_figures = _KeptFigures({sample.started: sample for sample in samples})
    rows_left = {Judgement: OBJECTIVES_LIMIT, Comparison: COMPARISON_LIMIT}
    kept: list[tuple[JudgedResult, Origin, int]] = []
    left_out = 0
    for item in results:
        rows = min(len(item.result.results), rows_left[type(item.result)])
        rows_left[type(item.result)] -= rows
        origin = item.origin or UNKNOWN_ORIGIN
        complete = rows == len(item.result.results) and kept_figures.add_all(origin.all_starts)
        left_out += not complete
        if rows:
            kept.append((item, origin if complete else replace(origin, starts=(), confirmation=None), rows))
    starts = sorted(kept_figures.kept)
    places = {start: place for place, start in enumerate(starts)}
    records = tuple(_judged_record(item.result, origin, places, item.test, rows) for item, origin, rows in kept)
    return JudgedFigures(records, tuple(kept_figures.kept[start] for start in starts), left_out)


@dataclass
class _KeptFigures:
    """Figures of bursts by start time, within the report's limits."""

    samples: Mapping[float, BurstSample]
    kept: dict[float, BurstFigures] = field(default_factory=dict)
    size: Size = NOTHING

    def add_all(self, starts: Sequence[float]) -> bool:
        """Add the missing bursts' figures, all or none; return whether all are included now."""
        if any(start not in self.samples for start in starts):
            return False
        new = [self.samples[start] for start in starts if start not in self.kept]
        figures = {sample.started: figures_of(sample) for sample in new}
        size = self.size + Size.of(new, figures.values())
        if not size.within_limits:
            return False
        self.kept |= figures
        self.size = size
        return True


def _judged_record(
    judgement: Judgement | Comparison, origin: Origin, places: Mapping[float, int], test: str = "", rows: int = OBJECTIVES_LIMIT
) -> Judged:
    """The report record of one test's objectives, at most `rows` of them.

    `places` maps the starts of bursts to their indexes in the report's figures.
    """
    thresholds = [result.threshold for result in judgement.results[:rows]] if isinstance(judgement, Judgement) else []
    tolerances = [result.tolerance for result in judgement.results[:rows]] if isinstance(judgement, Comparison) else []
    return Judged(
        test=shortened(test, LINE_LIMIT),
        own=origin.own,
        thresholds=tuple(map(_threshold, thresholds)),
        tolerances=tuple(map(_tolerance, tolerances)),
        bursts=tuple(places[start] for start in origin.starts),
        per_look=origin.per_look,
        turns=4 if origin.turns == 4 else 1,
        look=judgement.look,
        looks=judgement.looks,
        placement=shortened(origin.placement, LINE_LIMIT),
        confirmation=_round(origin.confirmation, places) if origin.confirmation is not None else None,
        within=tuple(map(_threshold, origin.within)),
        search=tuple(
            SearchedRate(rate=one.rate, verdict=one.verdict, reason=shortened(one.reason, LINE_LIMIT))
            for one in origin.search[:SEARCH_LIMIT]
        ),
    )


def _round(origin: RoundOrigin, places: Mapping[float, int]) -> ConfirmationRound:
    return ConfirmationRound(
        bursts=tuple(places[start] for start in origin.starts),
        placement=shortened(origin.placement, LINE_LIMIT),
        prepared=shortened(origin.prepared, LINE_LIMIT),
    )


def _threshold(threshold: Threshold) -> JudgedThreshold:
    expression = threshold.expression
    return JudgedThreshold(
        metric=threshold.selector.metric.name,
        tags=selector_tags(threshold.selector),
        aggregation=expression.aggregation,
        operator=expression.operator,
        limit=expression.limit,
        quantile=expression.quantile,
        abort_on_fail=threshold.abort_on_fail,
        delay_abort_eval=threshold.delay_abort_eval,
    )


def _tolerance(tolerance: Tolerance) -> JudgedTolerance:
    return JudgedTolerance(
        quantile=tolerance.quantile,
        max_regression=tolerance.max_regression,
        metric=tolerance.selector.metric.name,
        tags=selector_tags(tolerance.selector),
    )


def selector_tags(selector: Selector) -> dict[str, str]:
    """A selector's tags, within a report's limits."""
    return {shortened(key, NAME_LIMIT): shortened(value, LINE_LIMIT) for key, value in selector.tags}
