"""Workloads for property tests: everything that a document can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from kindgate.load.expectation import Extraction
from kindgate.workload.model import (
    Arrival,
    CountedNumber,
    EnvironmentValue,
    ExpectedResponse,
    FileBody,
    FileRows,
    FormBody,
    Json,
    JsonBody,
    LoadShape,
    LoadStage,
    RandomChoice,
    RandomNumber,
    RandomUuid,
    TextBody,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
    WorkloadStep,
)
from kindgate.workload.placeholders import escaped

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"]), min_size=1, max_size=12)
LABELS = st.from_regex(r"[a-z][a-z ./-]{0,8}[a-z]", fullmatch=True)
NAMES = st.from_regex(r"[a-z_][A-Za-z0-9_-]{0,8}", fullmatch=True).filter(lambda name: name != "run")
SECONDS = st.floats(1e-6, 1e5) | st.integers(1, 5000).map(lambda ms: ms / 1000)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS.map(escaped)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6)
ARRIVALS: st.SearchStrategy[Arrival] = st.sampled_from(["poisson", "uniform"])
JSON_PATHS = st.lists(st.from_regex(r"[a-z0-9_-]{1,5}", fullmatch=True), min_size=1, max_size=3).map(".".join)
HEADERS = st.dictionaries(
    st.from_regex(r"X-[A-Z][a-z]{1,6}", fullmatch=True), PLAIN.map(lambda text: escaped(text.strip())), max_size=2
).map(lambda headers: tuple(headers.items()))
STATUSES = st.integers(100, 599).map(lambda status: (status, status)) | st.integers(1, 5).map(lambda first: (100 * first, 100 * first + 99))


def extractions(names: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Extraction, ...]]:
    """Values taken from responses, with different names."""
    places = st.tuples(st.just("json"), JSON_PATHS) | st.tuples(st.just("cookie"), PLAIN) | st.just(("regex", r"id=(\d+) #{1}"))
    pairs = st.dictionaries(names, places, max_size=2)
    return pairs.map(lambda found: tuple(Extraction(name, *place) for name, place in found.items()))  # type: ignore[arg-type]


@st.composite
def expectations(draw: st.DrawFn) -> ExpectedResponse:
    """Any expectation."""
    schemas: list[str | Mapping[str, Json] | None] = [None, "answer.schema.json", {"type": "object", "minProperties": 1}]
    schema = draw(st.sampled_from(schemas))
    low, high = draw(st.tuples(st.none() | st.integers(0, 50), st.none() | st.integers(50, 100)))
    return ExpectedResponse(
        statuses=tuple(draw(st.lists(STATUSES, max_size=2))),
        headers=draw(HEADERS),
        contains=draw(TEXTS),
        json=tuple(draw(st.dictionaries(JSON_PATHS, JSON, max_size=2)).items()),
        exists=tuple(draw(st.lists(JSON_PATHS, max_size=2))),
        schema=schema,
        sample=draw(st.none() | st.floats(0.0001, 1)) if schema is not None else None,
        size_min=low,
        size_max=high,
    )


@st.composite
def requests(draw: st.DrawFn, name: str, extracted: st.SearchStrategy[str], *, weighted: bool = False) -> WorkloadRoute:
    """Any request."""
    form = st.dictionaries(TEXTS, TEXTS.map(escaped), max_size=2).map(lambda fields: FormBody(tuple(fields.items())))
    texts = st.builds(TextBody, TEXTS.map(escaped) | st.just("two\n  lines {n}\n\n") | st.just("# no comment\nend"))
    bodies = st.none() | st.builds(JsonBody, JSON) | texts | form | st.just(FileBody("order v1.bin"))
    return WorkloadRoute(
        name=name,
        path=draw(st.sampled_from(["/", "/a/{n}?q={user.id}&r={run}", "/a: b #c".replace("#", "%23"), "/{{literal}}", "/ü?x=[1]"])),
        method=draw(st.sampled_from(["GET", "POST", "PUT", "DELETE"])),
        host=draw(st.sampled_from(["", "shop.localhost", "shop.localhost:8080"])),
        headers=draw(HEADERS),
        body=draw(bodies),
        weight=draw(st.integers(1, 50)) if weighted else 1,
        expect=draw(expectations()),
        extract=draw(extractions(extracted)),
        timeout=draw(st.none() | SECONDS),
        tags=tuple(sorted(draw(st.dictionaries(st.sampled_from(["group", "team", "tier 2"]), LABELS, max_size=2)).items())),
    )


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """Any workload whose names are defined."""
    names = st.sampled_from([f"v{number}" for number in range(50)])
    setup = [draw(requests(f"setup {number}", st.just(f"s{number}"))) for number in range(draw(st.integers(0, 2)))]
    routes = [draw(requests(f"route {number}", names, weighted=True)) for number in range(draw(st.integers(1, 3)))]
    references = st.builds(WorkloadStep, st.sampled_from([route.name for route in routes]), extractions(names), st.just(0.0) | SECONDS)
    inline = st.builds(WorkloadStep, requests("inline", names), think=st.just(0.0) | SECONDS)
    steps = st.lists(references, min_size=1, max_size=2) | st.tuples(inline, references).map(list)
    journeys = [
        WorkloadJourney(f"journey {number}", tuple(draw(steps)), draw(st.integers(0, 9))) for number in range(draw(st.integers(0, 2)))
    ]
    data: list[Any] = [
        FileRows("user", "users.csv", "csv", draw(st.sampled_from(["sequential", "random"]))),
        CountedNumber("n", draw(st.integers(0, 9))),
    ]
    data += draw(
        st.lists(
            st.sampled_from(
                [
                    FileRows("product", "my products.json", "json"),
                    RandomUuid("order"),
                    RandomNumber("size", -1, 10),
                    RandomChoice("color", ("red", "yes", "1", 1, 1.5, None, True, "null", "")),
                    EnvironmentValue("region", "REGION"),
                    EnvironmentValue("key", "API_KEY", secret=True),
                ]
            ),
            unique_by=lambda source: source.name,
        )
    )
    stages = tuple(draw(st.lists(st.builds(LoadStage, SECONDS, st.sampled_from([0.0, 10.0, 2.5])), max_size=2)))
    named = (*(route.name for route in routes), *(journey.name for journey in journeys))
    streams = draw(st.just(()) | st.dictionaries(st.sampled_from(named), ARRIVALS, min_size=1).map(lambda found: tuple(found.items())))
    load = LoadShape(
        draw(st.none() | st.sampled_from([1.0, 0.5, 300.0])),
        None if stages else draw(st.none() | SECONDS),
        stages,
        None if streams else draw(st.none() | ARRIVALS),
        streams,
    )
    return Workload(
        routes=tuple(routes),
        journeys=tuple(journeys),
        mix=draw(st.just(()) | st.just((("route 0", 3),))),
        data=tuple(data),
        setup=tuple(setup),
        teardown=tuple(setup[:0]),
        load=load,
        host=draw(st.sampled_from(["", "shop.localhost"])),
        http=draw(st.sampled_from(["1.1", "2"])),
        redirects=draw(st.integers(0, 50)),
    )
