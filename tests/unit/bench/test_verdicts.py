"""Error rates from one run and from a later recording, in one table."""

from __future__ import annotations

from dataclasses import replace

from bench.recorded import Recording
from bench.verdicts import RECORDED, ErrorRates, Row
from kindgate.slo.sample import BurstSample


def test_rows_of_an_earlier_recording_give_way_to_those_of_the_new_one() -> None:
    """What was simulated stays as it was."""
    simulated = Row("A/A", "light", 2000, 0.97, 0.02, 0.01, 15.0)
    old, new = replace(simulated, generator=RECORDED), replace(simulated, generator=RECORDED, failed=0.03)
    recording = Recording(500.0, (BurstSample(0.0, 2.0, ()),) * 3)
    rates = ErrorRates((simulated, old), 1).with_recorded(recording, ErrorRates((new,)))
    assert rates == ErrorRates((simulated, new), 3)
    assert rates.with_recorded(None, ErrorRates()) == ErrorRates((simulated,), 0)
