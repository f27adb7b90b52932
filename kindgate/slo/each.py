"""Objectives per route: tolerances for each value of a tag that the load carries, and the objectives of one route."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kindgate.errors import SloError
from kindgate.slo.objectives import Tolerance
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import Selector, Threshold

EACH_TAGS = ("route", "journey")
"""The tags that `each` accepts."""

TOLERANCES_LIMIT = 200
"""Maximum number of compared figures; a report cannot show more."""

Tags = Mapping[str, str]


@dataclass(frozen=True)
class CarriedTags:
    """The tags of a load: one mapping for each series of requests, and for each journey."""

    requests: tuple[Tags, ...]
    journeys: tuple[Tags, ...] = ()

    @classmethod
    def of_samples(cls, samples: Iterable[BurstSample]) -> CarriedTags:
        """The tags in measured bursts, each combination once."""
        requests: dict[tuple[tuple[str, str], ...], Tags] = {}
        journeys: dict[tuple[tuple[str, str], ...], Tags] = {}
        for sample in samples:
            requests |= {tuple(sorted(series.tags.items())): series.tags for series in sample.series}
            journeys |= {tuple(sorted(journey.tags.items())): journey.tags for journey in sample.journeys}
        return cls(tuple(requests.values()), tuple(journeys.values()))

    def __add__(self, other: CarriedTags) -> CarriedTags:
        """The tags of both loads."""
        return CarriedTags((*self.requests, *other.requests), (*self.journeys, *other.journeys))

    def values(self, tolerance: Tolerance) -> tuple[str, ...]:
        """The values of a tolerance's `each` among the series that its selector matches, sorted."""
        selected, key = tolerance.selector.tag_map, tolerance.each
        carried = self.journeys if tolerance.selector.metric.per_journey else self.requests
        matching = (tags for tags in carried if all(tags.get(name) == value for name, value in selected.items()))
        return tuple(sorted({tags[key] for tags in matching if tags.get(key)}))


def expanded(tolerances: Sequence[Tolerance], carried: CarriedTags) -> tuple[Tolerance, ...]:
    """`tolerances` with each `each` replaced by one tolerance per value of its tag, sorted by value.

    A tolerance written for the same figure replaces the one that `each` would make. Raises `SloError` for an `each` whose tag
    nothing carries, and for more than `TOLERANCES_LIMIT` tolerances.
    """
    written = {(one.quantile, one.selector) for one in tolerances if not one.each}
    result: list[Tolerance] = []
    for tolerance in tolerances:
        if not tolerance.each:
            result.append(tolerance)
            continue
        values = carried.values(tolerance)
        if not values:
            raise _error(tolerance, f"nothing that is sent has a tag {tolerance.each}", "leave out each:, or add a workload with it")
        parts = (replace(tolerance, selector=tolerance.selector.with_tag(tolerance.each, value), each="") for value in values)
        result += [part for part in parts if (part.quantile, part.selector) not in written]
        if len(result) > TOLERANCES_LIMIT:
            raise _error(tolerance, f"it makes more than {TOLERANCES_LIMIT} comparisons", "compare fewer routes by name")
    return tuple(dict.fromkeys(result))


def is_expansion(used: Collection[Tolerance], written: Sequence[Tolerance]) -> bool:
    """Whether `used` can be the `expanded` form of `written` for some load; both without origins."""
    exact = {one for one in written if not one.each}
    rest = set(used) - exact
    if not exact <= set(used):
        return False
    for each in (one for one in written if one.each):
        if not any(_is_part(one, each, any_limit=True) for one in used):
            return False
        rest = {one for one in rest if not _is_part(one, each)}
    return not rest


def _is_part(tolerance: Tolerance, each: Tolerance, *, any_limit: bool = False) -> bool:
    """Whether a tolerance is one of those that `each` stands for, or replaces one (`any_limit`)."""
    value = tolerance.selector.tag_map.get(each.each, "")
    same_figure = value and tolerance.selector == each.selector.with_tag(each.each, value) and tolerance.quantile == each.quantile
    return bool(same_figure) and (any_limit or tolerance.max_regression == each.max_regression)


def tolerances_of_route(tolerances: Sequence[Tolerance], route: str) -> tuple[Tolerance, ...]:
    """The tolerances whose selector names `route`. Raises `SloError` if there is none."""
    chosen = tuple(one for one in tolerances if one.selector.tag_map.get("route") == route)
    if not chosen:
        raise SloError(f"no tolerance is about the route {route!r}", next_step=_known_routes(one.selector for one in tolerances))
    return chosen


def thresholds_of_route(thresholds: Sequence[Threshold], route: str) -> tuple[Threshold, ...]:
    """The thresholds whose selector names `route`. Raises `SloError` if there is none."""
    chosen = tuple(one for one in thresholds if one.selector.tag_map.get("route") == route)
    if not chosen:
        raise SloError(f"no threshold is about the route {route!r}", next_step=_known_routes(one.selector for one in thresholds))
    return chosen


def _known_routes(selectors: Iterable[Selector]) -> str:
    routes = sorted({selector.tag_map["route"] for selector in selectors if "route" in selector.tag_map})
    return f"routes with objectives of their own: {', '.join(routes) or 'none'}"


def _error(tolerance: Tolerance, problem: str, next_step: str) -> SloError:
    return SloError(f"{tolerance.origin or 'compare'}: {tolerance}: {problem}", next_step=next_step)
