"""Bursts built from plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from kindgate.histogram import Histogram
from kindgate.slo.sample import BurstSample, Health, Series

MakeBurst = Callable[..., BurstSample]
MakeRun = Callable[..., list[BurstSample]]


def _burst(
    millis: Sequence[float] | np.ndarray,
    failed: Mapping[str, int] | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    checks: tuple[int, int] = (0, 0),
    lag_ms: float = 0.05,
    started: float = 1000.0,
    **health: float,
) -> BurstSample:
    """Build a burst of 2 s whose requests took `millis` ms, plus failures by kind, with requests sent `lag_ms` late."""
    failures = dict(failed or {})
    times = Histogram.of((np.asarray(millis, np.float64) * 1000).round().astype(np.int64))
    scheduled = times.count + sum(failures.values())
    sent = scheduled - failures.get("unsent", 0)
    series = Series(
        tags={"host": "foo.localhost", "route": "foo"} if tags is None else tags,
        scheduled=scheduled,
        sent=sent,
        response=times,
        waiting=times,
        service=times,
        failed=failures,
        checks_passed=checks[0],
        checks_failed=checks[1],
    )
    lag = Histogram.of([round(lag_ms * 1000)] * sent)
    measures = {"cpu_share": 0.1, "steal": 0.0, "punctual": scheduled, **health}
    return BurstSample(started, 2.0, (series,), lag, Health(loop_lag=lag, scheduled=scheduled, **measures))  # type: ignore[arg-type]  # tests give any measure


@pytest.fixture(name="burst")
def _burst_fixture() -> MakeBurst:
    return _burst


@pytest.fixture(name="run")
def _run_fixture() -> MakeRun:
    """Build `count` bursts of `size` lognormal times with a median of about `median` ms; `spread` is the SD of log times between bursts."""

    def run(
        median: float = 100.0, *, count: int = 20, size: int = 1000, spread: float = 0.05, seed: int = 7, **burst: object
    ) -> list[BurstSample]:
        rng = np.random.default_rng(seed)
        shifts = rng.normal(0, spread, count)
        return [
            _burst(median * np.exp(shift + rng.normal(0, 0.3, size)), started=1000.0 + 3 * place, **burst)  # type: ignore[arg-type]  # passed on
            for place, shift in enumerate(shifts)
        ]

    return run
