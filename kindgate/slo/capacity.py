"""Judge a capacity: at the required rate, with the rules and error rates of all objectives; a search gives the figure.

`capacity: value>800` is met if the objectives about times and shares are met at 800 requests and journeys per second. Bursts
at that rate decide it in looks like any other objective. Single bursts at other rates then show how far the capacity is from
it, to about 7 %.
"""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.figures import figure, percent
from kindgate.model import Verdict
from kindgate.slo.arrivals import arrival_rate
from kindgate.slo.capacity_search import CapacityRange, RateTrial, capacity_range
from kindgate.slo.explain import SCOPE
from kindgate.slo.judge import LOOKS, judge
from kindgate.slo.judgement import Judgement, ThresholdResult
from kindgate.slo.objectives import CapacityObjective, Objectives
from kindgate.slo.sample import BurstSample
from kindgate.slo.single_burst import is_met, judge_single_burst
from kindgate.slo.threshold import Threshold

ANSWERED_SHARE = 0.99
"""Minimum share of sent requests that must succeed if no threshold is about failures: an overloaded server may drop the rest."""

RATE_SHARE = 0.95
"""Minimum share of the required rate at which a PASS must have been measured."""

_ABOUT_FAILURES = frozenset({"http_req_failed", "checks"})


def judge_capacity(
    objective: CapacityObjective,
    samples: Sequence[BurstSample],
    search: Sequence[RateTrial] = (),
    *,
    look: int = 1,
    looks: int = LOOKS,
) -> Judgement:
    """The verdict at look `look` of `looks`, from all bursts at the required rate so far; `search` only adds figures.

    Requests that were sent more slowly than required, because unanswered ones held them back, cannot pass.
    """
    at_rate = judge(Objectives(objective.within), samples, look=look, looks=looks)
    rate = arrival_rate(samples)
    held_back = rate if at_rate.verdict is Verdict.PASS and rate is not None and rate < RATE_SHARE * objective.rate else None
    verdict = at_rate.verdict if held_back is None else Verdict.INCONCLUSIVE
    found = capacity_range((trial_at_required_rate(objective, at_rate), *search))
    threshold = objective.threshold
    result = ThresholdResult(
        threshold=threshold,
        verdict=verdict,
        measured=found.met,
        unit=threshold.selector.metric.unit,
        limit=threshold.expression.limit,
        interval=None if found.met is None or found.missed is None or found.unknown else (found.met, found.missed),
        samples=sum(series.scheduled for sample in samples for series in sample.series),
        bursts=len(samples),
        p_value=None,
        explanation=_explanation(objective, verdict, _outcome(at_rate, held_back), found),
    )
    return Judgement(verdict, (result,), at_rate.validity, look, looks, abort=verdict is Verdict.FAIL and threshold.abort_on_fail)


def trial_at_required_rate(objective: CapacityObjective, at_rate: Judgement) -> RateTrial:
    """What the judgement at the required rate tells a search; undecided thresholds count by their measured values."""
    verdict = at_rate.verdict
    if verdict is Verdict.INCONCLUSIVE:
        missed = [one for one in at_rate.results if not is_met(one.threshold, one.measured)]
        verdict = Verdict.FAIL if missed else Verdict.PASS
    bursts = max((one.bursts for one in at_rate.results), default=1)
    return RateTrial(objective.rate, verdict, "" if verdict is Verdict.PASS else _worst_clause(at_rate), bursts)


def trial_of(within: Sequence[Threshold], rate: float, sample: BurstSample, *, by_pressure: bool = False) -> RateTrial:
    """The outcome of a single burst at `rate`; without a threshold about failures, enough requests must also succeed.

    `by_pressure` is as in `judge_single_burst`.
    """
    judged = judge_single_burst(within, sample, by_pressure=by_pressure)
    if judged.verdict is Verdict.INVALID:
        return RateTrial(rate, Verdict.INVALID, "; ".join(f"{check.name}: {check.measured}" for check in judged.reported))
    missed = [_miss(threshold, value) for threshold, value in zip(within, judged.values, strict=True) if not is_met(threshold, value)]
    sent = sum(series.sent for series in sample.series)
    succeeded = sum(series.response.count for series in sample.series) / sent if sent else 0.0
    if succeeded < ANSWERED_SHARE and not any(one.selector.metric.name in _ABOUT_FAILURES for one in within):
        missed.insert(0, f"only {percent(succeeded)} of the requests sent succeeded")
    reached = arrival_rate([sample])
    if reached is not None and reached < RATE_SHARE * rate:
        missed.insert(0, f"only {figure(reached)}/s were sent, because unanswered requests held back the others")
    return RateTrial(rate, Verdict.FAIL if missed else Verdict.PASS, "; ".join(missed[:3]))


def _miss(threshold: Threshold, value: float | None) -> str:
    measured = "no value: no data, or too many failed requests" if value is None else figure(value)
    return f"{threshold} was not met: {measured}"


def _explanation(objective: CapacityObjective, verdict: Verdict, outcome: str, found: CapacityRange) -> str:
    """The sentence: the capacity, the limit, and the result at the required rate."""
    required = f"must be {objective.threshold.expression.operator} {figure(objective.rate)}/s"
    return f"{verdict}: capacity {_found(found)}; {required}: at {figure(objective.rate)}/s, {outcome}; {SCOPE}."


def _outcome(at_rate: Judgement, held_back: float | None) -> str:
    """What the bursts at the required rate showed."""
    if held_back is not None:
        return f"unanswered requests held back the others, so only {figure(held_back)}/s were sent"
    if at_rate.verdict is not Verdict.PASS:
        return _worst_clause(at_rate)
    return f"all {len(at_rate.results)} objectives are met" if len(at_rate.results) > 1 else f"{at_rate.results[0].threshold} is met"


def _found(found: CapacityRange) -> str:
    """The capacity in words."""
    if found.met is None:
        return "is unknown" if found.missed is None or found.unknown else f"is below {figure(found.missed)}/s"
    if found.missed is None:
        return f"is at least {figure(found.met)}/s"
    if found.unknown:
        return f"is at least {figure(found.met)}/s (at {figure(found.missed)}/s, the generator or the machine was the limit)"
    return f"is {figure(found.met)}/s (at {figure(found.missed)}/s: {found.reason})"


def _worst_clause(judgement: Judgement) -> str:
    """The sentence of the threshold that decides a verdict, without its verdict and scope."""
    sentence = next((one.explanation for one in judgement.results if one.verdict is judgement.verdict), "")
    return sentence.removeprefix(f"{judgement.verdict}: ").removesuffix(f"; {SCOPE}.").removesuffix(".")
