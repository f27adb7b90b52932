"""Figures in a report: the judge reads back exactly what was measured, or nothing."""

from __future__ import annotations

import base64
import json
import lzma
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kindgate.histogram import _FILTERS, Histogram
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.report.measurements import REQUESTS_LIMIT, TIMES_LIMIT, BurstFigures, FiguresRefused, figures_of, samples_of
from kindgate.slo.sample import JourneySeries, Series
from tests.unit.report.bursts import measured_burst


def _document(number: int = 1, failing: float = 0.3) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(figures_of(burst_sample(measured_burst(number, failing=failing))).model_dump_json())
    return document


def _read(*documents: dict[str, Any]) -> object:
    return samples_of([BurstFigures.model_validate_json(json.dumps(document)) for document in documents])


@given(
    failing=st.floats(0, 1),
    size=st.integers(1, 60),
    arms=st.sampled_from(["", "duet"]),
    median=st.floats(0.01, 1e4),
    steal=st.floats(0, 1.1),
    lag=st.floats(0, 50),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_figures_convert_back_to_the_measured_samples(**burst: Any) -> None:
    """No number changes between the engine and a judge that reads the report, whatever happens to the requests."""
    samples = tuple(burst_sample(measured_burst(number, **burst)) for number in (1, 2))
    figures = [figures_of(sample) for sample in samples]
    assert samples_of([BurstFigures.model_validate_json(record.model_dump_json()) for record in figures]) == samples


def _series(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    document = _document()
    change(document["series"][0])
    return document


def _with_journeys(**changes: Any) -> dict[str, Any]:
    """Return a burst with 5 runs of a journey, 3 of them completed, with `changes` of its record."""
    sample = burst_sample(measured_burst(1))
    journey = JourneySeries({"journey": "buy", "arm": "head"}, 5, 4, 3, 1, Histogram.of([10, 20, 30]))
    document: dict[str, Any] = json.loads(figures_of(replace(sample, journeys=(journey,))).model_dump_json())
    document["journeys"][0].update(changes)
    return document


def test_journeys_convert_back_to_the_measured_ones() -> None:
    """Journeys are recomputed like requests."""
    (sample,) = samples_of([BurstFigures.model_validate_json(json.dumps(_with_journeys()))])

    assert sample.journeys == (JourneySeries({"journey": "buy", "arm": "head"}, 5, 4, 3, 1, Histogram.of([10, 20, 30])),)


@pytest.mark.parametrize(
    "changes", [{"completed": 4}, {"failed": 3}, {"started": 6}, {"scheduled": 3}, {"duration": Histogram.empty().to_text()}]
)
def test_contradictory_journeys_are_refused(changes: dict[str, Any]) -> None:
    """Each run that completed has a time, and no more runs end than start."""
    with pytest.raises(FiguresRefused, match="buy, head: the number of times does not match the journeys scheduled"):
        _read(_with_journeys(**changes))


def test_journeys_count_as_requests() -> None:
    """No sum of a report's times overflows, so journeys have no limit of their own."""
    with pytest.raises(FiguresRefused, match="requests"):
        _read(_with_journeys(scheduled=REQUESTS_LIMIT))


EMPTY, ONE = Histogram.empty().to_text(), Histogram.of([1]).to_text()


CONTRADICTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a time for every request": lambda _: {"response": ONE},
    "no failures": lambda _: {"failed": {}},
    "no trace of failures": lambda _: {"failed_response": EMPTY, "failed": {}},
    "a request less": lambda series: {"scheduled": series["sent"] - 1},
    "a request without a fate": lambda series: {"scheduled": series["scheduled"] + 1},
    "a request not sent": lambda series: {"sent": series["sent"] - 1},
    "more checks": lambda series: {"checks_passed": series["sent"] + 1},
    "more answers": lambda series: {"service": Histogram.of([1] * (series["sent"] + 1)).to_text()},
}


@pytest.mark.parametrize("change", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_contradictory_figures_are_refused(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Missing failures, requests without an outcome and answers without a request are refused: no engine measures them."""
    with pytest.raises(FiguresRefused, match="burst 1"):
        _read(_series(lambda series: series.update(change(series))))


@pytest.mark.parametrize("part", ["send_lag", "loop_lag", "punctual"])
def test_generator_figures_must_match_the_requests(part: str) -> None:
    """The generator's figures decide validity, so they must match its requests."""
    document = _document()
    holder = document if part == "send_lag" else document["health"]
    holder[part] = document["health"]["punctual"] + 1 if part == "punctual" else ONE
    with pytest.raises(FiguresRefused, match="burst 1"):
        _read(document)


@pytest.mark.parametrize("numbers", [(1, 1), (2, 1)])
def test_bursts_must_be_unique_and_in_order(numbers: tuple[int, int]) -> None:
    """A good burst cannot be counted twice, and bursts cannot be reordered."""
    with pytest.raises(FiguresRefused, match="order"):
        _read(*map(_document, numbers))


@pytest.mark.parametrize(
    ("field", "value"), [("response", "a'b"), ("response", "é"), ("response", 'a"b'), ("tags", {"host": "x" * 1001}), ("sent", -1)]
)
def test_only_encoded_histograms_are_accepted(field: str, value: object) -> None:
    """Invalid characters, endless strings and negative counts are rejected on parsing."""
    with pytest.raises(ValidationError, match=field):
        _read(_series(lambda series: series.update({field: value})))


def _bomb() -> str:
    """Return a few hundred characters that decode to a histogram with almost as many times as a report may hold."""
    return base64.b85encode(lzma.compress(b"\x01" * (2 * TIMES_LIMIT - 2), format=lzma.FORMAT_RAW, filters=_FILTERS)).decode()


def test_an_invalid_histogram_is_refused() -> None:
    """Valid characters alone do not make a histogram."""
    with pytest.raises(FiguresRefused, match="histogram"):
        _read(_series(lambda series: series.update(response="abc")))


READ_BOMBS = """
import pathlib, resource, sys
from kindgate.report.measurements import BurstFigures, FiguresRefused, samples_of
burst = BurstFigures.model_validate_json(sys.stdin.read())
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
try:
    samples_of([burst] * 500)
except FiguresRefused as refused:
    print(refused)
(peak,) = (line.split()[1] for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(peak)
"""


def test_unpacking_histograms_is_bounded() -> None:
    """The limit covers all histograms of a report together and is enforced while they are decoded."""
    document = _series(lambda series: series.update(response=_bomb(), failed_response=_bomb(), waiting=_bomb(), service=_bomb()))
    read = subprocess.run(
        [sys.executable, "-c", READ_BOMBS, str(2**31)], input=json.dumps(document), capture_output=True, text=True, check=True, timeout=60
    )
    message, peak = read.stdout.splitlines()
    assert "distinct times" in message
    assert int(peak) < 200_000  # kilobytes


def test_figures_of_another_program_convert_back_to_the_measured_samples() -> None:
    """Its delay may be unknown, its checks may belong to no request, and it may wait for responses."""
    measured = burst_sample(measured_burst(1))
    checks = Series({"check": "status is 200"}, 0, 0, checks_passed=9, checks_failed=1)
    health = replace(measured.health, loop_lag=Histogram.empty())
    sample = replace(measured, series=(*measured.series, checks), health=health, closed_loop="50 users")

    assert samples_of([BurstFigures.model_validate_json(figures_of(sample).model_dump_json())]) == (sample,)
