"""A result embedded in a log with other output."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.aggregate import burst_result
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import OK
from kindgate.load.result import BurstResult, Health
from kindgate.load.result_log import MARKER, parse_result, result_lines


def burst(requests: int, seed: int = 1) -> BurstResult:
    """Build a burst of so many requests, each with a different time."""
    took = np.random.default_rng(seed).integers(1_000_000, 900_000_000, requests)
    rows = np.array([(0, n, n, n + int(one), 0, 1, OK, 200) for n, one in enumerate(took)], np.int64)
    plan = BurstPlan((Route("http://127.0.0.1/"),), OpenLoop.constant(1000, requests=requests))
    return burst_result(plan, rows, started=1000.0, health=Health())


@settings(max_examples=20)
@given(requests=st.integers(1, 4000), order=st.integers(0, 2**32))
def test_a_result_is_read_from_between_other_lines(requests: int, order: int) -> None:
    """It is read bit-exactly, in any order of lines and with other programs' output between them."""
    result = burst(requests)
    lines = [*result_lines(result), "locust: quitting", f"{MARKER} is what I will print", ""]
    random.Random(order).shuffle(lines)

    assert parse_result("\n".join(lines)) == result


def test_no_line_exceeds_a_container_runtimes_limit() -> None:
    """The limit is 16 kB; a large result takes several lines."""
    lines = list(result_lines(burst(20_000)))

    assert len(lines) > 2
    assert max(map(len, lines)) < 16_000


@pytest.mark.parametrize("kept", [slice(0, 0), slice(0, -1), slice(1, None)])
def test_an_incomplete_result_is_an_error_with_the_end_of_the_log(kept: slice) -> None:
    """A master that died while writing has reported nothing."""
    lines = list(result_lines(burst(20_000)))[kept]

    with pytest.raises(LoadError, match="reported no result") as raised:
        parse_result("\n".join([*lines, "MemoryError"]))

    assert raised.value.last_state == "MemoryError"
