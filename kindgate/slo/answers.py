"""Compare the answers of two versions to identical requests: status, content type, chosen headers, and body.

Every request goes to the baseline, to the pull request's version, and to the baseline again. Whatever differs between the
two answers of the baseline varies by itself (times, tokens, pod names) and is ignored for the whole route; in JSON that is a
path, with `*` for positions in lists. The new version is asked in between, so a value that changes with time cannot look
like a difference between versions. A request whose answers differ is sent again, and only a difference that repeats counts:
an overloaded replica that fails once did not change the contract.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

VALUE_LIMIT: Final = 80
"""Maximum characters of a value in a change, and of a place."""

CHANGES_LIMIT: Final = 20
"""Maximum changes of a route: after that, the two answers have little in common."""

_BODY_LIMIT: Final = 1_000_000
"""Bytes up to which a body is read as JSON or text; longer ones are compared by size and content as a whole."""

_ABSENT: Final = "absent"

Place = str
"""Where answers differ: `status`, `header NAME`, `JSON PATH`, `text`, `body`."""

Redact = Callable[[Place, str], str]
"""Returns a value at a place without secrets; called with whole values, because half of a secret cannot be recognized."""


@dataclass(frozen=True)
class Answer:
    """One answer. `headers` have lowercase names; the version's own host and namespace are already replaced in all parts.

    `failure` is why there is no answer, such as `no answer within 10 s`; then nothing else is known.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str = ""

    @property
    def outcome(self) -> int | str:
        """The status, or why there is none."""
        return self.failure or self.status

    @property
    def content_type(self) -> str:
        """The media type without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class AnswerTriple:
    """The answers to one request: by the baseline, by the pull request's version, and by the baseline again."""

    base: Answer
    head: Answer
    base_again: Answer

    @property
    def is_known(self) -> bool:
        """Whether the baseline answered at all, so there is something to compare."""
        return not (self.base.failure and self.base_again.failure)


Repeats = Sequence[AnswerTriple]
"""One request's answers: the first ones, and those after it was sent again."""


@dataclass(frozen=True)
class AnswerChange:
    """One difference at `place`, with an example of both values; `seen` of `compared` requests showed it."""

    place: Place
    base: str
    head: str
    seen: int
    compared: int

    def __str__(self) -> str:
        """`JSON items.*.price: 12.5 -> "12.50"`."""
        return f"{self.place}: {self.base} -> {self.head}"


@dataclass(frozen=True)
class RouteAnswers:
    """The comparison of one route's answers; `varying` are the places that differ between answers of the baseline alone.

    `compared` are the requests that the baseline answered.
    """

    route: str
    compared: int
    changes: tuple[AnswerChange, ...]
    varying: tuple[Place, ...] = ()


def compare_answers(
    route: str, requests: Sequence[Repeats], headers: Collection[str] = (), redact: Redact = lambda _place, value: value
) -> RouteAnswers:
    """Compare the answers of one route; `headers` names those that must be equal too, besides the content type.

    A change counts if every repetition of at least one request shows it.
    """
    chosen = tuple(name.lower() for name in headers)
    known = [kept for repeats in requests if (kept := [triple for triple in repeats if triple.is_known])]
    varying: set[Place] = set()
    openly_varying: set[Place] = set()
    for triple in (triple for repeats in known for triple in repeats):
        one, other = _both_parts(triple.base, triple.base_again, chosen)
        varying |= _different(one, other)
        openly_varying |= {_parent_of_missing(place, one, other) for place in _different(one, other)}
    openly_varying -= {""}
    seen: Counter[Place] = Counter()
    compared: Counter[Place] = Counter()
    examples: dict[Place, tuple[str, str]] = {}
    for repeats in known:
        found: set[Place] | None = None
        for triple in repeats:
            base, head = _both_parts(triple.base, triple.head, chosen)
            different = _different(base, head) - varying
            different -= {place for place in different if _parent_of_missing(place, base, head) in openly_varying}
            found = different if found is None else found & different
        compared.update(base.keys() | head.keys())
        for place in found or ():
            seen[place] += 1
            if place not in examples:
                before, after = _examples(base.get(place), head.get(place))
                examples[place] = (_cut(redact(place, before)), _cut(redact(place, after)))
    changes = (
        AnswerChange(_cut(redact("", place)), *examples[place], seen[place], compared[place]) for place in sorted(examples, key=_rank)
    )
    return RouteAnswers(route, len(known), tuple(changes)[:CHANGES_LIMIT], tuple(sorted(varying)))


def is_changed(triple: AnswerTriple, headers: Collection[str] = ()) -> bool:
    """Whether the two versions answered differently, so that the request must be sent again to know whether that repeats."""
    base, head = _both_parts(triple.base, triple.head, tuple(name.lower() for name in headers))
    return bool(_different(base, head))


def _both_parts(one: Answer, other: Answer, headers: Sequence[str]) -> tuple[Mapping[Place, Any], Mapping[Place, Any]]:
    """What is compared of two answers, by place: only the status if it differs, because everything else then does too."""
    if one.outcome != other.outcome or one.failure:
        return {"status": one.outcome}, {"status": other.outcome}
    return _parts(one, headers), _parts(other, headers)


def _parts(answer: Answer, headers: Sequence[str]) -> Mapping[Place, Any]:
    """Everything that is compared, by place; values are comparable."""
    parts: dict[Place, Any] = {"status": answer.status, "header content-type": answer.content_type or None}
    parts.update({f"header {name}": answer.headers.get(name) for name in headers})
    document = _json(answer)
    if document is not None:
        parts.update(_leaves(document[0]))
        return parts
    text = _text(answer)
    parts.update({"body": (len(answer.body), answer.body)} if text is None else {"text": frozenset(text)})
    return parts


def _json(answer: Answer) -> tuple[Any] | None:
    """The document in a tuple, because it may be null; None if the body is not JSON."""
    if len(answer.body) > _BODY_LIMIT or not (answer.content_type.endswith("json") or answer.body[:1] in (b"{", b"[")):
        return None
    try:
        return (json.loads(answer.body),)
    except (ValueError, RecursionError):
        return None


def _text(answer: Answer) -> list[str] | None:
    """The distinct lines of a text; None for anything else."""
    if len(answer.body) > _BODY_LIMIT or b"\0" in answer.body:
        return None
    try:
        return list(dict.fromkeys(line.strip() for line in answer.body.decode().splitlines() if line.strip()))
    except UnicodeDecodeError:
        return None


def _leaves(value: object) -> Mapping[Place, tuple[str, ...]]:
    """The distinct values at each path of a document, as JSON, with `*` for positions in lists.

    A list is compared by the values that occur in it, so its length and order do not matter by themselves; its being empty does.
    """
    found: dict[str, dict[str, None]] = {}
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict) and node:
            waiting += [(f"{path}.{key}" if path else str(key), child) for key, child in node.items()]
        elif isinstance(node, list) and node:
            waiting += [(f"{path}.*" if path else "*", child) for child in node]
        else:
            found.setdefault(f"JSON {path}".rstrip(), {})[json.dumps(node, sort_keys=True)] = None
    return {place: tuple(sorted(values)) for place, values in found.items()}


def _different(one: Mapping[Place, Any], other: Mapping[Place, Any]) -> set[Place]:
    return {place for place in one.keys() | other.keys() if one.get(place) != other.get(place)}


def _parent_of_missing(place: Place, one: Mapping[Place, Any], other: Mapping[Place, Any]) -> Place:
    """The object or list that lacks the part with `place` in one of the answers; empty if both have it.

    If its keys differ between answers of the baseline, as those of a mapping by id do, another key is no change.
    """
    if (place in one and place in other) or not place.startswith("JSON "):
        return ""
    parts = (one if place not in one else other).keys()
    steps = place.split(".")
    for length in range(len(steps) - 1, 0, -1):
        parent = ".".join(steps[:length])
        if any(part == parent or part.startswith(f"{parent}.") for part in parts):
            return parent
    return "JSON"


def _rank(place: Place) -> tuple[bool, int, str]:
    """The most telling changes first: the status, then the outermost part of the body."""
    return place != "status", place.count("."), place


def _examples(base: object, head: object) -> tuple[str, str]:
    """Both values as text; of texts, only the lines that one of the two lacks."""
    if isinstance(base, frozenset) and isinstance(head, frozenset):
        return min(base - head, default=_ABSENT), min(head - base, default=_ABSENT)
    return _shown(base), _shown(head)


def _shown(value: object) -> str:
    match value:
        case None:
            return _ABSENT
        case frozenset():
            return "a text"
        case (int(size), bytes()):
            return f"{size} bytes"
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LIMIT else text[: VALUE_LIMIT - 1] + "…"
