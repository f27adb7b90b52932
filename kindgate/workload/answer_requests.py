"""Send identical safe requests to both versions, one after the other, for the comparison of their answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from kindgate.load.plan import BurstPlan, Route
from kindgate.load.streams import entry_values
from kindgate.load.template import Value
from kindgate.slo.answers import Answer, AnswerTriple, Repeats, is_changed
from kindgate.slo.compare import BASE, HEAD
from kindgate.workload.setup_requests import NoResponse, response_to

if TYPE_CHECKING:
    import requests

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1), so both versions can answer them as often as needed."""

ROUTE_SECONDS: Final = 30.0
"""After this time no further request of a route is sent: a version that hangs must not hold up the run."""


@dataclass(frozen=True)
class SampledRoute:
    """A route of both versions with the values of each of its requests: the same data, and each version's own setup values."""

    head: Route
    base: Route
    head_values: tuple[Mapping[str, Value], ...]
    base_values: tuple[Mapping[str, Value], ...]

    @property
    def name(self) -> str:
        """The name shown with its figures."""
        return self.head.label


Normalize = Callable[[str, Answer], Answer]
"""Returns an answer of the version (`base` or `head`) without that version's own names."""


def sampled_routes(duet: BurstPlan, count: int) -> tuple[SampledRoute, ...]:
    """The routes of a comparison that can be sent alone, each with the values of `count` requests.

    Left out are methods that may change data, and the steps of journeys that need values from earlier steps.
    """
    given = {name for variable in duet.variables for name in variable.names}
    heads = [route for route in duet.routes if route.arm == HEAD]
    bases = [route for route in duet.routes if route.arm == BASE]
    chosen: dict[str, tuple[Route, Route]] = {}
    for head, base in zip(heads, bases, strict=True):
        alone = head.names <= given | duet.arm_values(HEAD).keys()
        if head.method in SAFE_METHODS and alone and head.label not in chosen:
            chosen[head.label] = (replace(head, journey="", weight=1), replace(base, journey="", weight=1))
    if not chosen:
        return ()
    pairs = list(chosen.values())
    plan = replace(duet, routes=(*(head for head, _ in pairs), *(base for _, base in pairs)), journeys=(), redirects=0)
    return tuple(
        SampledRoute(head, base, _values(plan, place, count), _values(plan, len(pairs) + place, count))
        for place, (head, base) in enumerate(pairs)
    )


def ask(
    session: requests.Session, route: SampledRoute, normalize: Normalize, headers: Sequence[str], *, timeout: float
) -> tuple[Repeats, ...]:
    """The answers to the requests of one route: to each, those of the baseline, the pull request and the baseline again.

    A request whose answers differ is sent again. `timeout` in seconds is for a route without its own.
    """
    started = time.monotonic()
    answered: list[Repeats] = []
    for head_values, base_values in zip(route.head_values, route.base_values, strict=True):
        if answered and time.monotonic() - started > ROUTE_SECONDS:
            break

        def triple(head: Mapping[str, Value] = head_values, base: Mapping[str, Value] = base_values) -> AnswerTriple:
            first = normalize(BASE, _answer(session, route.base, base, timeout))
            changed = normalize(HEAD, _answer(session, route.head, head, timeout))
            return AnswerTriple(first, changed, normalize(BASE, _answer(session, route.base, base, timeout)))

        repeats = [triple()]
        if is_changed(repeats[0], headers):
            repeats.append(triple())
        answered.append(repeats)
    return tuple(answered)


def _values(plan: BurstPlan, entry: int, count: int) -> tuple[Mapping[str, Value], ...]:
    values = entry_values(plan, entry, count)
    return tuple(values.at(number) for number in range(count))


def _answer(session: requests.Session, route: Route, values: Mapping[str, Value], timeout: float) -> Answer:
    """The answer to one request, or why there is none."""
    seconds = route.timeout or timeout
    try:
        response = response_to(session, route, values, seconds)
    except NoResponse as error:
        # which part of a connection failed depends on the moment, so its text would differ between equal versions
        return Answer(failure=f"no answer within {seconds:g} s" if error.late else "no complete answer")
    return Answer(response.status, {name: response.header(name) or "" for name, _ in response.headers}, response.body)
