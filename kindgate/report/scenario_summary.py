"""What each scenario showed, in one sentence for a reviewer: data, so Markdown, HTML and a terminal can mark foreign words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.model import Verdict
from kindgate.report.episode_records import EpisodeRecord
from kindgate.report.objective_records import WORST_FIRST
from kindgate.report.run_report import RunReport
from kindgate.report.scenario_records import ScenarioObjective, ScenarioRecord
from kindgate.report.units import plural, quantity, short_span, span
from kindgate.report.untrusted_text import UntrustedText, Words
from kindgate.slo.episode_figures import total
from kindgate.slo.judge import overall


@dataclass(frozen=True)
class ScenarioSummary:
    """One judged action of a report: its record, its episodes, the worst of its verdicts, and the sentence about it.

    `repetition` are the episodes that were to confirm a FAIL.
    """

    record: ScenarioRecord
    episodes: tuple[EpisodeRecord, ...]
    repetition: tuple[EpisodeRecord, ...]
    verdict: Verdict
    sentence: Words

    @property
    def worst(self) -> ScenarioObjective | None:
        """The objective that decided the verdict."""
        return min(self.record.objectives, key=lambda row: WORST_FIRST.index(row.verdict), default=None)


def scenario_summaries(report: RunReport) -> tuple[ScenarioSummary, ...]:
    """A summary of each judged action, failed ones first."""
    return summaries_of(report.scenarios, report.episodes)


def summaries_of(records: Sequence[ScenarioRecord], episodes: Sequence[EpisodeRecord]) -> tuple[ScenarioSummary, ...]:
    """The same for `records`, which refer to `episodes` by their places."""
    summaries = [_summary(record, episodes) for record in records]
    return tuple(sorted(summaries, key=lambda one: WORST_FIRST.index(one.verdict)))


def error_budget(record: ScenarioRecord, episodes: Sequence[EpisodeRecord]) -> float | None:
    """The share of the error budget that the episodes spent; None if no objective states the budget."""
    allowed = next((row.allowed for row in record.objectives if row.allowed), None)
    requests = total(one.requests for one in episodes)
    return requests.lost / requests.scheduled / allowed if allowed and requests.scheduled else None


def _summary(record: ScenarioRecord, all_episodes: Sequence[EpisodeRecord]) -> ScenarioSummary:
    episodes, repetition = (
        tuple(all_episodes[place] for place in places if place < len(all_episodes)) for places in (record.episodes, record.repetition)
    )
    verdict = overall(row.verdict for row in record.objectives)
    return ScenarioSummary(record, episodes, repetition, verdict, _sentence(record, episodes, repetition, verdict))


def _sentence(record: ScenarioRecord, episodes: Sequence[EpisodeRecord], repetition: Sequence[EpisodeRecord], verdict: Verdict) -> Words:
    repeated = f" in {len(episodes)} episodes" if len(episodes) > 1 else ""
    if verdict is Verdict.INVALID:
        return (f"{record.name}: the measurement cannot be trusted",)
    if verdict is Verdict.INCONCLUSIVE:
        lost, again = (_of_requests(one).removeprefix(", ") for one in (episodes, repetition))
        unconfirmed = f"{lost}{repeated}, but {again} when it was repeated: not confirmed"
        return (f"{record.name}: {unconfirmed if repetition else 'no request showed anything'}",)
    if verdict is Verdict.PASS:
        return (f"survived: {record.name}{_of_requests(episodes)}{_back(episodes)}{repeated}",)
    error = next((one.error for one in episodes if one.error and one.complete), "")
    if error:
        return (f"{record.name} did not succeed: ", UntrustedText(error.splitlines()[0]))
    failed = [row for row in record.objectives if row.verdict is Verdict.FAIL]
    if episodes and any(row.metric in {"lost", "error_budget"} for row in failed):
        again = f", and{_lost_of(repetition)} when it was repeated" if repetition else ""
        return (f"{record.name} lost{_lost_of(episodes)}{repeated}{again}", *_outage(episodes))
    first = failed[0]
    measured = quantity(first.measured, first.unit) if first.measured is not None else "without an end"
    return (f"{record.name}: ", UntrustedText(str(first)), f" was {measured}{repeated}")


def _of_requests(episodes: Sequence[EpisodeRecord]) -> str:
    """`, 12 of 6,012 requests lost`."""
    requests = total(one.requests for one in episodes)
    return f", {requests.lost:,} of {plural(requests.scheduled, 'request')} lost" if episodes else ""


def _lost_of(episodes: Sequence[EpisodeRecord]) -> str:
    """` 12 of 6,012 requests`."""
    return _of_requests(episodes).removeprefix(",").removesuffix(" lost")


def _back(episodes: Sequence[EpisodeRecord]) -> str:
    """The time until the steady state was back, if requests were lost: `, back in 47 s`."""
    times = [one.recovery for one in episodes if one.recovery is not None and one.requests.lost]
    return f", back in {span(max(times) / 1000)}" if times else ""


def _outage(episodes: Sequence[EpisodeRecord]) -> Words:
    """` (longest outage 0.4 s, foo)`."""
    routes = [route for one in episodes if (route := one.longest_outage) is not None]
    longest = max(routes, key=lambda route: route.outage, default=None)
    return (f" (longest outage {short_span(longest.outage)}, ", UntrustedText(longest.route), ")") if longest is not None else ()
