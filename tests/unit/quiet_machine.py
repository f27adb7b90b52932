"""Bursts that are really sent, with the health that they would have on a machine without other programs.

A busy machine makes verdicts INVALID, as it should; tests of anything else must not depend on the machine they run on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kindgate.histogram import Histogram
from kindgate.load.generator_pool import GeneratorPool
from kindgate.load.plan import BurstPlan
from kindgate.load.result import BurstResult, Health


def use_quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every burst that this process sends report an idle machine and a punctual generator."""
    send = GeneratorPool.run

    def run(pool: GeneratorPool, plan: BurstPlan, **options: Any) -> BurstResult:
        return as_on_a_quiet_machine(send(pool, plan, **options))

    monkeypatch.setattr(GeneratorPool, "run", run)


def as_on_a_quiet_machine(result: BurstResult) -> BurstResult:
    """Return `result` with its responses unchanged."""
    return replace(result, health=Health(foreign=0.0, pressure=0.0), loop_lag=Histogram.of([0] * result.loop_lag.count), late=0)
