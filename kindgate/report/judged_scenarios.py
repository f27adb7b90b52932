"""A report's records of a run's judged scenarios, from the judge's results, within the report's bounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kindgate.model import Verdict
from kindgate.report.episode_records import EPISODES_LIMIT, EpisodeRecord, episode_record
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import ValidityRow
from kindgate.report.scenario_records import SCENARIO_OBJECTIVES_LIMIT, SCENARIOS_LIMIT, ScenarioObjective, ScenarioRecord
from kindgate.report.verdict_rows import validity_rows
from kindgate.slo.episode import Episode
from kindgate.slo.episode_judge import EpisodeJudgement, EpisodeResult


@dataclass(frozen=True)
class JudgedEpisodes:
    """Episodes of one action and the judgement about them and the `repetition` that was to confirm a FAIL.

    `own` objectives come from the test, not from the SLO file.
    """

    episodes: tuple[Episode, ...]
    judgement: EpisodeJudgement
    own: bool = False
    repetition: tuple[Episode, ...] = ()


@dataclass(frozen=True)
class ScenarioFigures:
    """A report's records of a run's scenarios; `left_out` ones did not fit."""

    scenarios: tuple[ScenarioRecord, ...] = ()
    episodes: tuple[EpisodeRecord, ...] = ()
    checks: tuple[ValidityRow, ...] = ()
    left_out: int = 0


def scenario_figures(judged: Iterable[tuple[str, JudgedEpisodes]]) -> ScenarioFigures:
    """The report's records of each test's judged episodes, in order.

    A judgement whose episodes do not fit is recorded without them: a part of them could give a different verdict. Failed
    judgements are recorded first if there are too many.
    """
    entries = list(judged)
    kept = sorted(range(len(entries)), key=lambda place: (entries[place][1].judgement.verdict is Verdict.PASS, place))
    records: dict[int, ScenarioRecord] = {}
    episodes: list[EpisodeRecord] = []
    rows = 0
    for place in kept[:SCENARIOS_LIMIT]:
        test, one = entries[place]
        results = one.judgement.results[: SCENARIO_OBJECTIVES_LIMIT - rows]
        if not results:
            break
        rows += len(results)
        own = (*one.episodes, *one.repetition)
        fits = len(episodes) + len(own) <= EPISODES_LIMIT and len(results) == len(one.judgement.results)
        places = tuple(range(len(episodes), len(episodes) + len(own))) if fits else ()
        split = len(one.episodes)
        episodes += map(episode_record, own if fits else ())
        records[place] = scenario_record(one.judgement, test, places[:split], repetition=places[split:], own=one.own, results=results)
    checks = tuple(row for place in sorted(records) for row in validity_rows(entries[place][1].judgement, entries[place][0]))
    left_out = len(entries) - sum(bool(record.episodes) for record in records.values())
    return ScenarioFigures(tuple(records[place] for place in sorted(records)), tuple(episodes), checks, left_out)


def scenario_record(
    judgement: EpisodeJudgement,
    test: str,
    places: Iterable[int],
    *,
    repetition: Iterable[int] = (),
    own: bool = False,
    results: Sequence[EpisodeResult] | None = None,
) -> ScenarioRecord:
    """The record of a judgement of the episodes at `places` and of their repetition; `results` are those that are kept, all by default."""
    return ScenarioRecord(
        test=shortened(test, LINE_LIMIT),
        own=own,
        scenario=judgement.scenario,
        action=judgement.action,
        episodes=tuple(places),
        repetition=tuple(repetition),
        objectives=tuple(_objective(result, test) for result in (judgement.results if results is None else results)),
    )


def _objective(result: EpisodeResult, test: str) -> ScenarioObjective:
    threshold = result.threshold
    expression, metric = threshold.expression, threshold.metric
    return ScenarioObjective(
        metric=metric.name,
        tags={shortened(key, NAME_LIMIT): shortened(value, LINE_LIMIT) for key, value in threshold.tags},
        aggregation=expression.aggregation,
        operator=expression.operator,
        limit=expression.limit,
        quantile=expression.quantile,
        allowed=threshold.allowed,
        verdict=result.verdict,
        measured=result.measured,
        unit="share" if expression.aggregation == "rate" else metric.unit,
        requests=result.requests,
        explanation=shortened(result.explanation, LINE_LIMIT),
        test=shortened(test, LINE_LIMIT),
    )
