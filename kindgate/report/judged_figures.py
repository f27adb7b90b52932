"""Convert a run's judgements to report records: their objectives, and the figures of their bursts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kindgate.report.judged import COMPARISON_LIMIT, OBJECTIVES_LIMIT, Judged, Origin, judged_record
from kindgate.report.measurements import NOTHING, BurstFigures, Size, figures_of
from kindgate.slo.compare import Comparison
from kindgate.slo.judgement import Judgement
from kindgate.slo.sample import BurstSample

UNKNOWN = Origin((), 1)


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


def judged_figures(found: Iterable[JudgedResult], samples: Iterable[BurstSample]) -> JudgedFigures:
    """The report records of `found`; `samples` are all bursts of the run, of which the judged ones are kept.

    A judgement whose rows or figures exceed the report's bounds, or whose bursts are not among `samples`, is recorded
    without figures: part of them could give a different verdict.
    """
    shelf = _KeptFigures({sample.started: sample for sample in samples})
    room = {Judgement: OBJECTIVES_LIMIT, Comparison: COMPARISON_LIMIT}
    kept: list[tuple[JudgedResult, Origin, int]] = []
    left_out = 0
    for one in found:
        rows = min(len(one.result.results), room[type(one.result)])
        room[type(one.result)] -= rows
        origin = one.origin or UNKNOWN
        whole = rows == len(one.result.results) and shelf.add_all(origin.all_starts)
        left_out += not whole
        if rows:
            kept.append((one, origin if whole else replace(origin, starts=(), confirmation=None), rows))
    starts = sorted(shelf.kept)
    places = {start: place for place, start in enumerate(starts)}
    records = tuple(judged_record(one.result, origin, places, one.test, rows) for one, origin, rows in kept)
    return JudgedFigures(records, tuple(shelf.kept[start] for start in starts), left_out)


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
