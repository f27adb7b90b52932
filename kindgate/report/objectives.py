"""What a report says about objectives: thresholds and their verdicts, and the comparison with the base version."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kindgate.model import Verdict
from kindgate.report.record import Count, Figure, Line, Name, Record, Unit


class ThresholdOutcome(Record):
    """One threshold and what became of it.

    `measured`, `limit`, `low` and `high` (the interval of the measured value) are in `unit`; `margin` is the share of
    the limit that is left, negative when it is exceeded; `trend` says how the value moved from burst to burst, and
    `per_burst` are its values. `base` is the base version's figure, where the run measured both, and `on_base` whether
    that version meets the threshold.
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


class ValidityGate(Record):
    """A condition that the load generator and its machine had to meet; `ok` is `None` for what is only reported."""

    name: Name
    ok: bool | None
    measured: Line
    asked: Line = ""
    advice: Line = ""
    test: Line = ""


class EarlierLooks(Record):
    """What the looks at two versions found before their confirmation round, which alone decides; shares as in `ComparisonRow`.

    `pairs` are the figures of both versions that it was found from.
    """

    verdict: Verdict
    change: Figure | None = None
    low: Figure | None = None
    high: Figure | None = None
    pairs: Count = 0


class ComparisonRow(Record):
    """One figure of the base version beside the pull request's, measured in the same run.

    `change`, `low`, `high` and `tolerance` are shares: 0.1 is 10 % slower. Where a confirmation round followed, all figures are
    the round's alone, and `first` is what the looks before it found.
    """

    metric: Name
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
    def not_confirmed(self) -> bool:
        """Whether the looks decided it and the confirmation round did not say the same."""
        return self.first is not None and self.verdict is Verdict.INCONCLUSIVE


class ThresholdChange(Record):
    """A threshold that the pull request changes; `old` is empty for a new one, `new` for a removed one."""

    file: Name
    metric: Name
    old: Line = ""
    new: Line = ""


class GateChanges(Record):
    """What the pull request changes about the gate that judges it.

    `no_longer` is what the base judges and this run did not; `notes` say what could not be found out.
    `approved_by` is the maintainer who lets it, by a label; `not_approved` is why a label that is there does not count.
    """

    files: Annotated[tuple[Name, ...], Field(max_length=500)] = ()
    thresholds: Annotated[tuple[ThresholdChange, ...], Field(max_length=200)] = ()
    no_longer: Annotated[tuple[Line, ...], Field(max_length=200)] = ()
    notes: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    approved_by: Name = ""
    not_approved: Line = ""
