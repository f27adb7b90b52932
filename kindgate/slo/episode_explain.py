"""One readable sentence per verdict about episodes: the figure, what it is from, the limit, and the reason."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kindgate.figures import figure, milliseconds, percent
from kindgate.model import Verdict
from kindgate.slo.episode import Episode, Phase, Requests
from kindgate.slo.episode_figures import back_at_once, covered, lost_of, total
from kindgate.slo.episode_objectives import ERROR_BUDGET, LOST, OUTAGE, RECOVERY, SCALE_OUT_TIME, EpisodeThreshold
from kindgate.slo.explain import SCOPE, validity_advice, validity_figures
from kindgate.slo.validity import ValidityCheck


def explain_episodes(
    threshold: EpisodeThreshold,
    verdict: Verdict,
    measured: float | None,
    episodes: Sequence[Episode],
    *,
    blamed: Sequence[ValidityCheck] = (),
    error: str = "",
) -> str:
    """The sentence for one threshold; `blamed` are the checks that led to INVALID, `error` is why the action failed."""
    what = f"{episodes[0].scenario} {episodes[0].action}"
    found = _figure(threshold, measured, episodes)
    basis = "1 episode" if len(episodes) == 1 else f"{len(episodes)} episodes together"
    limit = f"must be {threshold.expression.operator} {_value(threshold, threshold.expression.limit)}"
    match verdict:
        case Verdict.INVALID:
            body = f"{what}: {validity_figures(blamed)}, so {found} in {basis} says nothing about the service: {validity_advice(blamed)}"
        case Verdict.INCONCLUSIVE:
            lacking = "the number of ready pods is unknown" if threshold.metric.name == SCALE_OUT_TIME else "no request was sent"
            body = f"{what}: {lacking} that {threshold.selector} is about, in {basis}"
        case Verdict.PASS if threshold.tag_map.get("phase") == Phase.RECOVERY and back_at_once(episodes):
            body = f"{what}: the steady state was back when the action ended, in {basis}, so {threshold.selector} is about no request"
        case Verdict.FAIL if error:
            body = f"{what} did not succeed: {first_line(error)} ({found}, exact for {basis})"
        case _:
            body = f"{what}: {found} (exact for {basis}, without an interval); {limit}"
    return f"{verdict}: {body}; {SCOPE}."


def explain_repeated(
    threshold: EpisodeThreshold,
    verdict: Verdict,
    first: tuple[float | None, Sequence[Episode]],
    second: tuple[float | None, Sequence[Episode]],
    reason: str,
) -> str:
    """The sentence for a threshold that `first` missed and that `second`, its repetition, decided.

    Both are the figure and its episodes; `reason` is the sentence about the repetition alone, for one that decided nothing.
    """
    what = f"{first[1][0].scenario} {first[1][0].action}"
    limit = f"must be {threshold.expression.operator} {_value(threshold, threshold.expression.limit)}"
    before, again = _figure(threshold, *first), _figure(threshold, *second)
    match verdict:
        case Verdict.FAIL:
            return f"{verdict}: {what}: {before}, and when it was repeated, {again} (exact, without an interval); {limit}; {SCOPE}."
        case Verdict.INCONCLUSIVE if reason.startswith(str(Verdict.PASS)):
            return f"{verdict}: {what}: not confirmed: {before}, but when it was repeated, {again}; {limit}; {SCOPE}."
        case _:
            return f"{verdict}: {what}: not confirmed: {before}; {limit}; its repetition was {reason}"


def lost_words(requests: Requests) -> str:
    """The lost requests by kind: `8 failed, 4 unanswered`; empty without any."""
    kinds = ((requests.failed, "failed"), (requests.unanswered, "unanswered"), (requests.sent_twice, "sent twice"))
    return ", ".join(f"{count:,} {word}" for count, word in kinds if count)


def _figure(threshold: EpisodeThreshold, measured: float | None, episodes: Sequence[Episode]) -> str:
    """The measured figure in words."""
    if threshold.metric.name in {LOST, ERROR_BUDGET}:
        return _lost(threshold, measured, episodes)
    name = f"{threshold.expression.aggregate} of {threshold.selector}"
    if measured is None:
        return f"{name} without a value"
    if math.isinf(measured):
        reasons = {RECOVERY: "p95 was not back when the load ended", SCALE_OUT_TIME: "no additional pod became ready"}
        return f"{name} has no value because {reasons.get(threshold.metric.name, 'no request was answered')}"
    return f"{name} = {milliseconds(measured)}{_slowest_route(threshold, episodes)}"


def _lost(threshold: EpisodeThreshold, measured: float | None, episodes: Sequence[Episode]) -> str:
    """`12 of 6,012 requests lost: 8 failed, 4 unanswered`, with what was lost before the action, and the share of the budget."""
    tags = {key: value for key, value in threshold.tags if key in {"route", "phase"}}
    requests = total(covered(threshold, episode) for episode in episodes)
    lost = lost_of(threshold, requests)
    kind = {"failed": "failed", "unanswered": "unanswered", "sent_twice": "sent twice"}.get(threshold.tag_map.get("kind", ""), "lost")
    part = "".join(f" of {key} {value}" for key, value in tags.items())
    text = f"{lost:,} of {requests.scheduled:,} requests{part} {kind}"
    if lost and kind == "lost":
        text += f": {lost_words(requests)}"
    earlier = total(phase.requests for episode in episodes for phase in episode.phases if phase.phase is Phase.BEFORE).lost
    if lost and earlier and not tags:
        text += f", {earlier:,} of them before the action"
    if threshold.metric.name == ERROR_BUDGET and measured is not None:
        text += f", {percent(measured)} of the {percent(threshold.allowed or 0.0)} that http_req_failed allows"
    return text


def _slowest_route(threshold: EpisodeThreshold, episodes: Sequence[Episode]) -> str:
    """The route of the longest outage."""
    if threshold.metric.name != OUTAGE or "route" in threshold.tag_map:
        return ""
    longest = max((route for episode in episodes for route in episode.routes), key=lambda route: route.outage, default=None)
    return f" (longest on route {longest.route})" if longest is not None and longest.outage else ""


def _value(threshold: EpisodeThreshold, value: float) -> str:
    """A value of the threshold's left side, with its unit."""
    if threshold.metric.is_time:
        return milliseconds(value)
    return percent(value) if threshold.expression.aggregation == "rate" else figure(value)


def first_line(text: str) -> str:
    """The first line of an error, without a final period."""
    return text.splitlines()[0].strip().removesuffix(".") if text.strip() else "unknown error"
