"""Convert a run's judgements to report records: their objectives, and the figures of their bursts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kindgate.report.judged import COMPARISON_LIMIT, OBJECTIVES_LIMIT, Judged, Origin, judged_record
from kindgate.report.measurements import NOTHING, BurstFigures, Size, figures_of
from kindgate.slo.compare import Comparison
from kindgate.slo.judgement import Judgement
from kindgate.slo.sample import BurstSample

UNKNOWN_ORIGIN = Origin((), 1)


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
    records = tuple(judged_record(item.result, origin, places, item.test, rows) for item, origin, rows in kept)
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
