"""A report's records of objectives: thresholds with their verdicts, and the comparison with the baseline."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kindgate.model import Verdict
from kindgate.report.frozen_record import Count, Figure, Line, Name, Record, Tags, Unit
from kindgate.slo.objectives import RESPONSE_TIMES
from kindgate.slo.threshold import METRICS, selector_text

WORST_FIRST = (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.PASS)
"""Verdicts in the order in which a page shows them."""


class ThresholdOutcome(Record):
    """One threshold and its outcome.

    `measured`, `limit`, `low` and `high` (the interval of the measured value) are in `unit`; `margin` is the remaining share
    of the limit, negative if it is exceeded; `trend` describes how the value moved from burst to burst, and `per_burst` are
    its values. `base` is the baseline's figure if the run measured both, and `on_base` whether the baseline meets the
    threshold.
    """

    metric: Name
    expression: Line
    verdict: Verdict
    measured: Figure | None = None
    unit: Unit = ""
    limit: Figure | None = None
    low: Figure | None = None
    high: Figure | None = None
    margin: Figure | None = None
    base: Figure | None = None
    on_base: Literal["", "passed", "failed"] = ""
    samples: Count = 0
    bursts: Count = 0
    explanation: Line = ""
    trend: Line = ""
    per_burst: Annotated[tuple[Figure | None, ...], Field(max_length=500)] = ()
    test: Line = ""


class ValidityRow(Record):
    """A validity condition for the load generator and its machine; `ok` is `None` if the value is only reported."""

    name: Name
    ok: bool | None
    measured: Line
    asked: Line = ""
    advice: Line = ""
    test: Line = ""


class EarlierLooks(Record):
    """Result of the looks at two versions before their confirmation round, which alone decides; shares as in `ComparisonRow`.

    `pairs` is the number of pairs of figures of both versions behind it.
    """

    verdict: Verdict
    change: Figure | None = None
    low: Figure | None = None
    high: Figure | None = None
    pairs: Count = 0


class ComparisonRow(Record):
    """One figure of the baseline and of the pull request's version, measured in the same run.

    `metric` is the percentile, of the metric `of` with `tags`. `change`, `low`, `high` and `tolerance` are shares: 0.1 is 10 %
    slower. If a confirmation round followed, all figures come only from it, and `first` is the result of the looks before it.
    """

    metric: Name
    of: Name = RESPONSE_TIMES.metric.name
    tags: Tags = Field(default_factory=dict)
    unit: Unit = ""
    base: Figure | None = None
    head: Figure | None = None
    change: Figure | None = None
    low: Figure | None = None
    high: Figure | None = None
    tolerance: Figure | None = None
    verdict: Verdict
    explanation: Line = ""
    test: Line = ""
    first: EarlierLooks | None = None

    @property
    def selector(self) -> str:
        """The part that is compared, in k6's notation; empty for the response times of all requests."""
        text = selector_text(self.of, self.tags)
        return "" if text == str(RESPONSE_TIMES) else text

    @property
    def figure(self) -> str:
        """What is compared: `p(95)` of all response times, `p(95) of http_req_duration{route:checkout}`."""
        if self.metric == self.of:
            return self.selector
        return f"{self.metric} of {self.selector}" if self.selector else self.metric

    @property
    def change_words(self) -> tuple[str, str]:
        """What a larger and a smaller figure is called: slower and faster, or more and less."""
        metric = METRICS.get(self.of)
        return metric.change_words if metric is not None else RESPONSE_TIMES.metric.change_words

    @property
    def subject(self) -> str:
        """The short name of the part that is compared: its route, journey or workload, or its selector; empty for all."""
        (key, name), *more = self.tags.items() if self.tags else [("", "")]
        if self.metric == self.of and not self.tags:
            return ""  # the metric is named already
        return name if key in {"route", "journey", "workload"} and not more else self.selector

    @property
    def not_confirmed(self) -> bool:
        """Whether the looks decided it, but the confirmation round disagreed."""
        return self.first is not None and self.verdict is Verdict.INCONCLUSIVE


class ThresholdChange(Record):
    """A threshold that the pull request changes; `old` is empty for a new one, `new` for a removed one."""

    file: Name
    metric: Name
    old: Line = ""
    new: Line = ""


class GateChanges(Record):
    """The pull request's changes to the gate that judges it.

    `no_longer` lists objectives that the base judges but this run did not; `notes` list facts that could not be determined.
    `approved_by` is the maintainer who approved the changes with a label; `not_approved` is why an existing label does not
    count.
    """

    files: Annotated[tuple[Name, ...], Field(max_length=500)] = ()
    thresholds: Annotated[tuple[ThresholdChange, ...], Field(max_length=200)] = ()
    no_longer: Annotated[tuple[Line, ...], Field(max_length=200)] = ()
    notes: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    approved_by: Name = ""
    not_approved: Line = ""
