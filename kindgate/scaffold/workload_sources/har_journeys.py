"""Journeys from a recording: the steps of each page in order, think times, and values that earlier answers provide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kindgate.load.expectation import Extraction
from kindgate.scaffold.workload_sources.har_answers import Place, body_values, identifying_values
from kindgate.scaffold.workload_sources.har_entries import RecordedRequest
from kindgate.scaffold.workload_sources.naming import Names

MAX_THINK = 5.0
"""Maximum think time in seconds: a longer pause of a recording was not part of using the application."""

MAX_STEPS = 50
"""Maximum steps of a journey."""

_MIN_THINK = 0.1
"""Shorter pauses, in seconds, are the browser's own."""

_BEARER = re.compile(r"(?i:bearer|token)\s+(\S+)")


@dataclass
class Step:
    """A request of a journey: `think` seconds before it, and `extract` from its answer.

    `known` names the values of earlier answers in its path, by position; `bound` maps fields of its body, as name and
    value, to placeholders.
    `authorization` is its Authorization header with a placeholder, empty if no earlier answer provides it.
    """

    request: RecordedRequest
    think: float = 0.0
    extract: list[Extraction] = field(default_factory=list)
    known: dict[int, str] = field(default_factory=dict)
    bound: dict[tuple[str, str], str] = field(default_factory=dict)
    authorization: str = ""

    @property
    def is_bound(self) -> bool:
        """Whether it uses a value of an earlier answer."""
        return bool(self.known or self.bound or self.authorization)


def journey_steps(requests: Sequence[RecordedRequest], path_values: Sequence[Sequence[str]], names: Names) -> tuple[Step, ...]:
    """The steps of one page; `path_values` are the values of the variables of each request's path.

    Extracted values get names that are not in `names`.
    """
    steps: list[Step] = []
    answers: dict[str, tuple[int, Place]] = {}
    ended = requests[0].started if requests else 0.0
    for request, values in list(zip(requests, path_values, strict=True))[:MAX_STEPS]:
        step = Step(request, _think(request.started - ended))
        ended = max(ended, request.ended)
        step.known = {index: _extracted(names, steps, answers[value]) for index, value in enumerate(values) if value in answers}
        step.bound = {
            (name, value): f"{{{_extracted(names, steps, answers[value])}}}" for name, value in body_values(request) if value in answers
        }
        bearer = next((_BEARER.fullmatch(value) for name, value in request.headers if name.lower() == "authorization"), None)
        if bearer and bearer[1] in answers:
            step.authorization = bearer[0].replace(bearer[1], f"{{{_extracted(names, steps, answers[bearer[1]])}}}")
        for value, place in identifying_values(request):
            answers.setdefault(value, (len(steps), place))
        steps.append(step)
    return tuple(steps)


def _extracted(names: Names, steps: Sequence[Step], origin: tuple[int, Place]) -> str:
    """The name of a value of an earlier answer, which that step extracts."""
    index, (source, expression, wanted) = origin
    step = steps[index]
    known = next((one.name for one in step.extract if one.expression == expression), "")
    if known:
        return known
    name = names.unique(wanted)
    step.extract.append(Extraction(name, source, expression))
    return name


def _think(seconds: float) -> float:
    return 0.0 if seconds < _MIN_THINK else round(min(seconds, MAX_THINK), 1)
