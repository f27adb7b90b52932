"""Results of judging: a verdict per threshold and for the run, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.model import Verdict
from kindgate.slo.intervals import Interval
from kindgate.slo.threshold import Threshold
from kindgate.slo.validity import ValidityCheck


@dataclass(frozen=True)
class ThresholdResult:
    """One threshold. `measured`, `limit` and `interval` are in `unit` (`ms`, or empty for shares and counts).

    `measured` is `None` without data, and if the value falls among requests that have no time. `interval` is `None` for
    facts; the interval of a percentile is the range of undecidable limits. `samples` requests in `bursts` bursts were
    judged. `trend` holds the value of each burst, `drift` a sentence if the values rise or fall.
    """

    threshold: Threshold
    verdict: Verdict
    measured: float | None
    unit: str
    limit: float
    interval: Interval | None
    samples: int
    bursts: int
    p_value: float | None
    explanation: str
    trend: tuple[float | None, ...] = ()
    drift: str = ""


@dataclass(frozen=True)
class Judgement:
    """All thresholds at one of the planned looks. `abort`: end the whole run (k6's `abortOnFail`)."""

    verdict: Verdict
    results: tuple[ThresholdResult, ...]
    validity: tuple[ValidityCheck, ...]
    look: int = 1
    looks: int = 1
    abort: bool = False

    @property
    def explanations(self) -> tuple[tuple[Verdict, str], ...]:
        """The verdict and the sentence of every threshold."""
        return tuple((result.verdict, result.explanation) for result in self.results)

    @property
    def decided(self) -> bool:
        """Whether no further look can change the run's verdict: nothing is inconclusive, or this was the last look."""
        return self.verdict is not Verdict.INCONCLUSIVE or self.look >= self.looks
