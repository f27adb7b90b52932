"""What each test judged, as written: its objectives, and the bursts and looks that it judged them by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from kindgate.report.escape import shortened
from kindgate.report.measurements import BURSTS_LIMIT
from kindgate.report.record import LINE_LIMIT, NAME_LIMIT, Figure, Line, Name, Record, Seconds
from kindgate.slo.compare import Comparison
from kindgate.slo.judge import LOOKS
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Tolerance
from kindgate.slo.threshold import AGGREGATIONS, METRICS, OPERATORS, PERCENTILE, Expression, Selector, Threshold

OBJECTIVES_LIMIT = 500
COMPARISON_LIMIT = 200
"""Objectives and compared figures that a report holds."""

Place = Annotated[int, Field(ge=0, lt=BURSTS_LIMIT)]
"""Where a burst stands among the report's figures."""


@dataclass(frozen=True)
class RoundOrigin:
    """Which bursts a confirmation round is from.

    `starts` and `placement` are as `Origin` has them; `prepared` says what was done to both versions before it.
    """

    starts: tuple[float, ...]
    placement: str = ""
    prepared: str = ""


@dataclass(frozen=True)
class Origin:
    """Which bursts a judgement is from, and by whose word.

    `starts` are the moments at which they began (seconds since the epoch), in order; `per_look` bursts were planned for
    each look, `turns` of which make one figure of a comparison; `placement` says how the two versions were placed
    unlike each other. `own` objectives are those of the test's markers, not of the SLO file. `confirmation` is the round
    after a comparison's looks.
    """

    starts: tuple[float, ...]
    per_look: int
    turns: int = 1
    placement: str = ""
    own: bool = False
    confirmation: RoundOrigin | None = None

    @property
    def all_starts(self) -> tuple[float, ...]:
        """Those of the looks and of the confirmation round."""
        return self.starts + (self.confirmation.starts if self.confirmation is not None else ())


class JudgedThreshold(Record):
    """One threshold exactly as it was judged; see `kindgate.slo.threshold`."""

    metric: Name
    tags: Annotated[dict[Name, Line], Field(max_length=8)] = Field(default_factory=dict)
    aggregation: Name
    operator: Annotated[str, Field(pattern=f"^({'|'.join(OPERATORS)})$")]
    limit: Figure
    quantile: Annotated[float, Field(ge=0, le=100)] | None = None
    abort_on_fail: bool = False
    delay_abort_eval: Seconds = 0.0

    def __str__(self) -> str:
        """Its expression as k6's examples write it, valid or not."""
        aggregate = f"{self.aggregation}({self.quantile:g})" if self.quantile is not None else self.aggregation
        return f"{aggregate}{self.operator}{self.limit:.12g}"

    @property
    def selector(self) -> str:
        """Its metric and tags as k6 writes them."""
        tags = ",".join(f"{key}:{value}" for key, value in sorted(self.tags.items()))
        return f"{self.metric}{{{tags}}}" if tags else self.metric

    def threshold(self, origin: str = "") -> Threshold:
        """The judge's own type. Raises `ValueError` for a metric or an aggregation that does not exist."""
        metric = METRICS.get(self.metric)
        if metric is None or self.aggregation not in AGGREGATIONS[metric.type]:
            raise ValueError(f"invalid objective: {self.aggregation} of {self.metric}")
        if (self.aggregation == PERCENTILE) != (self.quantile is not None):
            raise ValueError(f"an objective of {self.metric} lacks a percentile or must not have one")
        selector = Selector(metric, tuple(sorted(self.tags.items())))
        expression = Expression(self.aggregation, self.operator, self.limit, self.quantile)
        return Threshold(selector, expression, self.abort_on_fail, self.delay_abort_eval, origin)


class JudgedTolerance(Record):
    """One tolerated regression exactly as it was judged; see `kindgate.slo.objectives.Tolerance`."""

    quantile: Annotated[float, Field(gt=0, lt=100)]
    max_regression: Annotated[float, Field(gt=0, le=1000)]

    def tolerance(self, origin: str = "") -> Tolerance:
        """The judge's own type."""
        return Tolerance(self.quantile, self.max_regression, origin)


class ConfirmationRound(Record):
    """The bursts that a comparison was confirmed by, or was not: `bursts` and `placement` are as `Judged` has them.

    `prepared` says what was done to both versions before it.
    """

    bursts: Annotated[tuple[Place, ...], Field(max_length=BURSTS_LIMIT)]
    placement: Line = ""
    prepared: Line = ""


class Judged(Record):
    """What one test judged: thresholds, or tolerated regressions against the base version.

    `bursts` are places among the report's `figures`. `per_look` bursts were planned for each of `looks` looks, `turns` of them
    for one figure of a comparison, and `look` was the last. `placement` says how the two versions were placed unlike each
    other. `own` objectives are those of the test's markers, not of the SLO file. `confirmation` followed the looks of a
    comparison that decided something.

    The outcomes of `thresholds` stand in the report's `objectives`, those of `tolerances` in its `comparison`: of one entry
    after the other, in the same order.
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

    @property
    def all_bursts(self) -> tuple[int, ...]:
        """The places of the looks' bursts and of the confirmation round's."""
        return self.bursts + (self.confirmation.bursts if self.confirmation is not None else ())


def judged_record(
    found: Judgement | Comparison, origin: Origin, places: Mapping[float, int], test: str = "", rows: int = OBJECTIVES_LIMIT
) -> Judged:
    """What a test judged as a report holds it, with `rows` of its objectives at most.

    `places` are those of bursts among the report's figures, by their starts.
    """
    thresholds = [result.threshold for result in found.results[:rows]] if isinstance(found, Judgement) else []
    tolerances = [result.tolerance for result in found.results[:rows]] if isinstance(found, Comparison) else []
    return Judged(
        test=shortened(test, LINE_LIMIT),
        own=origin.own,
        thresholds=tuple(map(_threshold, thresholds)),
        tolerances=tuple(JudgedTolerance(quantile=one.quantile, max_regression=one.max_regression) for one in tolerances),
        bursts=tuple(places[start] for start in origin.starts),
        per_look=origin.per_look,
        turns=4 if origin.turns == 4 else 1,
        look=found.look,
        looks=found.looks,
        placement=shortened(origin.placement, LINE_LIMIT),
        confirmation=_round(origin.confirmation, places) if origin.confirmation is not None else None,
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
        tags={shortened(key, NAME_LIMIT): shortened(value, LINE_LIMIT) for key, value in threshold.selector.tags},
        aggregation=expression.aggregation,
        operator=expression.operator,
        limit=expression.limit,
        quantile=expression.quantile,
        abort_on_fail=threshold.abort_on_fail,
        delay_abort_eval=threshold.delay_abort_eval,
    )
